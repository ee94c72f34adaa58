"""What the documented routes need of a request: the caller, and a strict JSON body."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request

from pdp.core.authzen import InvalidRequest
from pdp.core.language import preferred
from pdp.core.values import MAX_DEPTH, InvalidJson, JsonObject, JsonValue, parse_json
from pdp.errors import INVALID_JSON, INVALID_REQUEST, Problem
from pdp.ops.asgi import Scope, exchange_of, require_json
from pdp.trust.callers import Authenticator, Caller
from pdp.trust.limits import RateLimit


async def caller_of(request: Request) -> Caller:
    """The authenticated caller, within its rate; raises `Problem` 401 or 429."""
    authenticator: Authenticator = request.app.state.authenticator
    exchange = exchange_of(request.scope)
    caller = authenticator.authenticate(exchange.authorization)
    if caller is None:
        caller = await authenticator.authenticate_slow(exchange.authorization)
    exchange.notes["caller"] = caller.id
    rate: RateLimit | None = request.app.state.rate
    if rate is not None:
        rate.check(caller.id)
    return caller


def caller_with(*roles: str) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency that lets a caller with any of `roles` through; raises `Problem` 401 or 403."""

    async def dependency(request: Request) -> Caller:
        caller = await caller_of(request)
        caller.require_any(*roles)
        return caller

    return dependency


async def json_body(request: Request) -> JsonValue:
    """The strict JSON body, whatever its shape; raises `Problem` 400."""
    require_json(exchange_of(request.scope).content_type)
    return parsed(await request.body(), _depth(request))


async def json_body_or_nothing(request: Request) -> Any:
    """The strict JSON body, or the empty object where there is none; raises `Problem` 400."""
    raw = await request.body()
    if not raw:
        return {}
    require_json(exchange_of(request.scope).content_type)
    return parsed(raw, _depth(request))


def _depth(request: Request) -> int:
    depth: int = request.app.state.settings.limits.depth
    return depth


def parsed(raw: bytes, depth: int = MAX_DEPTH) -> JsonValue:
    """Parse a body of at most `depth` levels; raises `Problem` 400 that names the fault."""
    try:
        return parse_json(raw, depth)
    except InvalidJson as fault:
        raise Problem(INVALID_JSON, str(fault), extra={"fault": fault.fault}) from None


def invalid_request(fault: InvalidRequest) -> Problem:
    """The answer to a request of the wrong shape."""
    where = fault.at or "the body"
    errors = [{"pointer": fault.at, "detail": fault.message}]
    return Problem(INVALID_REQUEST, f"`{where}` {fault.message}", errors=errors)


def languages_of(request: Request) -> tuple[str, ...]:
    """What the reader wants, best first."""
    language = exchange_of(request.scope).language
    return preferred(None if language is None else language.decode("latin-1"))


def origin_of(scope: Scope, transport: str) -> JsonObject:
    """Where a request came from, for the audit."""
    request_id = exchange_of(scope).request_id or b""
    origin: JsonObject = {"request_id": request_id.decode("latin-1"), "transport": transport}
    peer = scope.get("client")
    if peer is not None:
        origin["address"] = peer[0]
    return origin
