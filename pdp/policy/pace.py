"""How fast a policy folder is loaded: as fast as can be, or beside requests being answered."""

import ctypes
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

# How long a loading thread works before it lets others run, and how long it then waits; seconds.
WORK = 0.001
REST = 0.001
# How soon others get the interpreter while the loader runs Python; the usual value is 0.005.
SWITCH = 0.0005


class Pace:
    """The pace of a load that nothing else waits for."""

    def __call__(self) -> None:
        """Called between pieces of work."""

    def piece(self, few: int, many: int) -> int:
        """How many policies the engine is given at once: it keeps the interpreter meanwhile."""
        return many


class GentlePace(Pace):
    """Small pieces with pauses between, so that an event loop finds the interpreter free."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    def __call__(self) -> None:
        """Pause when the last pause is long enough ago."""
        if time.perf_counter() - self._began > WORK:
            time.sleep(REST)
            self._began = time.perf_counter()

    def piece(self, few: int, many: int) -> int:
        """The small pieces."""
        return few


def give_back_memory() -> None:
    """Return what a load used and freed to the system, where the C library can (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@contextmanager
def gently() -> Iterator[GentlePace]:
    """The pace of a load that shares its interpreter with requests being answered.

    Within a piece of pure Python others are let in after half a millisecond instead of five.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield GentlePace()
    finally:
        sys.setswitchinterval(before)
