"""The database: one unit of work at a time, committed before it is answered.

SQLite has one writer connection (`BEGIN IMMEDIATE`, synchronous FULL) and a few readers beside
it; PostgreSQL has one pool. A unit of work is a plain function of a `Session`; it may run more
than once (serialization failures, deadlocks, lost connections), so it changes nothing else.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError, TimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from pdp.store.connect import (
    POSTGRES_POOL,
    SQLITE_READERS,
    parse_address,
    postgres_engines,
    sqlite_engines,
)
from pdp.store.faults import (
    CommitUnknown,
    StoreUnavailable,
    is_commit_unknown,
    is_unavailable,
    may_retry,
    pauses,
)
from pdp.store.session import Session

__all__ = ["CommitUnknown", "Database", "IntegrityError", "Session", "StoreUnavailable"]

T = TypeVar("T")
Work = Callable[[Session], T]

_NO_SPAN = nullcontext()

# Engines that speak PostgreSQL's protocol but have no NOTIFY: replicas there only poll.
_WITHOUT_NOTIFY = ("CockroachDB", "-YB-")


class Database:
    """An open database. Its methods may be called from any thread."""

    def __init__(self, url: str, writer: Engine, reader: Engine) -> None:
        self.url = url
        self.writer = writer
        self.reader = reader
        self.on_postgres = writer.dialect.name == "postgresql"
        self.on_announced: Callable[[set[str]], None] | None = None
        self.span: Callable[[str], AbstractContextManager[object]] = lambda name: _NO_SPAN
        """Opened around each unit of work, by its kind; for whoever traces requests."""
        self._peeker = reader
        if self.on_postgres:
            self._peeker = writer.execution_options(isolation_level="AUTOCOMMIT")
        self._notifies: bool | None = None if self.on_postgres else False
        pool = POSTGRES_POOL if self.on_postgres else SQLITE_READERS
        self._readers = CapacityLimiter(pool)
        self._writers = self._readers if self.on_postgres else CapacityLimiter(1)
        self._closed = False
        for engine in (writer,) if self.on_postgres else (writer, reader):
            event.listen(engine, "checkin", self._checked_in)

    @classmethod
    def open(cls, url: str) -> "Database":
        """Open `sqlite:///relative`, `sqlite:////absolute` or `postgresql://…`.

        Nothing is connected yet. Raises `BadAddress` for an address of another kind.
        """
        address = parse_address(url)
        kind = address.get_backend_name()
        engines = sqlite_engines if kind == "sqlite" else postgres_engines
        return cls(url, *engines(address))

    def read(self, work: Work[T]) -> T:
        """Run `work` on one consistent snapshot; raises `StoreUnavailable`."""
        with self.span("store read"):
            return self._reading(self.reader, work)

    def peek(self, work: Work[T]) -> T:
        """Run `work` that is a single query, at the least cost; raises `StoreUnavailable`."""
        with self.span("store peek"):
            return self._reading(self._peeker, work)

    def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction and commit; on return the change is durable.

        Raises:
            StoreUnavailable: nothing was changed.
            CommitUnknown: the connection broke during the commit; the outcome must be looked up.
        """
        with self.span("store write"):
            return self._writing(work)

    def _writing(self, work: Work[T]) -> T:
        fault: Exception | None = None
        for _ in pauses():
            try:
                return self._write_once(work)
            except (DBAPIError, TimeoutError) as error:
                if not is_unavailable(error):
                    raise
                fault = error
                if not may_retry(error):
                    break
        raise StoreUnavailable("the database cannot be reached or is busy") from fault

    async def aread(self, work: Work[T]) -> T:
        """`read`, in one hop to a worker thread."""
        return await anyio.to_thread.run_sync(self.read, work, limiter=self._readers)

    async def apeek(self, work: Work[T]) -> T:
        """`peek`, in one hop to a worker thread."""
        return await anyio.to_thread.run_sync(self.peek, work, limiter=self._readers)

    async def awrite(self, work: Work[T]) -> T:
        """`write`, in one hop to a worker thread."""
        return await anyio.to_thread.run_sync(self.write, work, limiter=self._writers)

    def can_notify(self) -> bool:
        """Whether this database wakes listeners (PostgreSQL's NOTIFY); else replicas poll."""
        if self._notifies is None:
            with self._peeker.connect() as connection:
                version = str(connection.execute(text("SELECT version()")).scalar())
            self._notifies = not any(mark in version for mark in _WITHOUT_NOTIFY)
        return self._notifies

    def close(self) -> None:
        """Close every connection; one that is in use, as soon as it is not."""
        self._closed = True
        self.reader.dispose()
        self.writer.dispose()

    def _checked_in(self, _connection: object, record: ConnectionPoolEntry) -> None:
        if self._closed:
            record.invalidate()

    def _reading(self, engine: Engine, work: Work[T]) -> T:
        fault: Exception | None = None
        for _ in pauses():
            try:
                with engine.connect() as connection:
                    return work(Session(connection))
            except (DBAPIError, TimeoutError) as error:
                if not is_unavailable(error):
                    raise
                fault = error
                if not may_retry(error):
                    break
        raise StoreUnavailable("the database cannot be reached or is busy") from fault

    def _write_once(self, work: Work[T]) -> T:
        notifies = self.can_notify()
        with self.writer.connect() as connection:
            transaction = connection.begin()
            session = Session(connection, notifies=notifies)
            try:
                result = work(session)
                session.finish()
            except BaseException:
                transaction.rollback()
                raise
            try:
                transaction.commit()
            except DBAPIError as error:
                if is_commit_unknown(error):
                    raise CommitUnknown("the connection was lost during the commit") from error
                raise
        if session.topics and self.on_announced is not None:
            self.on_announced(session.topics)
        return result
