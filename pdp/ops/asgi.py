"""The little ASGI that the lean routes need: read a bounded body, write a response."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import orjson

from pdp.errors import TOO_LARGE, UNSUPPORTED_CONTENT, OAuthFault, Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON = (b"content-type", b"application/json")
PROBLEM_JSON = (b"content-type", b"application/problem+json")
NO_STORE = (b"cache-control", b"no-store")


class Exchange:
    """What is noted about one HTTP exchange while it is answered, for its log line."""

    __slots__ = (
        "authorization",
        "content_type",
        "declared_length",
        "language",
        "notes",
        "request_id",
    )

    def __init__(self, headers: Iterable[Header]) -> None:
        self.request_id: bytes | None = None
        self.authorization: bytes | None = None
        self.content_type: bytes | None = None
        self.declared_length: bytes | None = None
        self.language: bytes | None = None
        self.notes: dict[str, Any] = {}
        for name, value in headers:
            if name == b"authorization":
                # Two credentials in one request name nobody: the joined text is refused.
                self.authorization = value if self.authorization is None else b"repeated"
            elif name == b"content-type":
                self.content_type = value
            elif name == b"x-request-id":
                self.request_id = value
            elif name == b"content-length":
                self.declared_length = value
            elif name == b"accept-language":
                self.language = value


def exchange_of(scope: Scope) -> Exchange:
    """The exchange that the gate opened for this scope."""
    exchange: Exchange = scope["pdp.exchange"]
    return exchange


def too_large(limit: int) -> Problem:
    """The problem of a body over `limit` bytes."""
    return Problem(
        TOO_LARGE, f"the body is larger than {limit} bytes", extra={"limit": limit, "unit": "bytes"}
    )


async def read_json_body(exchange: Exchange, receive: Receive, limit: int) -> bytes:
    """Read the whole body of an `application/json` request.

    Raises:
        Problem: 400 for another content type, 413 above `limit` bytes.
    """
    content_type = exchange.content_type
    if content_type != b"application/json":
        require_json(content_type)
    declared = exchange.declared_length
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise too_large(limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > limit:
            raise too_large(limit)
        return body
    chunks = [body]
    size = len(body)
    while message.get("more_body", False):
        if size > limit:
            raise too_large(limit)
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if size > limit:
        raise too_large(limit)
    return b"".join(chunks)


def require_json(content_type: bytes | None) -> None:
    """Refuse a body that is not `application/json`; raises `Problem` 400."""
    media_type = (content_type or b"").split(b";", 1)[0].strip().lower()
    if media_type != b"application/json":
        shown = (content_type or b"none").decode("latin-1")[:100]
        raise Problem(UNSUPPORTED_CONTENT, f"`Content-Type` is `{shown}`")


async def respond(send: Send, status: int, body: bytes, headers: Iterable[Header] = ()) -> None:
    """Send one whole response; `headers` come after the content length."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-length", b"%d" % len(body)), *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def respond_problem(send: Send, problem: Problem) -> None:
    """Send a problem document (RFC 9457)."""
    extra = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    body = orjson.dumps(problem.document())
    await respond(send, problem.status, body, [PROBLEM_JSON, NO_STORE, *extra])


async def respond_oauth_fault(send: Send, fault: OAuthFault) -> None:
    """Send an OAuth error object (RFC 6749, section 5.2)."""
    extra = [(name.lower().encode(), value.encode()) for name, value in fault.headers.items()]
    await respond(send, fault.status, orjson.dumps(fault.document()), [JSON, NO_STORE, *extra])
