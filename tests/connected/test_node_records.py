"""An agent asks beyond what it was given, and the person whose record it is decides."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pdp.core.values import JsonObject
from tests.connected.bank import BANK_API, Bank, open_bank

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
RECORD = [{"type": "customer_records", "identifier": "alice-2027", "actions": ["read"]}]
GIVEN = [{"type": "customer_records", "identifier": "opening-hours", "actions": ["read"]}]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """All of the example, running."""
    with open_bank(tmp_path_factory.mktemp("bank")) as bank:
        yield bank


def asking(details: list[JsonObject], **more: Any) -> JsonObject:
    """The parameters of a token request for records."""
    return {"authorization_details": json.dumps(details), "completion_mode": "deferred"} | more


def deferred(bank: Bank, details: list[JsonObject] = RECORD) -> str:
    """The code of an agent that has to wait."""
    refused = bank.client("agent-7").refused("grant", "client_credentials", asking(details))
    assert refused.status == 400
    assert refused.error == "authorization_pending"
    assert refused.body["expires_in"] > 3500
    assert refused.body["interval"] == 5
    return str(refused.body["deferral_code"])


def test_what_an_agent_was_given_it_gets_at_once(bank: Bank) -> None:
    tokens = bank.client("agent-7").grant("client_credentials", asking(GIVEN))
    assert tokens["authorization_details"] == GIVEN
    assert tokens["expires_in"] == 3600


@pytest.mark.requirement("DTR-001", "AROP-037")
def test_without_the_clients_consent_to_wait_it_is_refused(bank: Bank) -> None:
    asked = {"authorization_details": json.dumps(RECORD)}
    error = bank.client("agent-7").error("grant", "client_credentials", asked)
    assert error == "invalid_authorization_details"


@pytest.mark.requirement("DTR-010", "DTR-022", "DTR-023", "DTR-024", "DTR-026")
def test_an_agent_waits_is_slowed_down_and_gets_what_was_approved(bank: Bank) -> None:
    agent = bank.client("agent-7")
    code = deferred(bank)
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
