"""The one middleware, pure ASGI: request id, dispatch of the lean routes, log line, last resort.

Every HTTP exchange passes here once. Paths with a lean handler go straight to it; all others go
to the application behind. Whatever escapes is answered as a problem, never as a bare 500.
"""

import secrets
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pdp.errors import INTERNAL, OAuthFault, Problem
from pdp.ops.asgi import (
    ASGIApp,
    Exchange,
    Message,
    Receive,
    Scope,
    Send,
    respond_oauth_fault,
    respond_problem,
    too_large,
)
from pdp.ops.line_log import LineLog
from pdp.ops.metrics import Metrics

UNKNOWN_FAULT = "the request id finds the cause in the server's log"
_LONGEST_SHOWN_ID = 200
_WITH_SECRETS = tuple(
    f"/access/v1/{name}/" for name in ("interactions", "forms", "catalogs", "catalog")
)


class Gate:
    """The outermost ASGI application.

    Args:
        app: the application behind, for every path without a lean handler.
        lean: exact path to the handler that is called without any framework between.
        log: takes the one line of each exchange.
        metrics: counts each exchange.
        body_limit: most bytes of a body, for the paths served by `app`.
        bulk_path: the one path that takes more, for bulk changes.
        bulk_limit: most bytes of a body there.
    """

    def __init__(
        self,
        app: ASGIApp,
        lean: Mapping[str, ASGIApp],
        log: LineLog,
        metrics: Metrics,
        body_limit: int,
        bulk_path: str,
        bulk_limit: int,
    ) -> None:
        self._app = app
        self._lean = lean
        self._log = log
        self._metrics = metrics
        self._body_limit = body_limit
        self._bulk_path = bulk_path
        self._bulk_limit = bulk_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        exchange = Exchange(scope["headers"])
        scope["pdp.exchange"] = exchange
        request_id = exchange.request_id
        if not request_id:
            request_id = exchange.request_id = secrets.token_hex(16).encode()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        path: str = scope["path"]
        handler = self._lean.get(path)
        try:
            if handler is not None:
                await handler(scope, receive, send_with_id)
            else:
                await self._app(scope, self._bounded(path, exchange, receive), send_with_id)
        except Problem as problem:
            await self._if_unanswered(status, respond_problem, send_with_id, problem)
        except OAuthFault as fault:
            await self._if_unanswered(status, respond_oauth_fault, send_with_id, fault)
        except Exception as error:  # noqa: BLE001 - the last resort
            exchange.notes["fault"] = _trace_of(error)
            unknown = Problem(INTERNAL, UNKNOWN_FAULT)
            await self._if_unanswered(status, respond_problem, send_with_id, unknown)
        finally:
            self._note(scope, path, exchange, status, time.perf_counter() - began)

    async def _if_unanswered(self, status: int, answer: Any, send: Send, error: Exception) -> None:
        if not status:
            await answer(send, error)

    def _bounded(self, path: str, exchange: Exchange, receive: Receive) -> Receive:
        limit = self._bulk_limit if path == self._bulk_path else self._body_limit
        declared = exchange.declared_length
        if declared is not None and declared.isdigit() and int(declared) > limit:
            raise too_large(limit)
        size = 0

        async def receive_bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise too_large(limit)
            return message

        return receive_bounded

    def _note(
        self, scope: Scope, path: str, exchange: Exchange, status: int, seconds: float
    ) -> None:
        self._metrics.exchange(path, status, seconds)
        request_id = exchange.request_id or b""
        line: dict[str, Any] = {
            "at": datetime.now(UTC),
            "level": "error" if status >= 500 or not status else "info",
            "event": "request",
            "request_id": request_id[:_LONGEST_SHOWN_ID].decode("latin-1"),
            "method": scope["method"],
            "path": loggable(path),
            "status": status,
            "ms": round(seconds * 1000, 3),
        }
        if exchange.notes:
            line.update(exchange.notes)
        self._log.add(line)


def loggable(path: str) -> str:
    """A path without the secret that some addresses end in."""
    if not path.startswith(_WITH_SECRETS):
        return path
    parts = path.split("/")
    shown = 4 if parts[3] == "interactions" else 5
    return "/".join(parts[:shown]) + ("/…" if len(parts) > shown else "")


def _trace_of(error: Exception) -> str:
    return "".join(traceback.format_exception(error))[-4000:]
