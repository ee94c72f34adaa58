"""What may go wrong between us and the database, and which of it may be tried again."""

import time
from collections.abc import Iterator
from random import Random

from sqlalchemy.exc import DBAPIError, TimeoutError

RETRY_FOR_SECONDS = 10.0
_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.5
# One of its own: what runs beside must not move the one that all of the process share.
_chance = Random()
_SERIALIZATION = ("40001", "40P01")


class StoreUnavailable(Exception):
    """The database could not be reached, or stayed busy; nothing was changed."""


class CommitUnknown(Exception):
    """The connection was lost while committing: the change may have been kept or not."""


def may_retry(error: Exception) -> bool:
    """Whether a transaction that failed so, before its commit was sent, may run once more."""
    if isinstance(error, TimeoutError):
        return False
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        # 57P01..3: the server is stopping or starting; 08: no connection.
        return state in _SERIALIZATION or state.startswith(("57P0", "08"))
    return _is_busy(error) or _never_connected(error)


def is_unavailable(error: Exception) -> bool:
    """Whether the database, not the statement, was at fault."""
    return isinstance(error, TimeoutError) or may_retry(error)


def is_commit_unknown(error: DBAPIError) -> bool:
    """Whether a failed commit may still have been kept."""
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) == "40003"


def pauses() -> Iterator[None]:
    """Yield before each attempt, waiting longer each time, with jitter, within a bound."""
    end = time.monotonic() + RETRY_FOR_SECONDS
    pause = _FIRST_PAUSE
    yield
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, pause * _chance.uniform(0.5, 1.5)))
        pause = min(pause * 2, _LONGEST_PAUSE)
        yield


def _is_busy(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (5, 6)


def _never_connected(error: DBAPIError) -> bool:
    return error.statement is None and type(error.orig).__module__.startswith("psycopg")
