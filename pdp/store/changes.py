"""The watcher that tells a replica, within a second, that a topic has changed.

It asks for the versions every quarter of a second; on PostgreSQL it also listens, and after a
write of its own process it looks at once. A missed notification costs a poll, never a change.
"""

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from pdp.store import versions
from pdp.store.engine import Database, StoreUnavailable

Listener = Callable[[int], None]
INTERVAL_SECONDS = 0.25
_log = logging.getLogger("pdp.store")


class Changes:
    """Calls listeners, from its own thread, when the version of their topic has moved."""

    def __init__(self, db: Database, interval: float = INTERVAL_SECONDS) -> None:
        self._db = db
        self._interval = interval
        self._listeners: dict[str, list[Listener]] = {}
        self._seen: dict[str, int] = {}
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._look = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.last_look: float | None = None
        """`time.monotonic()` of the last successful look; None before the first."""

    def subscribe(self, topic: versions.Topic, listener: Listener) -> None:
        """Have `listener(version)` called when the topic moves on from what is there now."""
        with self._look:
            self._listeners.setdefault(topic, []).append(listener)

    def start(self) -> None:
        """Take the versions as they are, then watch in the background."""
        self._seen = self._db.read(versions.current)
        self.last_look = time.monotonic()
        self._db.on_announced = lambda _topics: self._wake.set()
        self._run(self._poll, "changes-poll")
        if self._db.on_postgres:
            self._run(self._listen, "changes-listen")

    def close(self) -> None:
        """Stop watching and wait for the threads to end."""
        self._db.on_announced = None
        self._closed.set()
        self._wake.set()
        for thread in self._threads:
            thread.join()

    def look(self) -> None:
        """Ask once, now, and tell the listeners; raises `StoreUnavailable`."""
        with self._look:
            found = self._db.peek(versions.current)
            self.last_look = time.monotonic()
            moved = {topic: at for topic, at in found.items() if at != self._seen.get(topic)}
            self._seen = found
            for topic, version in moved.items():
                for listener in self._listeners.get(topic, ()):
                    self._tell(listener, topic, version)

    def _tell(self, listener: Listener, topic: str, version: int) -> None:
        try:
            listener(version)
        except Exception:  # noqa: BLE001 - one listener's fault must not stop the others
            _log.exception("following topic `%s` failed", topic)

    def _run(self, loop: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=loop, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _poll(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(self._interval)
            self._wake.clear()
            if self._closed.is_set():
                return
            try:
                self.look()
            except StoreUnavailable:
                continue

    def _listen(self) -> None:
        driver_fault: type[Exception] = self._db.writer.dialect.loaded_dbapi.Error
        while not self._closed.is_set():
            try:
                if not self._db.can_notify():
                    return
                self._listen_on_one_connection()
            except (SQLAlchemyError, driver_fault, OSError):
                self._closed.wait(self._interval)

    def _listen_on_one_connection(self) -> None:
        with self._db.writer.connect() as connection:
            listening = connection.execution_options(isolation_level="AUTOCOMMIT")
            listening.execute(text(f"LISTEN {versions.CHANNEL}"))
            driver = listening.connection.driver_connection
            # The connection knows of this channel now; it must not go back to the pool.
            listening.detach()
            while not self._closed.is_set() and driver is not None:
                for _ in driver.notifies(timeout=self._interval, stop_after=1):
                    self._wake.set()
