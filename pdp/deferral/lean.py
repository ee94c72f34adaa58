"""Polls without a framework between: the calls of the OAuth API that come by the thousand.

They are documented with all others in `routes.py`, which answers the same way.
"""

import logging

import orjson

from pdp.core.cause import Cause
from pdp.core.deferral import Skin
from pdp.deferral.faults import as_oauth_fault
from pdp.deferral.kept import Reply
from pdp.deferral.parts import Asker, Parts
from pdp.deferral.poll import poll
from pdp.deferral.wire import object_of
from pdp.errors import METHOD_NOT_ALLOWED, OAuthFault, Problem
from pdp.ops.asgi import (
    JSON,
    NO_STORE,
    ASGIApp,
    Receive,
    Scope,
    Send,
    exchange_of,
    read_json_body,
    respond,
    respond_oauth_fault,
)
from pdp.ops.dependencies import origin_of, parsed
from pdp.trust.callers import Authenticator
from pdp.trust.limits import RateLimit

PATHS: dict[str, Skin] = {
    "/oauth/v1/deferrals/poll": "dtr",
    "/oauth/v1/backchannel-requests/poll": "ciba",
    "/oauth/v1/transaction-challenges/poll": "txn",
}
_IDEMPOTENCY_KEY = b"idempotency-key"
_log = logging.getLogger("pdp.deferral")


class PollEndpoint:
    """An ASGI application for the polls of one skin.

    Args:
        parts: of the services.
        skin: what kind of handle is polled with.
        authenticator: finds out which authorization server calls.
        rate: how often each may call; None for as often as it likes.
        body_limit: most bytes of a body.
        depth: most levels of nesting in it.
    """

    def __init__(
        self,
        parts: Parts,
        skin: Skin,
        authenticator: Authenticator,
        rate: RateLimit | None,
        body_limit: int,
        depth: int,
    ) -> None:
        self._parts = parts
        self._skin = skin
        self._authenticator = authenticator
        self._rate = rate
        self._body_limit = body_limit
        self._depth = depth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one exchange; every error is one of OAuth's."""
        try:
            reply = await self._reply(scope, receive)
        except OAuthFault as fault:
            await respond_oauth_fault(send, fault)
        except Exception as fault:  # noqa: BLE001 - told as an OAuth error
            told = as_oauth_fault(fault)
            if told.status == 500:
                _log.exception("the call failed")
            await respond_oauth_fault(send, told)
        else:
            await respond(send, reply.status, orjson.dumps(reply.body), (JSON, NO_STORE))

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        exchange = exchange_of(scope)
        if scope["method"] != "POST":
            raise Problem(METHOD_NOT_ALLOWED, "use POST", headers={"Allow": "POST"})
        caller = self._authenticator.authenticate(exchange.authorization)
        if caller is None:
            caller = await self._authenticator.authenticate_slow(exchange.authorization)
        exchange.notes["caller"] = caller.id
        if self._rate is not None:
            self._rate.check(caller.id)
        caller.require_any("as")
        raw = await read_json_body(exchange, receive, self._body_limit)
        body = object_of(parsed(raw, self._depth))
        cause = Cause("caller", caller.id, None, origin_of(scope, "oauth"))
        return await poll(self._parts, body, Asker(caller, cause, _key(scope)), self._skin)


def poll_endpoints(
    parts: Parts,
    authenticator: Authenticator,
    rate: RateLimit | None,
    body_limit: int,
    depth: int,
) -> dict[str, ASGIApp]:
    """The applications, by their paths."""
    return {
        path: PollEndpoint(parts, skin, authenticator, rate, body_limit, depth)
        for path, skin in PATHS.items()
    }


def _key(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == _IDEMPOTENCY_KEY:
            return str(value.decode("latin-1"))
    return None
