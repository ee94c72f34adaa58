"""How often a caller may call: a token bucket each, in the memory of this replica."""

import math
from collections import OrderedDict
from collections.abc import Callable

from pdp.errors import TOO_MANY_REQUESTS, Problem
from pdp.settings import LimitSettings

MOST_BUCKETS = 10_000
_ROUNDING = 1e-9


class RateLimit:
    """Lets each key through `rate` times a second, and `burst` times at once.

    Args:
        rate: calls a second in the long run.
        burst: calls that a key which was quiet may make at once.
        clock: seconds; it may start anywhere but must not go back.
        most: keys to remember; the one unseen for longest is forgotten first.
    """

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float], most: int = MOST_BUCKETS
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @classmethod
    def from_settings(cls, limits: LimitSettings, clock: Callable[[], float]) -> "RateLimit | None":
        """The limit for every caller; None when there is none."""
        if limits.calls_per_second is None:
            return None
        return cls(limits.calls_per_second, limits.burst, clock)

    def wait(self, key: str, cost: float = 1.0) -> float:
        """Take `cost` from the bucket of `key`: 0 when it was there, else seconds until it is."""
        now = self._clock()
        held, since = self._buckets.pop(key, (self._burst, now))
        held = min(self._burst, held + (now - since) * self._rate)
        # A call that costs more than a bucket holds is let through when the bucket is full.
        due = min(cost, self._burst)
        missing = due - held if due - held > _ROUNDING else 0.0
        self._buckets[key] = (held if missing else held - due, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return missing / self._rate

    def check(self, key: str, cost: float = 1.0) -> None:
        """Let a call of `key` pass; raises `Problem` 429 with `Retry-After` in whole seconds."""
        seconds = self.wait(key, cost)
        if seconds > 0:
            raise Problem(
                TOO_MANY_REQUESTS,
                "this caller has made too many calls",
                headers={"Retry-After": str(max(1, math.ceil(seconds)))},
            )
