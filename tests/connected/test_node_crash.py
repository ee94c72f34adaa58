"""The server is killed between the PDP's grant and its own answer; nothing is lost or doubled."""

import json

import pytest

from tests.connected.bank import Bank
from tests.connected.test_node_records import RECORD, deferred
from tests.connected.wire import Answer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.requirement("AROP-044")
def test_a_token_that_was_granted_survives_the_server(bank: Bank) -> None:
    agent = bank.client("agent-7")
    code = deferred(agent)
    bank.decide("alice")
    before = len(bank.wire.answers)

    def killed(answer: Answer) -> bool:
        bank.server.kill()
        return True

    bank.wire.lost = killed
    with pytest.raises(AssertionError, match="fetch failed"):
        agent.poll(code)
    bank.wire.lost = lambda answer: False
    bank.server.start()

    assert agent.poll(code)["authorization_details"] == RECORD
    assert agent.error("poll", code) == "invalid_grant"
    first, *_, again, last = [
        answer for answer in bank.wire.answers[before:] if answer.path.endswith("/poll")
    ]
    assert (first.status, again.status, last.status) == (200, 200, 400)
    assert first.key is not None
    assert first.key == again.key
    assert last.key != first.key


@pytest.mark.requirement("DTR-024")
def test_of_many_polls_at_once_one_gets_the_token(bank: Bank) -> None:
    agent = bank.client("agent-7")
    code = deferred(agent)
    bank.decide("alice")
    outcomes = agent.together("poll", 6, code)
    tokens = [each for each in outcomes if "access_token" in each]
    assert len(tokens) == 1, json.dumps(outcomes)
    assert {each["error"] for each in outcomes if each not in tokens} == {"invalid_grant"}
