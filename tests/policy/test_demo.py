"""The stories of the demo, told through the engine: who may, who may ask, whose word counts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pdp.core.authzen import evaluation_from
from pdp.core.values import JsonObject
from pdp.policy.approval_facts import approval_facts, entity_reference
from pdp.policy.authorizer import Answer, Authorizer
from pdp.policy.bundle import load_bundle
from pdp.policy.entities import EntityIndex

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 1, tzinfo=UTC)

PLAN = ("document", "plan-2027")
RECORD = ("customer_records", "c-4815")
PAYMENT = ("payment_initiation", "p-1")
CREDIT = ("scope", "credit:apply")
OWN_ACCOUNT = {"debtor_account": {"type": "Account", "id": "acc-erin"}, "currency": "EUR"}
AGENT = {"act": {"sub": "agent-7"}}


@pytest.fixture(scope="module")
def bank() -> Authorizer:
    bundle = load_bundle(ROOT / "policies", ROOT / "schemas", now=NOW)
    return Authorizer(bundle, EntityIndex.load(bundle.entities))


def decide(
    bank: Authorizer,
    who: str,
    action: str,
    resource: tuple[str, str],
    *,
    subject: JsonObject | None = None,
    properties: JsonObject | None = None,
    context: JsonObject | None = None,
    **facts: JsonObject,
) -> Answer:
    """Ask the bank, by the short name of a person or a service."""
    is_service = who == "identity-partner"
    evaluation = evaluation_from(
        {
            "subject": {
                "type": "service" if is_service else "user",
                "id": who if is_service else f"{who}@example.com",
                "properties": subject or {},
            },
            "action": {"name": action},
            "resource": {"type": resource[0], "id": resource[1], "properties": properties or {}},
            "context": context or {},
        }
    )
    return bank.decide(bank.mapping.request(evaluation), now=NOW, **facts)


def approved(template: str) -> JsonObject:
    """The facts of a completed approval."""
    until = NOW + timedelta(hours=1)
    return approval_facts("apr-1", template, NOW, until, [("User", "bob@example.com")], "exact")


def asked(template: str, subject: str) -> JsonObject:
    """The facts of a request that somebody is to decide."""
    return {
        "id": "arq-1",
        "template": template,
        "step": "first",
        "subject": entity_reference(("User", f"{subject}@example.com")),
        "action": "read",
        "client": "as-1",
        "transport": "arap",
        "emergency": False,
    }


def payment(amount: str) -> JsonObject:
    return {**OWN_ACCOUNT, "amount": amount}


DIRECTLY: list[tuple[str, str, tuple[str, str], dict[str, Any], bool]] = [
    ("bob", "read", PLAN, {}, True),
    ("alice", "read", PLAN, {}, False),
    ("erin", "read", PLAN, {}, False),
    ("grace", "write", PLAN, {}, True),
    ("alice", "read", ("document", "travel-rules"), {}, True),
    ("erin", "read", ("document", "travel-rules"), {}, False),
    ("alice", "read", RECORD, {}, True),
    ("alice", "read", RECORD, {"subject": AGENT}, False),
    ("carol", "read", RECORD, {}, False),
    ("alice", "write", RECORD, {"subject": AGENT}, False),
    ("erin", "initiate", PAYMENT, {"properties": payment("999.99")}, True),
    ("erin", "initiate", PAYMENT, {"properties": payment("1000.01")}, False),
    ("henry", "initiate", PAYMENT, {"properties": payment("10.00")}, False),
    ("erin", "request", CREDIT, {}, False),
    ("henry", "request", CREDIT, {}, True),
    ("erin", "request", ("scope", "accounts:read"), {}, True),
    ("alice", "request", ("scope", "accounts:read"), {}, False),
]


@pytest.mark.parametrize(("who", "action", "resource", "more", "allowed"), DIRECTLY)
def test_who_may_without_asking(
    bank: Authorizer,
    who: str,
    action: str,
    resource: tuple[str, str],
    more: dict[str, Any],
    allowed: bool,
) -> None:
    assert decide(bank, who, action, resource, **more).allowed is allowed


def test_a_payment_that_looks_odd_is_denied_however_small(bank: Authorizer) -> None:
    def pays(risk: int) -> bool:
        properties, context = payment("5.00"), {"risk_score": risk}
        return decide(
            bank, "erin", "initiate", PAYMENT, properties=properties, context=context
        ).allowed

    assert (pays(69), pays(70)) == (True, False)


REQUESTABLE: list[tuple[str, str, tuple[str, str], dict[str, Any], str | None]] = [
    ("alice", "read", PLAN, {}, "manager_approval"),
    ("erin", "read", PLAN, {}, None),
    ("alice", "write", PLAN, {}, None),
    ("erin", "initiate", PAYMENT, {"properties": payment("5000.00")}, "fraud_review"),
    ("ivan", "initiate", PAYMENT, {"properties": payment("5000.00")}, None),
    ("erin", "request", CREDIT, {}, "identity_verification"),
    ("alice", "read", RECORD, {"subject": AGENT}, "agent_approval"),
    ("alice", "write", RECORD, {"subject": AGENT}, None),
    ("bob", "read", RECORD, {"subject": AGENT}, None),
]


@pytest.mark.parametrize(("who", "action", "resource", "more", "template"), REQUESTABLE)
def test_what_an_approval_would_change(
    bank: Authorizer,
    who: str,
    action: str,
    resource: tuple[str, str],
    more: dict[str, Any],
    template: str | None,
) -> None:
    denied = decide(bank, who, action, resource, **more)
    assert not denied.allowed
    helps = [
        name
        for name in bank.bundle.workflows.names
        if decide(bank, who, action, resource, approval=approved(name), **more).allowed
    ]
    assert helps == ([template] if template else [])
    assert set(helps) <= set(denied.slice.templates)


def test_no_approval_lifts_what_is_forbidden(bank: Authorizer) -> None:
    own = {"debtor_account": {"type": "Account", "id": "acc-ivan"}, "amount": "5.00"}
    answer = decide(
        bank, "ivan", "initiate", PAYMENT, properties=own, approval=approved("fraud_review")
    )
    assert not answer.allowed
    assert [policy.id for policy in answer.determining] == ["blocked-customers-do-not-pay"]


APPROVERS: list[tuple[str, tuple[str, str], str, str, set[str]]] = [
    ("manager_approval", PLAN, "alice", "read", {"bob", "dana"}),
    ("manager_approval", PLAN, "bob", "read", {"grace", "dana"}),
    ("fraud_review", PAYMENT, "erin", "initiate", {"carol", "frank"}),
    ("identity_verification", CREDIT, "erin", "request", {"identity-partner"}),
    ("agent_approval", RECORD, "alice", "read", {"alice"}),
    ("fraud_review", PLAN, "alice", "read", set()),
]
PEOPLE = ["alice", "bob", "carol", "dana", "erin", "frank", "grace", "henry", "identity-partner"]


@pytest.mark.parametrize(("template", "resource", "subject", "action", "expected"), APPROVERS)
def test_whose_approval_counts(
    bank: Authorizer,
    template: str,
    resource: tuple[str, str],
    subject: str,
    action: str,
    expected: set[str],
) -> None:
    facts = asked(template, subject) | {"action": action}
    may = {
        who
        for who in PEOPLE
        if decide(bank, who, "access_request:approve", resource, request_facts=facts).allowed
    }
    assert may == expected


def test_a_program_cannot_approve_for_its_person(bank: Authorizer) -> None:
    facts = asked("agent_approval", "alice")
    answer = decide(
        bank, "alice", "access_request:approve", RECORD, subject=AGENT, request_facts=facts
    )
    assert not answer.allowed


@pytest.mark.parametrize("action", ["access_request:view", "access_request:revoke"])
def test_who_sees_and_revokes(bank: Authorizer, action: str) -> None:
    facts = asked("manager_approval", "alice")
    may = {who for who in PEOPLE if decide(bank, who, action, PLAN, request_facts=facts).allowed}
    assert may == {"alice", "bob", "dana"}
