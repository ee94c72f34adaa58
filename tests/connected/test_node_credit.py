"""Somebody applies for credit, and is identified first: by a page, and by a slow third party."""

import httpx
import pytest

from tests.connected.bank import BANK_API, Bank, Client
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
HOUR = 3600
WAIT = {"completion_mode": "deferred"}
SCOPE = "openid offline_access credit:apply accounts:read"


@pytest.fixture
def shop(bank: Bank) -> Client:
    """A web shop, with a secret."""
    return bank.client("web-shop")


def applied(bank: Bank, shop: Client) -> str:
    """The code of somebody who applied, and who has visited the page."""
    asked = {"scope": SCOPE, "prompt": "consent", "resource": BANK_API} | WAIT
    refused = shop.refused("redeem", shop.authorize("alice", asked), WAIT)
    assert (refused.status, refused.error) == (400, "interaction_required")
    code, page = str(refused.body["deferral_code"]), refused.body["interaction_uri"]
    assert page.startswith(bank.pdp.url)
    assert "credit:apply" in httpx.get(page, trust_env=False).text
    waiting = shop.refused("poll", code)
    assert (waiting.error, waiting.body["interaction_uri"]) == ("interaction_required", page)
    assert waiting.body["error_description"] == "step=start"
    assert httpx.post(page, trust_env=False).status_code == 200
    bank.later(6)
    waiting = shop.refused("poll", code)
    assert waiting.body == {
        "error": "authorization_pending",
        "error_description": "step=verification",
    }
    return code


def report(bank: Bank, outcome: str) -> None:
    """Have the partner, once it was asked, answer after five hours."""

    def asked() -> list[str]:
        return list(httpx.get(bank.partner, trust_env=False).json())

    wait_until(lambda: len(asked()) == 1)
    bank.later(5 * HOUR)
    address = f"{bank.partner}/verifications/{asked()[0]}/report"
    reply = httpx.post(address, json={"outcome": outcome}, trust_env=False)
    assert reply.status_code == 200, reply.text


@pytest.mark.requirement("DTR-012", "DTR-027", "DTR-043", "DTR-050", "AROP-045", "AROP-047")
def test_who_is_identified_hours_later_gets_the_token(bank: Bank, shop: Client) -> None:
    code = applied(bank, shop)
    report(bank, "approved")
    tokens = shop.poll(code)
    assert set(tokens["scope"].split()) == {"credit:apply", "accounts:read"}
    assert 0 < tokens["expires_in"] <= HOUR, "the approval lasts an hour"
    assert "id_token" in tokens
    claims = shop.verify(tokens["access_token"], BANK_API)
    assert claims["sub"] == "alice"
    assert set(claims["scope"].split()) == {"credit:apply", "accounts:read"}

    bank.later(HOUR / 2)
    shop.revoke(code)
    again = shop.refresh(tokens["refresh_token"])
    assert 0 < again["expires_in"] <= HOUR / 2, "a refresh lasts no longer than the approval"
    assert shop.verify(tokens["access_token"], BANK_API), "what was delivered stays as it is"

    bank.later(HOUR / 2)
    assert shop.error("refresh", tokens["refresh_token"]) == "invalid_grant"


@pytest.mark.requirement("DTR-021")
def test_who_is_not_identified_gets_nothing(bank: Bank, shop: Client) -> None:
    code = applied(bank, shop)
    report(bank, "refused")
    assert shop.error("poll", code) == "access_denied"


@pytest.mark.requirement("AROP-048")
def test_an_approval_that_was_taken_back_refreshes_nothing(bank: Bank, shop: Client) -> None:
    code = applied(bank, shop)
    report(bank, "approved")
    tokens = shop.poll(code)
    shop.refresh(tokens["refresh_token"])
    bank.take_back()
    assert shop.error("refresh", tokens["refresh_token"]) == "invalid_grant"
