"""Servers over one database that somebody watches: one that dies is started again."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.access_request.world import DATA, client
from tests.background.sink import Sink
from tests.server import Server, running

MASTER_KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
_BASE = "http://127.0.0.1:8181"
_RESTART_SECONDS = 0.2


def environment(sink: Sink) -> dict[str, str]:
    """One name and one key for all, a caller that may be called at the sink, and an inbox."""
    callers = [
        client("pep", "pep", callbacks=[f"{sink.url}/*"]),
        client("inbox", "approver_proxy"),
        client("admin", "admin"),
    ]
    return {
        "PDP_BASE_URL": _BASE,
        "PDP_CLIENTS": json.dumps(callers),
        "PDP_OUTBOUND__ALLOW_NETWORKS": '["127.0.0.0/8"]',
        "PDP_KEYS__MASTER_KEY": MASTER_KEY,
    }


class _Place:
    """One place of a fleet, and the server that stands in it now."""

    def __init__(self, folder: Path, database: str, variables: Mapping[str, str]) -> None:
        self.server: Server | None = None
        self._start = (folder, database, variables)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        folder, database, variables = self._start
        while not self._closing.is_set():
            try:
                with running(
                    folder,
                    policies=DATA / "policies",
                    schemas=DATA / "schemas",
                    database=database,
                    environment=variables,
                ) as server:
                    self.server = server
                    while server.process.poll() is None and not self._closing.wait(0.02):
                        pass
            except AssertionError:
                # It found no database: whoever watches over servers starts it again.
                self._closing.wait(_RESTART_SECONDS)
            finally:
                self.server = None

    def close(self) -> None:
        self._closing.set()
        self._thread.join()


class Fleet:
    """Several places with a server in each."""

    def __init__(self, folder: Path, database: str, sink: Sink, count: int) -> None:
        variables = environment(sink)
        self._places = [_Place(folder, database, variables) for _ in range(count)]
        self._killed = 0
        self.settle()

    @property
    def servers(self) -> list[Server]:
        """Those that serve now."""
        return [place.server for place in list(self._places) if place.server is not None]

    def settle(self, seconds: float = 120.0) -> list[Server]:
        """Wait until there is a server in every place."""
        deadline = time.monotonic() + seconds
        while len(found := self.servers) < len(self._places):
            assert time.monotonic() < deadline, "not all servers came back"
            time.sleep(0.05)
        return found

    def kill(self) -> bool:
        """kill -9 for the next one that serves; whether there was one."""
        for _ in self._places:
            place = self._places[self._killed % len(self._places)]
            self._killed += 1
            if place.server is not None:
                place.server.process.kill()
                return True
        return False

    def close(self) -> None:
        """Stop them all."""
        for place in self._places:
            place.close()


@contextmanager
def fleet(folder: Path, database: str, sink: Sink, count: int) -> Iterator[Fleet]:
    """A fleet that serves."""
    found = Fleet(folder, database, sink, count)
    try:
        yield found
    finally:
        found.close()
