"""Calls an ASGI application directly, thousands of times a second."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from pdp.app import Server


class Answer(NamedTuple):
    """A response: its status, its headers and its body."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class AsgiCaller:
    """Sends requests to an application in this process; what it raises is raised here.

    Args:
        app: the application.
        loop: runs it.
    """

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop

    def post(self, path: str, body: bytes, *headers: tuple[bytes, bytes]) -> Answer:
        """The answer to a POST."""
        return self._loop.run_until_complete(self._post(path, body, headers))

    async def _post(
        self, path: str, body: bytes, headers: tuple[tuple[bytes, bytes], ...]
    ) -> Answer:
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": list(headers),
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        parts = [message.get("body", b"") for message in sent[1:]]
        return Answer(sent[0]["status"], dict(sent[0]["headers"]), b"".join(parts))


@contextmanager
def calling(server: Server) -> Iterator[AsgiCaller]:
    """A started server, called directly."""
    loop = asyncio.new_event_loop()
    server.services.start()
    try:
        yield AsgiCaller(server, loop)
    finally:
        server.services.close()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
