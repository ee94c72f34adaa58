"""A host that does not answer is left alone for a while; every other is called as before."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from pdp.background.breaker import Breaker
from pdp.background.credentials import Hmac, Mtls
from pdp.background.deliveries import Answer, Deliverer, NotDelivered, Parcel
from pdp.background.jobs import Retry
from pdp.store.engine import Database
from pdp.trust.keys import KeyRing
from tests.contract.make import NOW

SECOND = timedelta(seconds=1)


def test_it_opens_after_three_silences_and_lets_one_through_after_a_pause() -> None:
    breaker = Breaker()
    for _ in range(3):
        assert breaker.allows("a", NOW)
        breaker.silent("a", NOW)
    assert not breaker.allows("a", NOW + 29 * SECOND)
    assert breaker.allows("b", NOW)
    assert breaker.allows("a", NOW + 30 * SECOND)
    assert not breaker.allows("a", NOW + 30 * SECOND)


def test_the_pause_doubles_up_to_five_minutes_and_an_answer_ends_it() -> None:
    breaker = Breaker()
    now = NOW
    waited = []
    for _ in range(9):
        breaker.silent("a", now)
        pause = timedelta()
        while not breaker.allows("a", now + pause):
            pause += SECOND
        waited.append(pause.total_seconds())
        now += pause
    assert waited == [0, 0, 30, 60, 120, 240, 300, 300, 300]
    breaker.answered("a")
    assert breaker.allows("a", now)


class Silent:
    """Reaches nobody, save at `up`."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], certificate: Mtls | None
    ) -> Answer:
        self.calls.append(url)
        if "up" in url:
            return Answer(204)
        raise NotDelivered("no answer within 15 seconds")


def test_deliveries_to_a_silent_host_are_put_off_without_a_try(db: Database, keys: KeyRing) -> None:
    poster = Silent()
    deliverer = Deliverer(poster, keys, "https://pdp.example.com")
    faults = []
    for number in range(5):
        parcel = Parcel("m", f"https://down.example/{number}", {}, Hmac((b"k" * 24,)))
        with pytest.raises(Retry) as fault:
            deliverer.send(parcel, NOW)
        faults.append(str(fault.value))
    assert len(poster.calls) == 3
    assert faults[0] == "not delivered: no answer within 15 seconds"
    assert faults[4] == "not tried: the host did not answer others a moment ago"
    deliverer.send(Parcel("m", "https://up.example/", {}, Hmac((b"k" * 24,))), NOW)
