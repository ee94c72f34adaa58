"""The claims of a binding token, as a value and as the payload of a JWT (ARAP)."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from pdp.core.moment import format_moment, parse_moment
from pdp.core.values import JsonObject

_INLINE = ("subject", "resource", "action", "items", "context")


class InvalidClaims(ValueError):
    """A payload whose known claims are not of their types."""


class BindingClaims(NamedTuple):
    """What a binding token says.

    Attributes:
        issuer: `iss`, the identifier of the PDP.
        audience: `aud`, always as several.
        issued_at: `iat`.
        expires_at: `exp`.
        not_before: `nbf`.
        token_id: `jti`.
        evaluation_id: the evaluation that was denied.
        denial_expires_at: `access_request.expires_at` of the denial.
        members: `binding_context_members`; None, as when empty, binds no context.
        binding_hash: the hash form of the bound request.
        inline: its inline form: `subject`, `resource` and `action` or `items`, `context`.
        template: the workflow that was offered.
        caller: to whom the denial was given.
    """

    issuer: str
    audience: tuple[str, ...]
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    not_before: datetime | None = None
    token_id: str | None = None
    evaluation_id: str | None = None
    denial_expires_at: datetime | None = None
    members: tuple[str, ...] | None = None
    binding_hash: str | None = None
    inline: JsonObject | None = None
    template: str | None = None
    caller: str | None = None


def claims_to_json(claims: BindingClaims) -> JsonObject:
    """The payload of the token; a single audience is written as a string."""
    audience, protected = claims.audience, claims.denial_expires_at
    payload: JsonObject = {
        "iss": claims.issuer,
        "aud": audience[0] if len(audience) == 1 else list(audience),
        "iat": _seconds(claims.issued_at),
        "nbf": _seconds(claims.not_before),
        "exp": _seconds(claims.expires_at),
        "jti": claims.token_id,
        "evaluation_id": claims.evaluation_id,
        "denial_expires_at": protected and format_moment(protected),
        "binding_context_members": None if claims.members is None else list(claims.members),
        "binding_hash": claims.binding_hash,
        "template": claims.template,
        "caller": claims.caller,
    }
    told = {name: value for name, value in payload.items() if value is not None}
    return told | claims.inline if claims.inline else told


def claims_from_json(payload: JsonObject) -> BindingClaims:
    """Read the payload of a token; claims that are not known are left aside (ARAP).

    Raises:
        InvalidClaims: when `iss` or `aud` is missing, or a known claim is of another type.
    """
    issuer = _text(payload, "iss")
    if issuer is None:
        raise InvalidClaims("`iss` is missing")
    expiry = _text(payload, "denial_expires_at")
    try:
        protected = None if expiry is None else parse_moment(expiry)
    except ValueError as error:
        raise InvalidClaims(f"`denial_expires_at`: {error}") from None
    inline = {name: payload[name] for name in _INLINE if name in payload}
    return BindingClaims(
        issuer,
        _audience(payload.get("aud")),
        _moment(payload, "iat"),
        _moment(payload, "exp"),
        _moment(payload, "nbf"),
        _text(payload, "jti"),
        _text(payload, "evaluation_id"),
        protected,
        _members(payload.get("binding_context_members")),
        _text(payload, "binding_hash"),
        inline if "subject" in inline else None,
        _text(payload, "template"),
        _text(payload, "caller"),
    )


def _audience(value: Any) -> tuple[str, ...]:
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, list) or not several:
        raise InvalidClaims("`aud` is missing")
    if not all(isinstance(one, str) for one in several):
        raise InvalidClaims("`aud` must be a string or an array of strings")
    return tuple(several)


def _members(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise InvalidClaims("`binding_context_members` must be an array of strings")
    return tuple(value)


def _text(payload: JsonObject, name: str) -> str | None:
    value = payload.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidClaims(f"`{name}` must be a string")
    return value


def _moment(payload: JsonObject, name: str) -> datetime | None:
    value = payload.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidClaims(f"`{name}` must be a number of seconds")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        raise InvalidClaims(f"`{name}` is not a moment") from None


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
