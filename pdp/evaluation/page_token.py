"""Opaque page tokens: bound to the request and the caller they were given to, tamper-proof."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import NamedTuple

from pdp.core.values import JsonValue
from pdp.errors import INVALID_PAGE_TOKEN, Problem

Mac = Callable[[bytes], bytes]

_MAC_BYTES = 16
_SCOPE_BYTES = 16


class Place(NamedTuple):
    """Where a page begins: its size, and the item before it (None at the very beginning)."""

    limit: int
    after: str | None


class PageTokens:
    """Makes and reads the tokens of one kind of listing.

    A token holds the place of the next page and the digest of what it belongs to, under a MAC.

    Args:
        mac: a keyed MAC, the same on every replica.
    """

    def __init__(self, mac: Mac) -> None:
        self._mac = mac

    def make(self, scope: bytes, place: Place) -> str:
        """The token for the page at `place` of the listing `scope`."""
        text = str(place.limit) if place.after is None else f"{place.limit} {place.after}"
        body = scope[:_SCOPE_BYTES] + text.encode("utf-8", "surrogatepass")
        return base64.urlsafe_b64encode(self._mac(body)[:_MAC_BYTES] + body).decode().rstrip("=")

    def read(self, token: object, scope: bytes) -> Place:
        """Where the page begins.

        Raises:
            Problem: 400 for a token that was altered, made up, or given for another request.
        """
        if type(token) is not str:
            raise Problem(INVALID_PAGE_TOKEN, "`/page/token` must be a string")
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise Problem(INVALID_PAGE_TOKEN, "the token was not made here") from None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body)[:_MAC_BYTES]):
            raise Problem(INVALID_PAGE_TOKEN, "the token was not made here")
        if not hmac.compare_digest(body[:_SCOPE_BYTES], scope[:_SCOPE_BYTES]):
            raise Problem(
                INVALID_PAGE_TOKEN,
                "the token belongs to another request; repeat that one unchanged",
            )
        limit, parted, after = body[_SCOPE_BYTES:].decode("utf-8", "surrogatepass").partition(" ")
        return Place(int(limit), after if parted else None)


def scope_of(caller_id: str, kind: str, request: JsonValue) -> bytes:
    """The digest of everything that a page token is bound to."""
    text = json.dumps([caller_id, kind, request], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).digest()
