"""When a job that failed is tried again: fixed delays by attempt, each with jitter."""

from dataclasses import dataclass
from datetime import timedelta

LONGEST_WAIT = timedelta(hours=24)
_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Schedule:
    """The delays between attempts; after the last one the job is buried.

    Attributes:
        delays: the pause after the first attempt, after the second, and so on.
    """

    delays: tuple[timedelta, ...]

    @property
    def attempts(self) -> int:
        """How often a job is tried at most."""
        return len(self.delays) + 1

    def pause(
        self, attempt: int, chance: float, asked: timedelta | None = None
    ) -> timedelta | None:
        """How long to wait after a failed attempt; None when it was the last.

        Args:
            attempt: its number, from 1.
            chance: at random from 0 to 1; the delay is up to a fifth longer or shorter.
            asked: the least that the other side asked for (`Retry-After`), held to a day.
        """
        if attempt >= self.attempts:
            return None
        delay = self.delays[max(attempt, 1) - 1] * (1 - _JITTER + 2 * _JITTER * chance)
        return max(delay, min(asked, LONGEST_WAIT)) if asked is not None else delay


def _schedule(*seconds: float) -> Schedule:
    return Schedule(tuple(timedelta(seconds=each) for each in seconds))


_MINUTE, _HOUR = 60.0, 3600.0

DELIVERY = _schedule(
    5, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR,
    24 * _HOUR,
)  # fmt: skip
"""For what is told to others: the schedule of Standard Webhooks, ten attempts in three days."""

INTERNAL = _schedule(1, 5, 15, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 6 * _HOUR)
"""For what concerns only this server: nine attempts, most of them soon."""
