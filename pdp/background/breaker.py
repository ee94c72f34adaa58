"""Leaving a host alone that does not answer, so that it does not keep every thread waiting."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

OPENS_AFTER = 3
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=5)
_MOST_HOSTS = 10_000


@dataclass(slots=True)
class _Silence:
    failures: int = 0
    not_before: datetime | None = None


class Breaker:
    """Counts, in this process, how often in a row a host gave no answer.

    After three times it is left alone for half a minute, then asked once; each further silence
    doubles the pause, up to five minutes. An answer of any kind ends it.
    """

    def __init__(self) -> None:
        self._hosts: dict[str, _Silence] = {}
        self._guard = threading.Lock()

    def allows(self, host: str, now: datetime) -> bool:
        """Whether the host may be called; a caller let through after a pause goes alone."""
        with self._guard:
            silence = self._hosts.get(host)
            if silence is None or silence.not_before is None:
                return True
            if now < silence.not_before:
                return False
            silence.not_before = now + _pause(silence.failures)
            return True

    def answered(self, host: str) -> None:
        """The host gave an answer."""
        with self._guard:
            self._hosts.pop(host, None)

    def silent(self, host: str, now: datetime) -> None:
        """The host gave no answer."""
        with self._guard:
            if host not in self._hosts and len(self._hosts) >= _MOST_HOSTS:
                self._hosts.clear()
            silence = self._hosts.setdefault(host, _Silence())
            silence.failures += 1
            if silence.failures >= OPENS_AFTER:
                silence.not_before = now + _pause(silence.failures)


def _pause(failures: int) -> timedelta:
    doublings: int = 2 ** min(max(failures - OPENS_AFTER, 0), 10)
    return min(FIRST_PAUSE * doublings, LONGEST_PAUSE)
