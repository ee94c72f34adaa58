"""Lines for a file or standard output, written by one thread so that nobody waits for a disk."""

import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import orjson

FLUSH_SECONDS = 0.1
MOST_WAITING = 100_000
BATCH = 512
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class LineLog:
    """A bounded buffer of JSON lines; what does not fit is dropped and counted, never waited for.

    Args:
        descriptor: the open file that the lines go to.
        most: how many lines may wait at once.
        on_drop: called with the number of lines lost, from the writing thread.
        least: lines of a lower level are left out.
    """

    def __init__(
        self,
        descriptor: int,
        most: int = MOST_WAITING,
        on_drop: Callable[[int], object] = lambda lost: None,
        least: str = "debug",
    ) -> None:
        self._descriptor = descriptor
        self._most = most
        self._on_drop = on_drop
        self._least = _LEVELS[least]
        self._waiting: deque[dict[str, Any]] = deque()
        self._lost = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="line-log", daemon=True)

    def start(self) -> None:
        """Begin writing."""
        self._thread.start()

    def add(self, line: dict[str, Any]) -> None:
        """Put a line in the buffer; `line` belongs to the log from now on."""
        if _LEVELS[line["level"]] < self._least:
            return
        if len(self._waiting) < self._most:
            self._waiting.append(line)
        else:
            self._lost += 1

    def close(self) -> None:
        """Write what waits and stop."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._flush()

    def _run(self) -> None:
        while not self._stop.wait(FLUSH_SECONDS):
            self._flush()

    def _flush(self) -> None:
        lost, self._lost = self._lost, 0
        if lost:
            self._on_drop(lost)
        while waiting := min(BATCH, len(self._waiting)):
            lines = [self._waiting.popleft() for _ in range(waiting)]
            data = b"".join(
                orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE) for line in lines
            )
            _write_all(self._descriptor, data)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            threading.Event().wait(0.01)
        except OSError:
            return
