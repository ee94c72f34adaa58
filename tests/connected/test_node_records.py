"""An agent asks beyond what it was given, and the person whose record it is decides."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pdp.core.values import JsonObject
from tests.connected.bank import BANK_API, Bank, Client
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
RECORD = [{"type": "customer_records", "identifier": "alice-2027", "actions": ["read"]}]
GIVEN = [{"type": "customer_records", "identifier": "opening-hours", "actions": ["read"]}]
HOUR = 3600
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@pytest.fixture
def agent(bank: Bank) -> Client:
    """The agent."""
    return bank.client("agent-7")


def asking(details: list[JsonObject], **more: Any) -> JsonObject:
    """The parameters of a token request for records."""
    return {"authorization_details": json.dumps(details), "completion_mode": "deferred"} | more


def deferred(agent: Client, grant: str = "client_credentials", **more: Any) -> str:
    """The code of an agent that has to wait."""
    refused = agent.refused("grant", grant, asking(RECORD, **more))
    assert refused.status == 400
    assert refused.error == "authorization_pending"
    assert refused.cache == "no-store"
    assert 3500 < refused.body["expires_in"] <= HOUR
    assert refused.body["interval"] == 5
    return str(refused.body["deferral_code"])


@pytest.mark.requirement("DTR-060")
def test_the_metadata_says_what_the_server_can_do(agent: Client) -> None:
    metadata = agent.metadata()
    assert metadata["deferred_token_response_supported"] is True
    assert "urn:ietf:params:oauth:grant-type:deferred" in metadata["grant_types_supported"]
    assert metadata["revocation_endpoint_token_type_values_supported"] == [
        "urn:ietf:params:oauth:token-type:deferral-code"
    ]
    assert metadata["backchannel_token_delivery_modes_supported"] == ["poll", "ping"]


@pytest.mark.requirement("DTR-002", "AROP-013")
def test_what_an_agent_was_given_it_gets_at_once(agent: Client) -> None:
    tokens = agent.grant("client_credentials", asking(GIVEN))
    assert tokens["authorization_details"] == GIVEN
    assert tokens["expires_in"] == HOUR


@pytest.mark.requirement("DTR-001", "AROP-055")
def test_who_does_not_want_to_wait_is_refused(agent: Client) -> None:
    asked = {"authorization_details": json.dumps(RECORD)}
    for mode in ({}, {"completion_mode": "later"}):
        error = agent.error("grant", "client_credentials", asked | mode)
        assert error == "invalid_authorization_details"


@pytest.mark.requirement("DTR-010", "DTR-022", "DTR-023", "DTR-024", "DTR-026", "AROP-037")
def test_an_agent_waits_is_slowed_down_and_gets_what_was_approved(
    bank: Bank, agent: Client
) -> None:
    code = deferred(agent)
    pending = agent.refused("poll", code)
    assert pending.body == {"error": "authorization_pending", "error_description": "step=owner"}
    assert agent.error("poll", code) == "slow_down"
    bank.decide("alice")
    tokens = agent.poll(code)
    assert tokens["authorization_details"] == RECORD
    assert 0 < tokens["expires_in"] <= 600, "the approval lasts ten minutes"
    assert "refresh_token" not in tokens
    claims = agent.verify(tokens["access_token"], BANK_API)
    assert claims["authorization_details"] == RECORD
    assert claims["exp"] - claims["iat"] == tokens["expires_in"]
    again = agent.refused("poll", code)
    assert again.body == {
        "error": "invalid_grant",
        "error_description": "the code has been redeemed",
    }


@pytest.mark.requirement("DTR-023")
def test_a_client_that_is_slowed_down_waits_longer_and_gets_its_token(
    bank: Bank, agent: Client
) -> None:
    code = deferred(agent)
    before = len(bank.wire.answers)
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(agent.wait, {"deferral_code": code, "interval": 0.1})
        # One that was told to wait and one that was too fast; the next comes five seconds later.
        wait_until(lambda: len(bank.wire.answers) == before + 2)
        bank.decide("alice")
        assert waiting.result(60)["authorization_details"] == RECORD
    assert [answer.status for answer in bank.wire.answers[before:]] == [400, 400, 200]


@pytest.mark.requirement("DTR-021", "AROP-032")
def test_what_the_owner_denies_is_denied(bank: Bank, agent: Client) -> None:
    code = deferred(agent)
    assert bank.vote("bob").status_code == 403
    bank.decide("alice", "deny")
    assert agent.error("poll", code) == "access_denied"
    assert agent.error("poll", code) == "access_denied"


@pytest.mark.requirement("DTR-040", "DTR-041", "DTR-044", "AROP-051")
def test_an_agent_that_gives_up_gets_nothing_more(bank: Bank, agent: Client) -> None:
    code = deferred(agent)
    for _ in range(2):
        agent.revoke(code)
    agent.revoke("never-issued")
    assert bank.task()["status"] == "cancelled"
    assert agent.error("poll", code) == "access_denied"


@pytest.mark.requirement("DTR-042")
def test_what_was_approved_and_given_up_is_not_delivered(bank: Bank, agent: Client) -> None:
    code = deferred(agent)
    bank.decide("alice")
    agent.revoke(code)
    assert agent.error("poll", code) == "access_denied"


@pytest.mark.requirement("DTR-021", "AROP-052")
def test_a_request_that_nobody_looks_at_expires(bank: Bank, agent: Client) -> None:
    code = deferred(agent)
    bank.later(HOUR)
    assert agent.error("poll", code) == "expired_token"


@pytest.mark.requirement("DTR-013", "DTR-025")
def test_the_code_of_another_client_is_like_one_that_never_was(bank: Bank, agent: Client) -> None:
    code = deferred(agent)
    bank.decide("alice")
    other = bank.client("web-shop")
    other.revoke(code)
    unknown = {"error": "invalid_grant", "error_description": "the code is not known"}
    assert other.refused("poll", code).body == unknown
    assert other.refused("poll", "never-issued").body == unknown
    assert agent.poll(code)["authorization_details"] == RECORD


@pytest.mark.requirement("DTR-020")
def test_a_poll_changes_nothing_of_the_request(bank: Bank, agent: Client) -> None:
    code = deferred(agent)
    bank.decide("alice")
    grant = "urn:ietf:params:oauth:grant-type:deferred"
    poll = {"deferral_code": code, "scope": "credit:apply"}
    assert agent.error("grant", grant, poll | {"completion_mode": "deferred"}) == "invalid_request"
    assert agent.error("grant", grant, {}) == "invalid_request"
    tokens = agent.grant(grant, poll | {"authorization_details": json.dumps(GIVEN)})
    assert tokens["authorization_details"] == RECORD
    assert "scope" not in tokens


@pytest.mark.requirement("DTR-026", "AROP-057")
def test_an_agent_that_acts_for_somebody_asks_for_more(bank: Bank, agent: Client) -> None:
    shop = bank.client("web-shop")
    signed_in = shop.authorize("bob", {"scope": "openid accounts:read", "resource": BANK_API})
    given = shop.redeem(signed_in, {"resource": BANK_API})["access_token"]
    subject = {"subject_token": given, "subject_token_type": ACCESS_TOKEN}
    assert agent.error("grant", EXCHANGE, asking(RECORD)) == "invalid_request"
    forged = subject | {"subject_token": given[:-6] + "AAAAAA"}
    assert agent.error("grant", EXCHANGE, asking(RECORD, **forged)) == "invalid_grant"
    own = agent.grant("client_credentials", asking(GIVEN))["access_token"]
    assert agent.error("grant", EXCHANGE, subject | {"subject_token": own}) == "invalid_grant"
    code = deferred(agent, EXCHANGE, **subject)
    assert bank.task()["subject"]["properties"] == {"act": {"sub": "agent-7"}}
    bank.decide("alice")
    tokens = agent.poll(code)
    assert tokens["issued_token_type"] == ACCESS_TOKEN
    claims = agent.verify(tokens["access_token"], BANK_API)
    assert (claims["sub"], claims["client_id"]) == ("bob", "agent-7")
    assert claims["authorization_details"] == RECORD


@pytest.mark.requirement("AROP-037")
def test_without_the_pdp_there_is_no_token(bank: Bank, agent: Client) -> None:
    code = deferred(agent)
    bank.decide("alice")
    bank.wire.cut = True
    try:
        for refused in (
            agent.refused("grant", "client_credentials", asking(GIVEN)),
            agent.refused("poll", code),
            agent.refused("revoke", code),
        ):
            assert (refused.status, refused.error) == (503, "temporarily_unavailable")
    finally:
        bank.wire.cut = False
    assert agent.poll(code)["authorization_details"] == RECORD


@pytest.mark.requirement("DTR-051")
def test_nothing_but_a_permit_is_a_permit(bank: Bank, agent: Client) -> None:
    code = deferred(agent)
    for status, body in (
        *((200, b"{}"), (200, b"null"), (200, b'{"outcome": "deny"}'), (200, b"<html>")),
        *((400, b"{}"), (401, b'{"error": "invalid_client"}'), (404, b'{"error": "no"}')),
        *((429, b"{}"), (500, b"{}"), (302, b"{}")),
    ):
        bank.wire.instead = (status, body)
        try:
            for refused in (
                agent.refused("grant", "client_credentials", asking(GIVEN)),
                agent.refused("poll", code),
            ):
                assert (refused.status, refused.error) == (503, "temporarily_unavailable"), status
        finally:
            bank.wire.instead = None
    assert agent.error("poll", code) == "authorization_pending"


@pytest.mark.requirement("DTR-061")
def test_the_server_keeps_no_code_in_clear(bank: Bank, agent: Client) -> None:
    code = deferred(agent)
    agent.error("poll", code)
    assert bank.files_with(code) == []
