"""A lean endpoint: one POST with a strict JSON object, from an authenticated caller with a role."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from pdp.core.authzen import InvalidRequest
from pdp.core.values import MAX_DEPTH, JsonObject
from pdp.errors import INVALID_REQUEST, METHOD_NOT_ALLOWED, TOO_LARGE, Problem
from pdp.ops.asgi import (
    JSON,
    Exchange,
    Header,
    Receive,
    Scope,
    Send,
    exchange_of,
    read_json_body,
    respond,
    respond_problem,
)
from pdp.ops.dependencies import invalid_request, parsed
from pdp.trust.callers import Authenticator, Caller
from pdp.trust.limits import RateLimit


class Call(NamedTuple):
    """One authenticated call: who, what, and the exchange it came in."""

    caller: Caller
    body: JsonObject
    exchange: Exchange
    query: bytes


Handler = Callable[[Call], Awaitable[bytes]]


class JsonEndpoint:
    """An ASGI application for one path.

    Args:
        handler: answers a call with the bytes of a JSON body, or raises `Problem`.
        role: what the caller must be.
        authenticator: finds out who calls.
        body_limit: most bytes of a body.
        rate: how often each caller may call; None for as often as it likes.
        headers: further headers of every success.
        depth: most levels of nesting in a body.
    """

    def __init__(
        self,
        handler: Handler,
        role: str,
        authenticator: Authenticator,
        body_limit: int,
        rate: RateLimit | None = None,
        headers: tuple[Header, ...] = (),
        depth: int = MAX_DEPTH,
    ) -> None:
        self._depth = depth
        self._handler = handler
        self._role = role
        self._authenticator = authenticator
        self._body_limit = body_limit
        self._rate = rate
        self._headers = (JSON, *headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one exchange: method, caller, body, then the handler."""
        exchange = exchange_of(scope)
        try:
            if scope["method"] != "POST":
                raise Problem(METHOD_NOT_ALLOWED, "use POST", headers={"Allow": "POST"})
            caller = self._authenticator.authenticate(exchange.authorization)
            if caller is None:
                caller = await self._authenticator.authenticate_slow(exchange.authorization)
            exchange.notes["caller"] = caller.id
            caller.require(self._role)
            if self._rate is not None:
                self._rate.check(caller.id)
            raw = await read_json_body(exchange, receive, self._body_limit)
            answer = await self._handler(
                Call(caller, json_object(raw, self._depth), exchange, scope["query_string"])
            )
        except InvalidRequest as fault:
            await respond_problem(send, invalid_request(fault))
        except Problem as problem:
            await respond_problem(send, problem)
        else:
            await respond(send, 200, answer, self._headers)


def json_object(raw: bytes, depth: int = MAX_DEPTH) -> JsonObject:
    """Parse a body that must be one strict JSON object; raises `Problem`."""
    body = parsed(raw, depth)
    if type(body) is not dict:
        raise Problem(INVALID_REQUEST, "the body must be a JSON object")
    return body


def too_many(pointer: str, limit: int, found: int) -> Problem:
    """The problem of an array with more than `limit` items."""
    return Problem(
        TOO_LARGE,
        f"`{pointer}` has {found} items, at most {limit} are taken",
        extra={"limit": limit, "unit": "items"},
    )
