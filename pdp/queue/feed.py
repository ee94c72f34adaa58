"""The events of requests as they happen, for pages and servers that stay connected.

One reader of the event log serves all listeners of a process; who falls behind reads the log for
itself. Events come in the order of commits, so `Last-Event-ID` never skips one.
"""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from typing import NamedTuple

import orjson

from pdp.access_request.case import load_case
from pdp.access_request.desk import Desk
from pdp.core.moment import format_moment
from pdp.queue.sight import Sight
from pdp.store import events
from pdp.store.engine import Session
from pdp.store.events import Event

LOOK_EVERY = 0.25
HEARTBEAT = 15.0
_BATCH = 500
_KEEP_ALIVE = b": still here\n\n"


class EventFeed:
    """Wakes everybody who listens when the event log has grown."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._listeners = 0
        self._grown = asyncio.Condition()
        self._newest = 0
        self._looking: asyncio.Task[None] | None = None

    async def listen(self, sight: Sight, after: int | None) -> AsyncGenerator[bytes, None]:
        """Server-sent events that `sight` sees, after a number; None from now on."""
        database = self._desk.database
        place = await database.aread(events.last_seq) if after is None else after
        self._join()
        try:
            yield b"retry: 2000\n\n"
            while True:
                found = await database.aread(partial(self._read, sight, place))
                for text in found.texts:
                    yield text
                if found.last > place:
                    place = found.last
                    continue
                if not await self._wait(place):
                    yield _KEEP_ALIVE
        finally:
            self._leave()

    def _read(self, sight: Sight, after: int, session: Session) -> "_Found":
        batch = events.since(session, after, _BATCH, sight.requester)
        newest = events.last_seq(session)
        texts = [_text(event) for event in batch if self._visible(session, sight, event)]
        if batch:
            return _Found(texts, batch[-1].seq)
        return _Found(texts, max(after, newest))

    def _visible(self, session: Session, sight: Sight, event: Event) -> bool:
        if sight.person is None:
            return True
        case = load_case(session, event.task_id)
        return case is not None and sight.sees(session, self._desk, case, self._desk.clock())

    def _join(self) -> None:
        self._listeners += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())

    def _leave(self) -> None:
        self._listeners -= 1

    async def _look(self) -> None:
        while self._listeners:
            newest = await self._desk.database.apeek(events.last_seq)
            if newest > self._newest:
                async with self._grown:
                    self._newest = newest
                    self._grown.notify_all()
            await asyncio.sleep(LOOK_EVERY)

    async def _wait(self, place: int) -> bool:
        """Wait until there is more than `place`; False when nothing came for a while."""
        async with self._grown:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._grown.wait_for(lambda: self._newest > place)
            except TimeoutError:
                return False
        return True


class _Found(NamedTuple):
    texts: list[bytes]
    last: int


def _text(event: Event) -> bytes:
    body = {"type": event.kind, "timestamp": format_moment(event.at), "data": event.data}
    data = orjson.dumps(body)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.seq, event.kind.encode(), data)
