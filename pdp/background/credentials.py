"""How this server proves itself to whom it calls; a way without proof does not exist."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pdp.trust.webhook_signature import format_secret


@dataclass(frozen=True, slots=True)
class Hmac:
    """Standard Webhooks signatures; several secrets while they change."""

    secrets: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that the other side gave us."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mtls:
    """A client certificate and its key, in PEM files."""

    certificate: Path
    key: Path


Credential = Hmac | Bearer | Mtls


class Macs(Protocol):
    """Keyed MACs of this deployment, the same on every replica."""

    def mac(self, purpose: str, data: bytes) -> bytes:
        """32 bytes that only this deployment can compute."""


def derived_secret(macs: Macs, caller: str) -> bytes:
    """The webhook secret of a caller for which none is configured; it is nowhere kept."""
    return macs.mac("callback secret", caller.encode())


def derived_secret_text(macs: Macs, caller: str) -> str:
    """That secret as the caller is to be told it: `whsec_…`."""
    return format_secret(derived_secret(macs, caller))


class Credentials:
    """The credentials that calls go out with.

    Args:
        macs: derives the secrets of callers for which nothing is configured.
        callers: what is configured, by the caller's id.
        named: secrets by the name that a workflow's external step gives.
    """

    def __init__(
        self,
        macs: Macs,
        callers: Mapping[str, Credential] | None = None,
        named: Mapping[str, Hmac] | None = None,
    ) -> None:
        self._macs = macs
        self._callers = dict(callers or {})
        self._named = dict(named or {})

    def of_caller(self, caller: str) -> Credential:
        """How to prove ourselves to a caller's callback endpoint."""
        return self._callers.get(caller) or Hmac((derived_secret(self._macs, caller),))

    def named(self, name: str) -> Hmac | None:
        """The configured secret of that name."""
        return self._named.get(name)
