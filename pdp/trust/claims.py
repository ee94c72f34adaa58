"""What a token's claims must say (RFC 7519, section 4.1), once its signature is good."""

from collections.abc import Collection
from typing import Any

from pdp.core.values import JsonObject

LEEWAY_SECONDS = 30
"""Clock tolerance for every token; replay memory must outlive `exp` by as much."""

# Beyond this a float no longer holds whole seconds, and no calendar goes there either.
_LAST_SECOND = 2**53


class BadToken(ValueError):
    """A token that must not be believed; the text says why, without quoting it."""


class ExpiredToken(BadToken):
    """A token that was good, but is over."""


def check_claims(
    claims: JsonObject,
    *,
    issuer: str,
    audience: str,
    now: float,
    required: Collection[str] = (),
) -> None:
    """Hold the registered claims against what is expected; expiry is looked at last.

    Args:
        claims: the claims of a verified token.
        issuer: what `iss` must be, exactly.
        audience: what `aud` must be or hold.
        now: seconds since 1970.
        required: further claims that must be there.

    Raises:
        ExpiredToken: everything is right save that `exp` has passed.
        BadToken: a claim is missing, malformed or another's.
    """
    if claims.get("iss") != issuer:
        raise BadToken("the token is of another issuer")
    if not has_audience(claims, audience):
        raise BadToken("the token is for another audience")
    for name in required:
        if claims.get(name) in (None, "", [], {}):
            raise BadToken(f"the token has no `{name}`")
    check_times(claims, now)


def check_times(claims: JsonObject, now: float, *, require_exp: bool = True) -> None:
    """Hold `exp`, `nbf` and `iat` against `now` (seconds); raises `BadToken`, `ExpiredToken`."""
    for name in ("nbf", "iat"):
        value = _seconds(claims, name)
        if value is not None and value > now + LEEWAY_SECONDS:
            raise BadToken("the token is not valid yet")
    expiry = _seconds(claims, "exp")
    if expiry is None:
        if require_exp:
            raise BadToken("the token does not expire")
    elif now >= expiry + LEEWAY_SECONDS:
        raise ExpiredToken("the token has expired")


def has_audience(claims: JsonObject, audience: str) -> bool:
    """Whether `aud` is `audience` or an array that holds it."""
    found = claims.get("aud")
    return audience in found if isinstance(found, list) else found == audience


def _seconds(claims: JsonObject, name: str) -> float | None:
    value: Any = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadToken(f"`{name}` is not a number")
    if not 0 <= value <= _LAST_SECOND:
        raise BadToken(f"`{name}` is out of range")
    return value
