"""When handles were polled last, told to the database a moment later (docs/adr/0015).

A pending poll changes nothing but that moment. It is remembered here, and written with those of
many others; whoever asks meanwhile takes the later of what is here and what is there.
"""

import threading
from datetime import datetime

from pdp.core.deferral import Handle
from pdp.store import deferrals
from pdp.store.engine import CommitUnknown, Database, StoreUnavailable

FLUSH_SECONDS = 0.5


class Pace:
    """The polls of one process that are not in the database yet.

    Args:
        database: where they go.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._polled: dict[str, datetime] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pace", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write what is left, and stop."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self.flush()

    def known(self, hashed: str, handle: Handle) -> Handle:
        """A handle as it is kept, by its MAC, with its last poll wherever that is known."""
        polled = self._polled.get(hashed)
        if polled is None or (handle.polled_at is not None and handle.polled_at >= polled):
            return handle
        return handle._replace(polled_at=polled)

    def note(self, hashed: str, before: Handle, now: datetime) -> bool:
        """Remember a poll; False when there was another one since `before` was looked at."""
        with self._lock:
            polled = self._polled.get(hashed)
            if polled is not None and (before.polled_at is None or polled > before.polled_at):
                return False
            self._polled[hashed] = now
            return True

    def flush(self) -> None:
        """Write what is remembered, and forget it once it is there."""
        with self._writing:
            told = dict(self._polled)
            if not told:
                return
            try:
                self._database.write(lambda session: deferrals.note_polls(session, told))
            except (StoreUnavailable, CommitUnknown):
                return
            with self._lock:
                for hashed, moment in told.items():
                    if self._polled.get(hashed) == moment:
                        del self._polled[hashed]

    def _run(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            self.flush()
