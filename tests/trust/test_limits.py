"""The rate limit: what passes, what waits, and how much is remembered."""

import pytest

from pdp.errors import Problem
from pdp.settings import LimitSettings
from pdp.trust.limits import RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_passes_and_then_calls_wait_for_the_rate(clock: Clock) -> None:
    limit = RateLimit(2.0, 3, clock)
    assert [limit.wait("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    clock.now += 0.5
    assert [limit.wait("a"), limit.wait("a")] == [0.0, 0.5]


def test_waiting_callers_are_not_punished_for_asking(clock: Clock) -> None:
    limit = RateLimit(1.0, 1, clock)
    assert limit.wait("a") == 0.0
    for _ in range(10):
        clock.now += 0.05
        assert limit.wait("a") > 0
    clock.now += 0.5
    assert limit.wait("a") == 0.0


def test_a_bucket_never_holds_more_than_a_burst(clock: Clock) -> None:
    limit = RateLimit(10.0, 2, clock)
    limit.wait("a")
    clock.now += 3600
    assert [limit.wait("a") > 0 for _ in range(3)] == [False, False, True]


def test_callers_do_not_share_a_bucket(clock: Clock) -> None:
    limit = RateLimit(1.0, 1, clock)
    assert [limit.wait("a"), limit.wait("b"), limit.wait("a")] == [0.0, 0.0, 1.0]


def test_a_batch_may_cost_more_than_one_call(clock: Clock) -> None:
    limit = RateLimit(10.0, 20, clock)
    assert limit.wait("a", 15) == 0.0
    assert limit.wait("a", 15) == pytest.approx(1.0)


def test_a_call_dearer_than_a_burst_passes_once_the_bucket_is_full(clock: Clock) -> None:
    limit = RateLimit(10.0, 20, clock)
    assert limit.wait("a", 1000) == 0.0
    assert limit.wait("a", 1000) == pytest.approx(2.0)


def test_the_table_is_bounded_and_forgets_the_quietest(clock: Clock) -> None:
    limit = RateLimit(0.001, 1, clock, most=100)
    for name in range(1000):
        limit.wait(str(name))
    assert len(limit._buckets) == 100
    assert limit.wait("999") > 0
    assert limit.wait("0") == 0.0


@pytest.mark.requirement("ARAP-155")
def test_too_many_calls_are_a_429_that_says_when_to_come_back(clock: Clock) -> None:
    limit = RateLimit(0.1, 1, clock)
    limit.check("a")
    with pytest.raises(Problem) as fault:
        limit.check("a")
    assert (fault.value.status, fault.value.headers) == (429, {"Retry-After": "10"})


def test_there_is_no_limit_unless_one_is_configured(clock: Clock) -> None:
    assert RateLimit.from_settings(LimitSettings(), clock) is None
    limited = RateLimit.from_settings(LimitSettings(calls_per_second=5, burst=1), clock)
    assert limited is not None
    assert [limited.wait("a"), limited.wait("a")] == [0.0, 0.2]
