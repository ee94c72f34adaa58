"""A client that asks at a fixed rate, whatever the answers do: a slow answer delays no question.

Latency counts from when a question was due, so that a stalled server cannot hide its stall.
"""

import asyncio
import time
from typing import NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    """When a question was due (seconds, monotonic), how long its answer took, and its status."""

    due: float
    seconds: float
    status: int


class OpenLoop:
    """Asks one question over and over on several connections.

    Args:
        url: where to.
        body: the JSON body.
        key: the caller's key.
        rate: questions a second.
        connections: how many connections share them.
    """

    def __init__(self, url: str, body: bytes, key: str, rate: float, connections: int = 16) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._question = head.encode() + body
        self._gap = connections / rate
        self._connections = connections
        self._stop = asyncio.Event()
        self.answers: list[Answer] = []

    async def run(self) -> None:
        """Ask until `stop` is called."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(self._connections):
                first = began + number * self._gap / self._connections
                group.create_task(self._asking(first))

    def stop(self) -> None:
        """Ask no more."""
        self._stop.set()

    async def _asking(self, due: float) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        while not self._stop.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            try:
                writer.write(self._question)
                status = await _answer(reader)
            except (OSError, EOFError):
                status = 0
                writer.close()
                reader, writer = await asyncio.open_connection(self._host, self._port)
            self.answers.append(Answer(due, time.monotonic() - due, status))
            due += self._gap
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next(line for line in lines if line.startswith("content-length:"))
    await reader.readexactly(int(length.split(":")[1]))
    return int(lines[0].split(" ")[1])


def percentile(answers: list[Answer], share: float) -> float:
    """The latency in milliseconds that `share` of the answers stayed under."""
    ordered = sorted(answer.seconds for answer in answers)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000
