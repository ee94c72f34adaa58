"""Authlib's server and openid-client, neither of them ours: what waits for both."""

import json
from collections.abc import Iterator

import pytest

from tests.connected.bank import EXAMPLE, Client, Clients
from tests.connected.counter import DEFERRED, Counter
from tests.connected.node import install, stop
from tests.connected.test_authlib_records import GIVEN, RECORD

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
ASKED = {"authorization_details": json.dumps(RECORD), "completion_mode": "deferred"}


@pytest.fixture(scope="module")
def agent(counter: Counter) -> Iterator[Client]:
    """The agent, on openid-client."""
    install(EXAMPLE)
    clients = Clients(counter.issuer, {"TEST_CLOCK": str(counter.folder / "clock")})
    try:
        clients.do("client", "agent-7", {"secret": "agent-7-secret"})
        yield Client(clients, "agent-7")
    finally:
        stop(clients.process)


def test_a_client_finds_its_way_and_gets_what_it_was_given(agent: Client) -> None:
    assert DEFERRED in agent.metadata()["grant_types_supported"]
    asked = {"authorization_details": json.dumps(GIVEN)}
    assert agent.grant("client_credentials", asked)["authorization_details"] == GIVEN


@pytest.mark.requirement("DTR-010", "DTR-024")
def test_a_client_waits_until_it_is_decided(counter: Counter, agent: Client) -> None:
    refused = agent.refused("grant", "client_credentials", ASKED)
    assert (refused.status, refused.error) == (400, "authorization_pending")
    assert refused.cache == "no-store"
    counter.decide("alice")
    waiting = {"deferral_code": refused.body["deferral_code"], "interval": 0.1}
    assert agent.wait(waiting)["authorization_details"] == RECORD
    assert agent.error("poll", waiting["deferral_code"]) == "invalid_grant"


@pytest.mark.requirement("DTR-040")
def test_a_client_gives_up(counter: Counter, agent: Client) -> None:
    code = agent.refused("grant", "client_credentials", ASKED).body["deferral_code"]
    agent.revoke(code)
    assert counter.task()["status"] == "cancelled"
    assert agent.error("poll", code) == "access_denied"


@pytest.mark.requirement("CIBA-003", "AROP-058")
def test_a_client_asks_a_person_in_the_background(counter: Counter, agent: Client) -> None:
    asked = {"scope": "openid", "login_hint": "alice", "authorization_details": json.dumps(RECORD)}
    given = agent.backchannel(asked)
    assert counter.task()["transport"] == "ciba"
    counter.decide("alice")
    tokens = agent.waitBackchannel(given | {"interval": 0.1})
    assert tokens["authorization_details"] == RECORD
    assert "id_token" in tokens
