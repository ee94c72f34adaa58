"""Authlib's server is killed between the PDP's grant and its own answer; nothing is lost."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.connected.counter import DEFERRED, Counter
from tests.connected.test_authlib_records import RECORD, deferred
from tests.connected.wire import Answer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.requirement("AROP-044")
def test_a_token_that_was_granted_survives_the_server(counter: Counter) -> None:
    agent = counter.client("agent-7")
    code = deferred(agent)
    counter.decide("alice")
    before = len(counter.wire.answers)

    def killed(answer: Answer) -> bool:
        counter.server.kill()
        return True

    counter.wire.lost = killed
    with pytest.raises(httpx.TransportError):
        agent.poll(code)
    counter.wire.lost = lambda answer: False
    counter.server.start()

    assert agent.poll(code)["authorization_details"] == RECORD
    assert agent.polled(code) == "invalid_grant"
    first, *_, again, last = [
        answer for answer in counter.wire.answers[before:] if answer.path.endswith("/poll")
    ]
    assert (first.status, again.status, last.status) == (200, 200, 400)
    assert first.key is not None
    assert first.key == again.key
    assert last.key != first.key


@pytest.mark.requirement("DTR-024")
def test_of_many_polls_at_once_one_gets_the_token(counter: Counter) -> None:
    agent = counter.client("agent-7")
    code = deferred(agent)
    counter.decide("alice")
    with ThreadPoolExecutor(6) as many:
        polls = [
            many.submit(agent.post, "token", grant_type=DEFERRED, deferral_code=code)
            for _ in range(6)
        ]
        bodies = [poll.result().json() for poll in polls]
    assert sum("access_token" in body for body in bodies) == 1
    assert {body["error"] for body in bodies if "error" in body} == {"invalid_grant"}
