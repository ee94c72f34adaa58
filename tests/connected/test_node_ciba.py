"""An agent asks a person on a device of their own (CIBA), which here is the queue of the PDP."""

import json
from typing import Any

import pytest

from pdp.core.values import JsonObject
from tests.connected.bank import BANK_API, Bank, Client
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
CIBA = "urn:openid:params:grant-type:ciba"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
RECORD = [{"type": "customer_records", "identifier": "alice-2027", "actions": ["read"]}]
TOKEN = "5SIVTd4ZzzGctFQr4AqOGdCgyIa40-tCepd-0AcZxFY"


@pytest.fixture
def agent(bank: Bank) -> Client:
    """An agent that polls."""
    return bank.client("agent-7")


def asking(**more: Any) -> JsonObject:
    """A backchannel request for Alice's record."""
    return {
        "scope": "openid",
        "login_hint": "alice",
        "binding_message": "record 2027 for your tax return",
        "authorization_details": json.dumps(RECORD),
        "resource": BANK_API,
    } | more


def begun(client: Client, **more: Any) -> str:
    """The handle of a request that was taken."""
    given = client.backchannel(asking(**more))
    assert given["interval"] == 5
    assert given["expires_in"] > 0
    return str(given["auth_req_id"])


@pytest.mark.requirement("CIBA-002", "CIBA-003", "CIBA-004", "AROP-058", "AROP-060")
def test_the_person_who_is_named_approves_and_nobody_else(bank: Bank, agent: Client) -> None:
    handle = begun(agent)
    assert agent.error("grant", CIBA, {"auth_req_id": handle}) == "authorization_pending"
    assert agent.error("grant", CIBA, {"auth_req_id": handle}) == "slow_down"
    assert bank.task()["justification"] == "record 2027 for your tax return"
    assert bank.vote("carol").status_code == 403
    bank.decide("alice")
    tokens = agent.grant(CIBA, {"auth_req_id": handle})
    assert tokens["authorization_details"] == RECORD
    assert 0 < tokens["expires_in"] <= 600
    assert "id_token" in tokens
    assert agent.verify(tokens["access_token"], BANK_API)["sub"] == "alice"
    assert agent.error("grant", CIBA, {"auth_req_id": handle}) == "invalid_grant"


def test_a_client_that_polls_by_itself_gets_its_token(bank: Bank, agent: Client) -> None:
    handle = begun(agent)
    bank.decide("alice")
    given = {"auth_req_id": handle, "expires_in": 60, "interval": 0.1}
    assert agent.waitBackchannel(given)["authorization_details"] == RECORD


@pytest.mark.requirement("CIBA-003")
def test_a_request_is_denied_or_expires(bank: Bank, agent: Client) -> None:
    handle = begun(agent)
    bank.decide("alice", "deny")
    assert agent.error("grant", CIBA, {"auth_req_id": handle}) == "access_denied"
    handle = begun(agent, requested_expiry="60")
    bank.later(61)
    assert agent.error("grant", CIBA, {"auth_req_id": handle}) == "expired_token"


@pytest.mark.requirement("CIBA-001", "CIBA-006")
def test_what_is_wrong_with_a_request_is_said(agent: Client) -> None:
    wrong = {
        "unknown_user_id": {"login_hint": "nobody"},
        "invalid_binding_message": {"binding_message": "x" * 201},
        "invalid_authorization_details": {"authorization_details": '[{"type": "other"}]'},
        "invalid_target": {"resource": "https://other.example"},
    }
    for error, members in wrong.items():
        assert agent.error("backchannel", asking(**members)) == error


@pytest.mark.requirement("CIBA-003", "AROP-062")
def test_a_client_that_asked_for_it_is_pinged(bank: Bank) -> None:
    agent = bank.client("agent-ping")
    handle = begun(agent, client_notification_token=TOKEN)
    bank.decide("alice")
    told = {"auth_req_id": handle}
    wait_until(lambda: bank.calls("/ping", told) != [])
    (call,) = bank.calls("/ping", told)
    assert call.headers["authorization"] == f"Bearer {TOKEN}"
    assert bank.files_with(TOKEN) == bank.files_with(handle) == []
    tokens = agent.grant(CIBA, {"auth_req_id": handle})
    assert tokens["authorization_details"] == RECORD


@pytest.mark.requirement("CIBA-005")
def test_a_deferral_code_names_the_person_whose_request_it_is(bank: Bank, agent: Client) -> None:
    shop = bank.client("web-shop")
    asked = {"scope": "openid accounts:read", "resource": BANK_API}
    given = shop.redeem(shop.authorize("alice", asked), {"resource": BANK_API})["access_token"]
    exchange = {
        "subject_token": given,
        "subject_token_type": ACCESS_TOKEN,
        "authorization_details": json.dumps(RECORD),
        "completion_mode": "deferred",
    }
    code = agent.refused("grant", EXCHANGE, exchange).body["deferral_code"]
    second = {"scope": "openid", "login_hint": code, "resource": BANK_API}
    handle = agent.backchannel(second)["auth_req_id"]
    bank.decide("alice")
    tokens = agent.grant(CIBA, {"auth_req_id": handle})
    assert tokens["authorization_details"] == RECORD
    assert agent.error("poll", code) == "invalid_grant"


@pytest.mark.requirement("AROP-013")
def test_what_needs_nobody_is_there_to_be_fetched(agent: Client) -> None:
    asked = {"scope": "openid accounts:read", "login_hint": "alice", "resource": BANK_API}
    handle = {"auth_req_id": agent.backchannel(asked)["auth_req_id"]}
    tokens = agent.grant(CIBA, handle)
    assert tokens["scope"] == "accounts:read"
    assert agent.verify(tokens["access_token"], BANK_API)["sub"] == "alice"
    assert agent.error("grant", CIBA, handle) == "invalid_grant"
