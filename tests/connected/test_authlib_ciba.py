"""With Authlib: an agent asks a person on a device of their own (CIBA), here the PDP's queue."""

from typing import Any

import pytest

from pdp.core.values import JsonObject
from tests.connected.counter import ACCESS_TOKEN, CIBA, DEFERRED, EXCHANGE, Client, Counter
from tests.connected.test_authlib_records import RECORD
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
TOKEN = "5SIVTd4ZzzGctFQr4AqOGdCgyIa40-tCepd-0AcZxFY"


@pytest.fixture
def agent(counter: Counter) -> Client:
    """An agent that polls."""
    return counter.client("agent-7")


def asking(**more: Any) -> JsonObject:
    """A backchannel request for Alice's record."""
    return {
        "scope": "openid",
        "login_hint": "alice",
        "binding_message": "record 2027 for your tax return",
        "authorization_details": RECORD,
    } | more


def begun(client: Client, **more: Any) -> JsonObject:
    """The handle of a request that was taken, as a client polls with it."""
    reply = client.post("backchannel", **asking(**more))
    assert reply.status_code == 200, reply.text
    given = reply.json()
    assert (given["interval"], reply.headers["cache-control"]) == (5, "no-store")
    assert given["expires_in"] > 0
    return {"auth_req_id": given["auth_req_id"]}


@pytest.mark.requirement("CIBA-002", "CIBA-003", "CIBA-004", "AROP-058", "AROP-060")
def test_the_person_who_is_named_approves_and_nobody_else(counter: Counter, agent: Client) -> None:
    handle = begun(agent)
    assert agent.error(CIBA, **handle) == "authorization_pending"
    assert agent.error(CIBA, **handle) == "slow_down"
    assert counter.task()["justification"] == "record 2027 for your tax return"
    assert counter.vote("carol").status_code == 403
    counter.decide("alice")
    assert agent.polled(handle["auth_req_id"]) == "invalid_grant", "it is no deferral code"
    tokens = agent.token(CIBA, **handle)
    assert tokens["authorization_details"] == RECORD
    assert 0 < tokens["expires_in"] <= 600
    assert "id_token" in tokens
    assert counter.introspected(tokens["access_token"])["sub"] == "alice"
    assert agent.error(CIBA, **handle) == "invalid_grant"


@pytest.mark.requirement("CIBA-003")
def test_a_request_is_denied_or_expires(counter: Counter, agent: Client) -> None:
    handle = begun(agent)
    counter.decide("alice", "deny")
    assert agent.error(CIBA, **handle) == "access_denied"
    handle = begun(agent, requested_expiry="60")
    counter.later(61)
    assert agent.error(CIBA, **handle) == "expired_token"


@pytest.mark.requirement("CIBA-001", "CIBA-006")
@pytest.mark.parametrize(
    ("error", "members"),
    [
        ("unknown_user_id", {"login_hint": "nobody"}),
        ("unknown_user_id", {"login_hint": None}),
        ("invalid_binding_message", {"binding_message": "x" * 201}),
        ("invalid_authorization_details", {"authorization_details": [{"type": "other"}]}),
        ("invalid_authorization_details", {"authorization_details": "{"}),
        ("invalid_scope", {"scope": "accounts:read"}),
        ("invalid_request", {"requested_expiry": "soon"}),
        ("invalid_request", {"id_token_hint": "eyJ"}),
    ],
)
def test_what_is_wrong_with_a_request_is_said(
    agent: Client, error: str, members: JsonObject
) -> None:
    reply = agent.post("backchannel", **asking(**members))
    assert (reply.status_code, reply.json()["error"]) == (400, error)


def test_who_may_not_ask_in_the_background_is_refused(counter: Counter) -> None:
    reply = counter.client("web-shop").post("backchannel", **asking())
    assert reply.json()["error"] == "unauthorized_client"


@pytest.mark.requirement("CIBA-003", "AROP-062")
def test_a_client_that_asked_for_it_is_pinged(counter: Counter) -> None:
    agent = counter.client("agent-ping")
    handle = begun(agent, client_notification_token=TOKEN)
    counter.decide("alice")
    wait_until(lambda: counter.calls("/ping", handle) != [])
    (call,) = counter.calls("/ping", handle)
    assert call.headers["authorization"] == f"Bearer {TOKEN}"
    assert counter.files_with(TOKEN) == counter.files_with(str(handle["auth_req_id"])) == []
    assert agent.token(CIBA, **handle)["authorization_details"] == RECORD


@pytest.mark.requirement("CIBA-005")
def test_a_deferral_code_names_the_person_whose_request_it_is(
    counter: Counter, agent: Client
) -> None:
    shop = counter.client("web-shop")
    given = shop.token("authorization_code", **shop.authorize("alice", scope="accounts:read"))
    code = agent.refused(
        EXCHANGE,
        subject_token=given["access_token"],
        subject_token_type=ACCESS_TOKEN,
        authorization_details=RECORD,
        completion_mode="deferred",
    )["deferral_code"]
    reply = agent.post("backchannel", scope="openid", login_hint=code)
    handle = reply.json()["auth_req_id"]
    assert counter.files_with(code) == counter.files_with(handle) == []
    counter.decide("alice")
    tokens = agent.token(CIBA, auth_req_id=handle)
    assert tokens["authorization_details"] == RECORD
    told = counter.introspected(tokens["access_token"])
    assert (told["sub"], told["act"]) == ("alice", {"sub": "agent-7"})
    assert agent.error(DEFERRED, deferral_code=code) == "invalid_grant"


@pytest.mark.requirement("AROP-013")
def test_what_needs_nobody_is_there_to_be_fetched(counter: Counter, agent: Client) -> None:
    asked = {"scope": "openid accounts:read", "authorization_details": None}
    handle = begun(agent, **asked)
    tokens = agent.token(CIBA, **handle)
    assert tokens["scope"] == "openid accounts:read"
    assert counter.introspected(tokens["access_token"])["sub"] == "alice"
    assert agent.error(CIBA, **handle) == "invalid_grant"
