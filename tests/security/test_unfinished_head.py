"""A connection that never finishes the head of its request is given up."""

import asyncio
from typing import Any

import pytest
import uvicorn

from pdp.ops import bounded_head
from pdp.ops.bounded_head import BoundedHead


async def _app(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _answers(*sent: bytes) -> list[bytes]:
    """Start a server, send bytes on one connection, and read until the server closes it."""
    config = uvicorn.Config(_app, http=BoundedHead, ws="none", lifespan="off", log_level="error")
    config.load()
    state = uvicorn.server.ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: BoundedHead(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    found = []
    for piece in sent:
        writer.write(piece)
        found.append(await reader.read(65536))
    writer.close()
    server.close()
    await server.wait_closed()
    return found


WHOLE = b"GET / HTTP/1.1\r\nHost: pdp.example\r\n\r\n"


@pytest.mark.requirement("AZ-009")
@pytest.mark.parametrize("head", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: pdp.ex"])
def test_a_head_that_does_not_go_on_is_given_up(
    head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_head, "HEAD_SECONDS", 0.3)
    assert asyncio.run(_answers(head))[0].startswith(b"HTTP/1.1 408 ")


@pytest.mark.requirement("AZ-009")
def test_a_second_head_that_does_not_go_on_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_head, "HEAD_SECONDS", 0.3)
    first, second = asyncio.run(_answers(WHOLE, WHOLE[:-3]))
    assert first.startswith(b"HTTP/1.1 204 ")
    assert second.startswith(b"HTTP/1.1 408 ")


def test_requests_that_come_in_pieces_or_together_are_answered() -> None:
    padded = WHOLE[:-2] + b"X-Pad: " + b"x" * 60_000 + b"\r\n\r\n"
    for sent in (WHOLE, padded):
        assert asyncio.run(_answers(sent))[0].startswith(b"HTTP/1.1 204 ")
    (both,) = asyncio.run(_answers(WHOLE + WHOLE))
    assert both.startswith(b"HTTP/1.1 204 ")
