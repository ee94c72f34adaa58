"""Enforcing decisions at a resource: a FastAPI dependency and an ASGI middleware.

Both fail closed: without a decision there is no access.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse

from pdp.client.async_client import AsyncClient
from pdp.client.calls import CallFailed, Decision
from pdp.core.values import JsonObject

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Question = Callable[[HTTPConnection], JsonObject | None]
"""The evaluation that a request comes to; None where nothing is to be asked."""


class AccessDenied(Exception):
    """The PDP said no; `decision` says whether access can be requested."""

    def __init__(self, decision: Decision) -> None:
        super().__init__("access denied")
        self.decision = decision


def requires(
    client: AsyncClient, question: Callable[[Request], JsonObject]
) -> Callable[[Request], Awaitable[Decision]]:
    """A FastAPI dependency that lets a request through when the PDP permits it.

    It raises `AccessDenied`, or `CallFailed` when there is no decision: the application answers
    them with 403 and 503.
    """

    async def dependency(request: Request) -> Decision:
        decision = await client.evaluate(question(request))
        if not decision.allowed:
            raise AccessDenied(decision)
        return decision

    return dependency


class EnforcementMiddleware:
    """An ASGI application that asks the PDP before it passes an HTTP request on.

    403 for a denial, with what a requestable one needs to be requested; 503 without a decision.
    """

    def __init__(self, app: Any, client: AsyncClient, question: Question) -> None:
        self._app = app
        self._client = client
        self._question = question

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        asked = self._question(HTTPConnection(scope))
        try:
            decision = None if asked is None else await self._client.evaluate(asked)
        except CallFailed:
            await _refuse(scope, receive, send, 503, {})
            return
        if decision is None or decision.allowed:
            await self._app(scope, receive, send)
            return
        denial = decision.denial
        await _refuse(scope, receive, send, 403, {} if denial is None else {"denial": denial})


async def _refuse(
    scope: Scope, receive: Receive, send: Send, status: int, extra: JsonObject
) -> None:
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = {"type": "about:blank", "status": status, **extra}
    response = JSONResponse(body, status, {"Cache-Control": "no-store"}, "application/problem+json")
    await response(scope, receive, send)
