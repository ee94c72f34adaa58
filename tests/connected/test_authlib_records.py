"""With Authlib: an agent asks beyond what it was given, and whose record it is decides."""

import json
from typing import Any

import httpx
import pytest

from pdp.core.values import JsonObject
from tests.connected.counter import ACCESS_TOKEN, DEFERRED, EXCHANGE, Client, Counter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
RECORD = [{"type": "customer_records", "identifier": "alice-2027", "actions": ["read"]}]
GIVEN = [{"type": "customer_records", "identifier": "opening-hours", "actions": ["read"]}]
HOUR = 3600


@pytest.fixture
def agent(counter: Counter) -> Client:
    """The agent."""
    return counter.client("agent-7")


def asking(details: list[JsonObject], **more: Any) -> JsonObject:
    """The parameters of a token request for records."""
    return {"authorization_details": details, "completion_mode": "deferred"} | more


def deferred(agent: Client, grant: str = "client_credentials", **more: Any) -> str:
    """The code of an agent that has to wait."""
    body = agent.refused(grant, **asking(RECORD, **more))
    assert body.keys() == {"error", "deferral_code", "expires_in", "interval"}
    assert body["error"] == "authorization_pending"
    assert 3500 < body["expires_in"] <= HOUR
    assert body["interval"] == 5
    return str(body["deferral_code"])


@pytest.mark.requirement("DTR-060")
def test_the_metadata_says_what_the_server_can_do(counter: Counter) -> None:
    address = f"{counter.issuer}/.well-known/oauth-authorization-server"
    metadata = httpx.get(address, trust_env=False).json()
    assert metadata["issuer"] == counter.issuer
    assert metadata["deferred_token_response_supported"] is True
    assert {DEFERRED, EXCHANGE, "authorization_code"} <= set(metadata["grant_types_supported"])
    assert metadata["revocation_endpoint_token_type_values_supported"] == [
        "urn:ietf:params:oauth:token-type:deferral-code"
    ]
    assert metadata["backchannel_token_delivery_modes_supported"] == ["poll", "ping"]


@pytest.mark.requirement("DTR-002", "AROP-013")
def test_what_an_agent_was_given_it_gets_at_once(counter: Counter, agent: Client) -> None:
    tokens = agent.token("client_credentials", **asking(GIVEN))
    assert (tokens["authorization_details"], tokens["expires_in"]) == (GIVEN, HOUR)
    told = counter.introspected(tokens["access_token"])
    assert (told["sub"], told["authorization_details"]) == ("agent-7", GIVEN)


@pytest.mark.requirement("DTR-001", "AROP-055")
def test_who_does_not_want_to_wait_is_refused(agent: Client) -> None:
    for mode in (None, "later"):
        asked = asking(RECORD, completion_mode=mode)
        assert agent.error("client_credentials", **asked) == "invalid_authorization_details"


def test_a_token_for_nothing_is_not_issued(agent: Client) -> None:
    assert agent.error("client_credentials") == "invalid_scope"
    assert agent.error("client_credentials", authorization_details="7") == (
        "invalid_authorization_details"
    )


@pytest.mark.requirement("DTR-010", "DTR-022", "DTR-023", "DTR-024", "DTR-026", "AROP-037")
def test_an_agent_waits_is_slowed_down_and_gets_what_was_approved(
    counter: Counter, agent: Client
) -> None:
    code = deferred(agent)
    pending = {"error": "authorization_pending", "error_description": "step=owner"}
    assert agent.waiting(code) == pending
    assert agent.polled(code) == "slow_down"
    counter.later(11)
    assert agent.waiting(code) == pending
    counter.decide("alice")
    tokens = agent.poll(code)
    assert tokens["authorization_details"] == RECORD
    assert 0 < tokens["expires_in"] <= 600, "the approval lasts ten minutes"
    assert "refresh_token" not in tokens
    told = counter.introspected(tokens["access_token"])
    assert told["authorization_details"] == RECORD
    assert agent.waiting(code) == {
        "error": "invalid_grant",
        "error_description": "the code has been redeemed",
    }
    counter.later(600)
    assert counter.introspected(tokens["access_token"]) == {"active": False}


@pytest.mark.requirement("DTR-021", "AROP-032")
def test_what_the_owner_denies_is_denied(counter: Counter, agent: Client) -> None:
    code = deferred(agent)
    assert counter.vote("bob").status_code == 403
    counter.decide("alice", "deny")
    assert agent.polled(code) == "access_denied"
    assert agent.polled(code) == "access_denied"


@pytest.mark.requirement("DTR-040", "DTR-041", "DTR-044", "AROP-051")
def test_an_agent_that_gives_up_gets_nothing_more(counter: Counter, agent: Client) -> None:
    code = deferred(agent)
    for _ in range(2):
        agent.revoke(code)
    agent.revoke("never-issued")
    agent.revoke("never-issued", None)
    assert counter.task()["status"] == "cancelled"
    assert agent.polled(code) == "access_denied"


@pytest.mark.requirement("DTR-042")
def test_what_was_approved_and_given_up_is_not_delivered(counter: Counter, agent: Client) -> None:
    code = deferred(agent)
    counter.decide("alice")
    agent.revoke(code, None)
    assert agent.polled(code) == "access_denied"


@pytest.mark.requirement("DTR-021", "AROP-052")
def test_a_request_that_nobody_looks_at_expires(counter: Counter, agent: Client) -> None:
    code = deferred(agent)
    counter.later(HOUR)
    assert agent.polled(code) == "expired_token"


@pytest.mark.requirement("DTR-013", "DTR-025")
def test_the_code_of_another_client_is_like_one_that_never_was(
    counter: Counter, agent: Client
) -> None:
    code = deferred(agent)
    counter.decide("alice")
    other = counter.client("web-shop")
    other.revoke(code)
    unknown = {"error": "invalid_grant", "error_description": "the code is not known"}
    assert other.waiting(code) == unknown
    assert other.waiting("never-issued") == unknown
    assert agent.poll(code)["authorization_details"] == RECORD


@pytest.mark.requirement("DTR-020")
def test_a_poll_changes_nothing_of_the_request(counter: Counter, agent: Client) -> None:
    code = deferred(agent)
    counter.decide("alice")
    poll = {"deferral_code": code, "scope": "credit:apply"}
    assert agent.error(DEFERRED, **poll, completion_mode="deferred") == "invalid_request"
    assert agent.error(DEFERRED) == "invalid_request"
    tokens = agent.token(DEFERRED, **poll, authorization_details=GIVEN)
    assert tokens["authorization_details"] == RECORD
    assert "scope" not in tokens


@pytest.mark.requirement("DTR-026", "AROP-057")
def test_an_agent_that_acts_for_somebody_asks_for_more(counter: Counter, agent: Client) -> None:
    shop = counter.client("web-shop")
    given = shop.token("authorization_code", **shop.authorize("bob", scope="accounts:read"))
    subject = {"subject_token": given["access_token"], "subject_token_type": ACCESS_TOKEN}
    assert agent.error(EXCHANGE, **asking(RECORD)) == "invalid_request"
    forged = subject | {"subject_token": "forged"}
    assert agent.error(EXCHANGE, **asking(RECORD, **forged)) == "invalid_grant"
    own = agent.token("client_credentials", **asking(GIVEN))["access_token"]
    own_subject = subject | {"subject_token": own}
    assert agent.error(EXCHANGE, **asking(RECORD, **own_subject)) == "invalid_grant"
    code = deferred(agent, EXCHANGE, **subject)
    assert counter.task()["subject"]["properties"] == {"act": {"sub": "agent-7"}}
    counter.decide("alice")
    tokens = agent.poll(code)
    assert tokens["issued_token_type"] == ACCESS_TOKEN
    told = counter.introspected(tokens["access_token"])
    assert (told["sub"], told["client_id"]) == ("bob", "agent-7")
    assert told["act"] == {"sub": "agent-7"}
    assert told["authorization_details"] == RECORD


@pytest.mark.requirement("AROP-037")
def test_without_the_pdp_there_is_no_token(counter: Counter, agent: Client) -> None:
    code = deferred(agent)
    counter.decide("alice")
    counter.wire.cut = True
    try:
        for reply in (
            agent.post("token", grant_type="client_credentials", **asking(GIVEN)),
            agent.post("token", grant_type=DEFERRED, deferral_code=code),
            agent.post("revoke", token=code),
        ):
            assert (reply.status_code, reply.json()) == (503, {"error": "temporarily_unavailable"})
    finally:
        counter.wire.cut = False
    assert agent.poll(code)["authorization_details"] == RECORD


@pytest.mark.requirement("DTR-051")
def test_nothing_but_a_permit_is_a_permit(counter: Counter, agent: Client) -> None:
    code = deferred(agent)
    for status, body in (
        *((200, b"{}"), (200, b"null"), (200, b'{"outcome": "deny"}'), (200, b"<html>")),
        *((400, b"{}"), (401, b'{"error": "invalid_client"}'), (404, b'{"error": "no"}')),
        *((429, b"{}"), (500, b"{}"), (302, b"{}")),
    ):
        counter.wire.instead = (status, body)
        try:
            for reply in (
                agent.post("token", grant_type="client_credentials", **asking(GIVEN)),
                agent.post("token", grant_type=DEFERRED, deferral_code=code),
            ):
                assert reply.status_code == 503, (status, body)
                assert reply.json() == {"error": "temporarily_unavailable"}
        finally:
            counter.wire.instead = None
    assert agent.polled(code) == "authorization_pending"


@pytest.mark.requirement("DTR-061")
def test_the_server_keeps_neither_codes_nor_tokens_in_clear(
    counter: Counter, agent: Client
) -> None:
    code = deferred(agent)
    assert agent.polled(code) == "authorization_pending"
    counter.decide("alice")
    token = json.dumps(agent.poll(code)["access_token"])[1:-1]
    assert counter.files_with(code) == counter.files_with(token) == []
