"""The three cases of the demo bank, each from the denial to the allow, over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pdp.core.values import JsonObject
from tests.access_request.world import HOUR, MINUTE, Pdp, denial_of, serving
from tests.contract.conftest import database_url, postgres, postgres_template, sqlite_template

__all__ = ["database_url", "postgres", "postgres_template", "sqlite_template"]

ROOT = Path(__file__).parents[2]
EVALUATION = "/access/v1/evaluation"
ALICE, ERIN = ({"type": "user", "id": f"{name}@example.com"} for name in ("alice", "erin"))
PAYMENT: JsonObject = {
    "subject": ERIN,
    "action": {"name": "initiate"},
    "resource": {
        "type": "payment_initiation",
        "id": "pay-1",
        "properties": {
            "debtor_account": "acc-erin",
            "amount": "2500.00",
            "currency": "EUR",
            "creditor_name": "Shop",
        },
    },
}
CREDIT: JsonObject = {
    "subject": ERIN,
    "action": {"name": "request"},
    "resource": {"type": "scope", "id": "credit:apply"},
}
RECORD: JsonObject = {
    "subject": {**ALICE, "properties": {"act": {"sub": "agent-7"}}},
    "action": {"name": "read"},
    "resource": {"type": "customer_records", "id": "c-4815"},
}


@pytest.fixture
def bank(database_url: str) -> Iterator[Pdp]:
    """The demo's policies, over an empty database of each kind."""
    folders = {"policies": ROOT / "policies", "schemas": ROOT / "schemas"}
    with serving(database_url, **folders) as found:
        yield found


def asked(bank: Pdp, question: JsonObject, approval: Any = None) -> JsonObject:
    """The answer to a question."""
    body = question if approval is None else question | {"context": {"approval": approval}}
    reply = bank.call("POST", EVALUATION, body=body)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def requested(bank: Pdp, question: JsonObject, template: str) -> str:
    """The id of a request for what is denied."""
    denied = asked(bank, question)
    assert denied["decision"] is False
    assert denied["context"]["access_request"]["template"] == template
    reply = bank.submit(question | {"denial": denial_of(denied)})
    assert reply.status_code == 202, reply.text
    assert reply.json()["task"]["status"] == "pending"
    return str(reply.json()["task"]["id"])


def decided(bank: Pdp, task: str, name: str, kind: str = "user", decision: str = "approve") -> int:
    """The status of somebody's decision."""
    body = {"decision": decision, "approver": {"type": kind, "id": name}}
    return bank.call("POST", f"/queue/v1/tasks/{task}/decisions", "inbox", body).status_code


def test_a_payment_waits_for_the_fraud_desk_and_goes_through_once(bank: Pdp) -> None:
    task = requested(bank, PAYMENT, "fraud_review")
    for name in ("erin", "bob", "dana"):
        assert decided(bank, task, f"{name}@example.com") == 403
    assert decided(bank, task, "carol@example.com") == 201
    approval = bank.status(task).json()["result"]["approval"]
    dearer = PAYMENT["resource"]["properties"] | {"amount": "9000.00"}
    other = PAYMENT | {"resource": PAYMENT["resource"] | {"properties": dearer}}
    assert asked(bank, other, approval)["decision"] is False
    assert asked(bank, PAYMENT, approval)["decision"] is True
    # The very same question may be repeated for a minute, by whoever lost the answer.
    bank.now += 2 * MINUTE
    assert asked(bank, PAYMENT, approval)["decision"] is False


def test_a_small_payment_waits_for_nobody(bank: Pdp) -> None:
    small = PAYMENT["resource"]["properties"] | {"amount": "900.00"}
    asking = PAYMENT | {"resource": PAYMENT["resource"] | {"properties": small}}
    assert asked(bank, asking)["decision"] is True


def test_a_partner_verifies_who_somebody_is(bank: Pdp) -> None:
    task = requested(bank, CREDIT, "identity_verification")
    for name in ("erin@example.com", "bob@example.com"):
        assert decided(bank, task, name) in (403, 409)
        assert bank.status(task).json()["task"]["status"] == "pending"
    assert decided(bank, task, "identity-partner", "service") == 201
    approval = bank.status(task).json()["result"]["approval"]
    assert asked(bank, CREDIT, approval)["decision"] is True
    assert asked(bank, CREDIT | {"subject": ALICE}, approval)["decision"] is False
    bank.now += 25 * HOUR
    assert asked(bank, CREDIT, approval)["decision"] is False


def test_a_partner_that_finds_somebody_else_denies(bank: Pdp) -> None:
    task = requested(bank, CREDIT, "identity_verification")
    assert decided(bank, task, "identity-partner", "service", "deny") == 201
    assert bank.status(task).json()["task"]["status"] == "denied"
    assert asked(bank, CREDIT)["decision"] is False


def test_a_person_approves_the_agent_that_acts_for_them(bank: Pdp) -> None:
    task = requested(bank, RECORD, "agent_approval")
    for name in ("bob", "dana", "erin"):
        assert decided(bank, task, f"{name}@example.com") == 403
    assert decided(bank, task, "alice@example.com") == 201
    approval = bank.status(task).json()["result"]["approval"]
    assert asked(bank, RECORD, approval)["decision"] is True
    writing = RECORD | {"action": {"name": "write"}}
    assert asked(bank, writing, approval)["decision"] is False
    assert "access_request" not in asked(bank, writing).get("context", {})
