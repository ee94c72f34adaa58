"""With Authlib: somebody pays, and an analyst looks at it before the token is issued."""

from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from pdp.core.values import JsonObject
from tests.connected.counter import DEFERRED, Client, Counter
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
TOKEN = "5SIVTd4ZzzGctFQr4AqOGdCgyIa40-tCepd-0AcZxFY"


@pytest.fixture
def shop(counter: Counter) -> Client:
    """A web shop, with a secret."""
    return counter.client("web-shop")


def payment(amount: int) -> list[JsonObject]:
    """What a payment asks for."""
    return [{"type": "payment_initiation", "amount": amount, "actions": ["initiate"]}]


def signed_in(client: Client, person: str = "alice", amount: int = 5000, **more: Any) -> JsonObject:
    """The parameters of a token request, after somebody has consented to a payment."""
    asked = {"scope": "openid"} | more
    return client.authorize(person, authorization_details=payment(amount), **asked)


def redeem(client: Client, consented: JsonObject, **more: Any) -> JsonObject:
    """What the token endpoint answers."""
    asked = {"grant_type": "authorization_code", "completion_mode": "deferred"} | consented | more
    return dict(client.post("token", **asked).json())


def deferred(client: Client, **more: Any) -> str:
    """The code of a payment that has to wait."""
    body = redeem(client, signed_in(client), **more)
    assert body["error"] == "authorization_pending", body
    return str(body["deferral_code"])


@pytest.mark.requirement("DTR-002")
def test_a_small_payment_needs_nobody(counter: Counter, shop: Client) -> None:
    tokens = redeem(shop, signed_in(shop, amount=900))
    assert tokens["authorization_details"] == payment(900)
    assert counter.introspected(tokens["access_token"])["sub"] == "alice"


@pytest.mark.requirement("DTR-026", "AROP-037", "AROP-046", "AROP-057")
def test_a_large_payment_waits_for_an_analyst(counter: Counter, shop: Client) -> None:
    consented = signed_in(shop, scope="openid offline_access")
    code = str(redeem(shop, consented)["deferral_code"])
    assert shop.polled(code) == "authorization_pending"
    assert counter.vote("alice").status_code == 403
    counter.decide("carol")
    tokens = shop.poll(code)
    assert tokens["authorization_details"] == payment(5000)
    assert 0 < tokens["expires_in"] <= 300, "the approval lasts five minutes"
    assert "refresh_token" not in tokens, "it was approved for once"
    keys = httpx.get(f"{counter.issuer}/jwks", trust_env=False).json()
    claims = jwt.decode(tokens["id_token"], KeySet.import_key_set(keys), ["ES256"]).claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == (counter.issuer, "alice", "web-shop")
    told = counter.introspected(tokens["access_token"])
    assert (told["sub"], told["client_id"]) == ("alice", "web-shop")
    assert told["authorization_details"] == payment(5000)
    assert shop.polled(code) == "invalid_grant"


@pytest.mark.requirement("DTR-021")
def test_what_the_analyst_denies_is_denied(counter: Counter, shop: Client) -> None:
    code = deferred(shop)
    counter.decide("carol", "deny")
    assert shop.polled(code) == "access_denied"


@pytest.mark.requirement("AROP-011", "AROP-012")
def test_what_no_review_could_allow_is_refused_at_once(shop: Client) -> None:
    body = redeem(shop, signed_in(shop, "mallory"))
    assert body["error"] == "invalid_authorization_details"
    assert "deferral_code" not in body


@pytest.mark.requirement("DTR-003", "DTR-004")
def test_a_client_that_announced_to_wait_must_do_so(shop: Client) -> None:
    for announced in ("deferred", "later deferred"):
        hinted = signed_in(shop, completion_mode=announced)
        assert redeem(shop, hinted, completion_mode=None)["error"] == "invalid_request"
    hinted = signed_in(shop, completion_mode="deferred")
    assert redeem(shop, hinted)["error"] == "authorization_pending"


def test_no_more_is_given_than_was_consented_to(shop: Client) -> None:
    wider = {"authorization_details": payment(900)}
    assert redeem(shop, signed_in(shop), **wider)["error"] == "invalid_authorization_details"
    only_signed_in = shop.authorize("alice", scope="openid")
    assert redeem(shop, only_signed_in, **wider)["error"] == "invalid_authorization_details"


def test_what_is_asked_for_twice_or_without_the_verifier_is_refused(shop: Client) -> None:
    twice = "grant_type=client_credentials&completion_mode=deferred&completion_mode=other"
    reply = httpx.post(
        f"{shop.issuer}/token",
        content=f"{twice}&scope=credit:apply",
        headers={"content-type": "application/x-www-form-urlencoded"},
        auth=("agent-7", "agent-7-secret"),
        trust_env=False,
    )
    assert reply.json()["error"] == "invalid_request"
    consented = signed_in(shop)
    assert redeem(shop, consented, code_verifier=None)["error"] == "invalid_request"
    wrong = {"code_verifier": "x" * 43}
    assert redeem(shop, signed_in(shop), **wrong)["error"] == "invalid_grant"


@pytest.mark.requirement("DTR-050")
def test_a_consent_that_ended_meanwhile_gives_no_token(counter: Counter, shop: Client) -> None:
    consented = signed_in(shop)
    code = str(redeem(shop, consented)["deferral_code"])
    # Somebody else has the authorization code too, and uses it: everything of that consent ends.
    assert redeem(shop, consented)["error"] == "invalid_grant"
    counter.decide("carol")
    assert shop.polled(code) == "access_denied"


@pytest.mark.requirement("DTR-013")
def test_an_app_without_a_secret_or_a_key_is_never_deferred(counter: Counter) -> None:
    phone = counter.client("phone-app")
    body = redeem(phone, signed_in(phone))
    assert body["error"] == "invalid_authorization_details"
    assert redeem(phone, signed_in(phone, amount=900))["authorization_details"] == payment(900)


@pytest.mark.requirement("DTR-030", "DTR-033", "DTR-034", "DTR-061")
def test_a_client_is_called_back_when_it_is_decided(counter: Counter, shop: Client) -> None:
    code = deferred(shop, client_notification_token=TOKEN)
    counter.decide("carol")
    told = {"deferral_code": code}
    wait_until(lambda: counter.calls("/deferred", told) != [])
    (call,) = counter.calls("/deferred", told)
    assert call.headers["authorization"] == f"Bearer {TOKEN}"
    assert counter.files_with(TOKEN) == counter.files_with(code) == []
    assert shop.poll(code)["authorization_details"] == payment(5000)


def test_a_token_that_was_given_up_is_good_for_nothing(counter: Counter, shop: Client) -> None:
    tokens = redeem(shop, signed_in(shop, amount=900))
    shop.revoke(tokens["access_token"], "access_token")
    assert counter.introspected(tokens["access_token"]) == {"active": False}
    assert shop.error(DEFERRED, deferral_code=tokens["access_token"]) == "invalid_grant"
