"""Somebody pays, and an analyst of the fraud desk looks at it before the token is issued."""

import json
from typing import Any

import pytest

from pdp.core.values import JsonObject
from tests.connected.bank import BANK_API, Bank, Client
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
WAIT = {"completion_mode": "deferred"}
TOKEN = "5SIVTd4ZzzGctFQr4AqOGdCgyIa40-tCepd-0AcZxFY"


@pytest.fixture
def shop(bank: Bank) -> Client:
    """A web shop, with a secret."""
    return bank.client("web-shop")


@pytest.fixture
def phone(bank: Bank) -> Client:
    """An app without a secret, which proves a key of its own."""
    return bank.client("phone-app")


def payment(amount: int) -> list[JsonObject]:
    """What a payment asks for."""
    return [{"type": "payment_initiation", "amount": amount, "actions": ["initiate"]}]


def signed_in(client: Client, person: str = "alice", amount: int = 5000, **more: Any) -> JsonObject:
    """Somebody who has consented to a payment at the authorization endpoint."""
    asked = {"scope": "openid", "authorization_details": json.dumps(payment(amount))} | more
    return dict(client.authorize(person, asked))


def deferred(client: Client, **more: Any) -> str:
    """The code of a payment that has to wait."""
    refused = client.refused("redeem", signed_in(client), WAIT | more)
    assert (refused.status, refused.error) == (400, "authorization_pending")
    return str(refused.body["deferral_code"])


@pytest.mark.requirement("DTR-002")
def test_a_small_payment_needs_nobody(shop: Client) -> None:
    tokens = shop.redeem(signed_in(shop, amount=900), WAIT)
    assert tokens["authorization_details"] == payment(900)
    assert shop.verify(tokens["access_token"], BANK_API)["sub"] == "alice"


@pytest.mark.requirement("DTR-026", "AROP-037", "AROP-046", "AROP-057")
def test_a_large_payment_waits_for_an_analyst(bank: Bank, shop: Client) -> None:
    consented = {"scope": "openid offline_access", "prompt": "consent"}
    refused = shop.refused("redeem", signed_in(shop, **consented), WAIT)
    code = refused.body["deferral_code"]
    assert shop.error("poll", code) == "authorization_pending"
    assert bank.vote("alice").status_code == 403
    bank.decide("carol")
    tokens = shop.poll(code)
    assert tokens["authorization_details"] == payment(5000)
    assert 0 < tokens["expires_in"] <= 300, "the approval lasts five minutes"
    assert "refresh_token" not in tokens, "it was approved for once"
    assert "id_token" in tokens
    claims = shop.verify(tokens["access_token"], BANK_API)
    assert (claims["sub"], claims["client_id"]) == ("alice", "web-shop")
    assert shop.error("poll", code) == "invalid_grant"


@pytest.mark.requirement("DTR-021")
def test_what_the_analyst_denies_is_denied(bank: Bank, shop: Client) -> None:
    code = deferred(shop)
    bank.decide("carol", "deny")
    assert shop.error("poll", code) == "access_denied"


@pytest.mark.requirement("AROP-011", "AROP-012")
def test_what_no_review_could_allow_is_refused_at_once(shop: Client) -> None:
    error = shop.error("redeem", signed_in(shop, "mallory"), WAIT)
    assert error == "invalid_authorization_details"


@pytest.mark.requirement("DTR-003")
def test_a_client_that_announced_to_wait_must_do_so(shop: Client) -> None:
    for announced in ("deferred", "later deferred"):
        hinted = signed_in(shop, completion_mode=announced)
        assert shop.error("redeem", hinted, {}) == "invalid_request"
    hinted = signed_in(shop, completion_mode="deferred")
    assert shop.error("redeem", hinted, WAIT) == "authorization_pending"


@pytest.mark.requirement("DTR-050")
def test_a_grant_that_ended_meanwhile_gives_no_token(bank: Bank, shop: Client) -> None:
    callback = signed_in(shop)
    code = shop.refused("redeem", callback, WAIT).body["deferral_code"]
    # Somebody else has the authorization code too, and uses it: everything of that grant ends.
    assert shop.error("redeem", callback, WAIT) == "invalid_grant"
    bank.decide("carol")
    assert shop.error("poll", code) == "access_denied"


@pytest.mark.requirement("DTR-013", "DTR-021", "DTR-052")
def test_an_app_without_a_secret_is_bound_to_its_key(bank: Bank, phone: Client) -> None:
    thief = bank.client("phone-app-stolen")
    code = deferred(phone)
    assert phone.error("poll", code) == "authorization_pending"
    bank.decide("carol")
    assert thief.error("poll", code) == "invalid_dpop_proof"
    tokens = phone.poll(code)
    assert tokens["token_type"].lower() == "dpop"
    claims = phone.verify(tokens["access_token"], BANK_API)
    assert claims["cnf"] == {"jkt": phone.thumbprint()}
    assert claims["authorization_details"] == payment(5000)


@pytest.mark.requirement("DTR-044")
def test_who_gives_up_a_bound_code_must_prove_its_key(bank: Bank, phone: Client) -> None:
    code = deferred(phone)
    phone.revoke(code, {"proof": False})
    bank.client("phone-app-stolen").revoke(code)
    assert phone.error("poll", code) == "authorization_pending"
    phone.revoke(code)
    assert phone.error("poll", code) == "access_denied"


@pytest.mark.requirement("DTR-030", "DTR-033", "DTR-034", "DTR-061")
def test_a_client_is_called_back_when_it_is_decided(bank: Bank, shop: Client) -> None:
    code = deferred(shop, client_notification_token=TOKEN)
    bank.decide("carol")
    told = {"deferral_code": code}
    wait_until(lambda: bank.calls("/deferred", told) != [])
    (call,) = bank.calls("/deferred", told)
    assert call.headers["authorization"] == f"Bearer {TOKEN}"
    assert bank.files_with(TOKEN) == bank.files_with(code) == []
    assert shop.poll(code)["authorization_details"] == payment(5000)
