"""Opening the handle in the address of a catalog or form: which denial it was given with."""

from datetime import datetime
from typing import Protocol

from pdp.core.catalog_handle import SEAL, CatalogHandle, handle_from_bytes
from pdp.settings import SettingsError
from pdp.trust.claims import BadToken
from pdp.trust.compact import decoded

LONGEST_HANDLE = 4096


class Unsealer(Protocol):
    """What of the key ring opens handles."""

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Decrypt what was sealed here; raises `SettingsError`."""


def opened_handle(text: str, keys: Unsealer, now: datetime) -> CatalogHandle | None:
    """The denial behind a handle; None for one that is not ours or is over."""
    if len(text) > LONGEST_HANDLE:
        return None
    try:
        handle = handle_from_bytes(keys.unseal(decoded(text), SEAL))
    except (BadToken, SettingsError, ValueError):
        return None
    return handle if now < handle.expires_at else None
