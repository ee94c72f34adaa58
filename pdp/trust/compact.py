"""Taking compact JOSE tokens apart, strictly, before anything in them is believed."""

import base64
import binascii

from pdp.core.values import InvalidJson, JsonObject, parse_json
from pdp.trust.claims import BadToken

LONGEST_TOKEN = 32_768
_HEADER_DEPTH = 8
_PAYLOAD_DEPTH = 32

# `b64` changes what is signed (RFC 7797) and must be critical, so it goes with `crit`.
_REFUSED_HEADERS = ("crit", "b64")


def header_of(token: str, parts: int = 3) -> JsonObject:
    """The protected header of a compact token, not yet verified.

    Args:
        token: the compact serialisation.
        parts: 3 for a JWS, 5 for a JWE.

    Raises:
        BadToken: it is not such a token, or has headers that must be understood to be accepted.
    """
    if len(token) > LONGEST_TOKEN:
        raise BadToken("the token is too long")
    pieces = token.split(".")
    if len(pieces) != parts or not all(pieces):
        raise BadToken("the token is not in compact form")
    for piece in pieces[1:]:
        decoded(piece)
    header = _json(pieces[0], "header", _HEADER_DEPTH)
    if any(name in header for name in _REFUSED_HEADERS):
        raise BadToken("the token has critical headers")
    for name in ("kid", "typ", "cty"):
        if name in header and not isinstance(header[name], str):
            raise BadToken(f"the token's `{name}` is not a string")
    return header


def payload_of(token: str) -> JsonObject:
    """The claims of a compact JWS, not yet verified; raises `BadToken`."""
    return _json(token.split(".")[1], "payload", _PAYLOAD_DEPTH)


def issuer_of(token: str) -> str | None:
    """The `iss` that a compact JWS claims, not yet verified, to choose its keys by.

    Raises:
        BadToken: it is not a compact JWS.
    """
    header_of(token)
    named = payload_of(token).get("iss")
    return named if isinstance(named, str) else None


def type_of(header: JsonObject) -> str | None:
    """The `typ` of a header in lower case and without `application/`; None when it has none."""
    found = header.get("typ")
    return found.lower().removeprefix("application/") if isinstance(found, str) else None


def _json(piece: str, what: str, depth: int) -> JsonObject:
    try:
        value = parse_json(decoded(piece), depth)
    except InvalidJson:
        raise BadToken(f"the token's {what} is not strict JSON") from None
    if not isinstance(value, dict):
        raise BadToken(f"the token's {what} is not a JSON object")
    return value


def decoded(piece: str) -> bytes:
    """The bytes of base64url text in its one right spelling; raises `BadToken` for any other.

    With several spellings one token would have several hashes.
    """
    try:
        raw = base64.b64decode(piece + "=" * (-len(piece) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadToken("the token is not base64url") from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != piece:
        raise BadToken("the token is not base64url")
    return raw
