"""With Authlib: somebody applies for credit, and is identified by a page and a slow third party."""

import httpx
import pytest

from tests.connected.counter import Client, Counter
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
HOUR = 3600
SCOPE = "openid offline_access credit:apply accounts:read"


@pytest.fixture
def shop(counter: Counter) -> Client:
    """A web shop, with a secret."""
    return counter.client("web-shop")


def applied(counter: Counter, shop: Client) -> str:
    """The code of somebody who applied, and who has visited the page."""
    consented = shop.authorize("alice", scope=SCOPE, completion_mode="deferred")
    body = shop.refused("authorization_code", completion_mode="deferred", **consented)
    assert body["error"] == "interaction_required"
    code, page = str(body["deferral_code"]), body["interaction_uri"]
    assert page.startswith(counter.pdp.url)
    assert "credit:apply" in httpx.get(page, trust_env=False).text
    assert shop.waiting(code) == {
        "error": "interaction_required",
        "error_description": "step=start",
        "interaction_uri": page,
    }
    assert httpx.post(page, trust_env=False).status_code == 200
    counter.later(6)
    assert shop.waiting(code) == {
        "error": "authorization_pending",
        "error_description": "step=verification",
    }
    return code


def report(counter: Counter, outcome: str) -> None:
    """Have the partner, once it was asked, answer after five hours."""

    def asked() -> list[str]:
        return list(httpx.get(counter.partner, trust_env=False).json())

    wait_until(lambda: len(asked()) == 1)
    counter.later(5 * HOUR)
    address = f"{counter.partner}/verifications/{asked()[0]}/report"
    reply = httpx.post(address, json={"outcome": outcome}, trust_env=False)
    assert reply.status_code == 200, reply.text


def refreshed(shop: Client, token: str) -> str:
    """The error of a refresh."""
    return shop.error("refresh_token", refresh_token=token)


@pytest.mark.requirement("DTR-012", "DTR-027", "DTR-043", "DTR-050", "AROP-045", "AROP-047")
def test_who_is_identified_hours_later_gets_the_token(counter: Counter, shop: Client) -> None:
    code = applied(counter, shop)
    report(counter, "approved")
    tokens = shop.poll(code)
    assert set(tokens["scope"].split()) == set(SCOPE.split())
    assert 0 < tokens["expires_in"] <= HOUR, "the approval lasts an hour"
    assert "id_token" in tokens

    counter.later(HOUR / 2)
    shop.revoke(code)
    again = shop.token("refresh_token", refresh_token=tokens["refresh_token"])
    assert 0 < again["expires_in"] <= HOUR / 2, "a refresh lasts no longer than the approval"
    assert "refresh_token" not in again
    told = counter.introspected(tokens["access_token"])
    assert told["sub"] == "alice", "what was delivered stays as it is"

    counter.later(HOUR / 2)
    assert refreshed(shop, tokens["refresh_token"]) == "invalid_grant"


@pytest.mark.requirement("DTR-021")
def test_who_is_not_identified_gets_nothing(counter: Counter, shop: Client) -> None:
    code = applied(counter, shop)
    report(counter, "refused")
    assert shop.polled(code) == "access_denied"


@pytest.mark.requirement("AROP-048")
def test_an_approval_that_was_taken_back_refreshes_nothing(counter: Counter, shop: Client) -> None:
    code = applied(counter, shop)
    report(counter, "approved")
    token = shop.poll(code)["refresh_token"]
    shop.token("refresh_token", refresh_token=token)
    other = counter.client("phone-app")
    assert refreshed(other, token) == "invalid_grant"
    counter.take_back()
    assert refreshed(shop, token) == "invalid_grant"


def test_a_refresh_token_that_was_given_up_refreshes_nothing(
    counter: Counter, shop: Client
) -> None:
    code = applied(counter, shop)
    report(counter, "approved")
    tokens = shop.poll(code)
    shop.revoke(tokens["refresh_token"], "refresh_token")
    assert refreshed(shop, tokens["refresh_token"]) == "invalid_grant"
    assert counter.introspected(tokens["access_token"]) == {"active": False}
