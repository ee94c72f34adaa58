"""AuthZEN 1.0 certification scenario, level Basic, Core and Properties."""

from typing import Any

import pytest

from tests.conformance.fixture import (
    ACTIVE,
    ALICE,
    ARCHIVED,
    BOB,
    BOB_AS_ADMIN,
    DELETE_FOR_GOOD,
    DELETE_SOFTLY,
    ENVIRONMENT,
    FIRST_RULE,
    READ,
    RECORD_1,
    WRITE,
    having,
    without,
)
from tests.conformance.worlds import EVALUATION, Pep, decision_of

RULES = [
    pytest.param(ALICE, READ, RECORD_1, True, id="rule_1"),
    pytest.param(ALICE, WRITE, RECORD_1, True, id="rule_2"),
    pytest.param(BOB, READ, RECORD_1, True, id="rule_3"),
    pytest.param(BOB, WRITE, RECORD_1, False, id="rule_4"),
    pytest.param(ALICE, WRITE, ARCHIVED, False, id="rule_5"),
    pytest.param(BOB_AS_ADMIN, WRITE, ARCHIVED, True, id="rule_6"),
    pytest.param(ALICE, DELETE_SOFTLY, RECORD_1, True, id="rule_7"),
    pytest.param(ALICE, DELETE_FOR_GOOD, RECORD_1, False, id="rule_8"),
]


@pytest.mark.requirement("AZ-001")
@pytest.mark.parametrize("context", [None, {}, ENVIRONMENT], ids=["absent", "empty", "given"])
@pytest.mark.parametrize(("subject", "action", "resource", "expected"), RULES)
def test_each_rule_holds_whatever_the_context(
    pep: Pep,
    subject: dict[str, Any],
    action: dict[str, Any],
    resource: dict[str, Any],
    expected: bool,
    context: dict[str, Any] | None,
) -> None:
    more = {} if context is None else {"context": context}
    assert pep.decides(subject, action, resource, **more) is expected


@pytest.mark.requirement("AZ-001")
def test_rule_5_looks_at_the_property_and_not_at_the_id(pep: Pep) -> None:
    renamed = {**ARCHIVED, "id": "record-1"}
    assert pep.decides(ALICE, WRITE, renamed) is False
    assert pep.decides(ALICE, WRITE, ACTIVE) is True


@pytest.mark.requirement("AZ-003")
def test_further_properties_change_nothing(pep: Pep) -> None:
    subject = {**ALICE, "properties": {"department": "Sales", "role": "manager"}}
    action = {**READ, "properties": {"method": "GET"}}
    resource = {**RECORD_1, "properties": {"status": "active", "owner": "bob"}}
    assert pep.decides(subject, action, resource) is True


@pytest.mark.requirement("AZ-003")
def test_unknown_members_are_ignored(pep: Pep) -> None:
    more = {"foo": "bar", "futureField": {"nested": True}}
    assert decision_of(pep.post(EVALUATION, FIRST_RULE | more)) is True


@pytest.mark.requirement("AZ-002")
@pytest.mark.parametrize(
    "path",
    [
        ("subject",),
        ("action",),
        ("resource",),
        ("subject", "type"),
        ("subject", "id"),
        ("action", "name"),
        ("resource", "type"),
        ("resource", "id"),
    ],
    ids="/".join,
)
def test_a_missing_member_is_a_bad_request(pep: Pep, path: tuple[str, ...]) -> None:
    assert pep.post(EVALUATION, without(FIRST_RULE, *path)).status == 400


@pytest.mark.requirement("AZ-002")
def test_a_member_of_the_wrong_type_is_a_bad_request(pep: Pep) -> None:
    assert pep.post(EVALUATION, having(FIRST_RULE, "alice", "subject")).status == 400
    assert pep.post(EVALUATION, having(FIRST_RULE, 123, "action", "name")).status == 400


@pytest.mark.requirement("AZ-005")
@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b'{"subject": {"type": "user"', "application/json"),
        (b"not json", "application/json"),
        (b"", "application/json"),
        (b"subject=alice", "application/x-www-form-urlencoded"),
        (b"{}", "text/plain"),
        (b"<evaluation/>", "application/xml"),
    ],
)
def test_a_body_that_is_not_json_is_a_bad_request(
    pep: Pep, content: bytes, content_type: str
) -> None:
    assert pep.send("POST", EVALUATION, content, content_type=content_type).status == 400


@pytest.mark.requirement("AZ-007")
def test_the_request_id_comes_back(pep: Pep) -> None:
    given = "bfe9eb29-ab87-4ca3-be83-a1d5d8305716"
    reply = pep.post(EVALUATION, FIRST_RULE, x_request_id=given)
    assert reply.headers["x-request-id"] == given


@pytest.mark.requirement("AZ-007")
def test_a_request_without_an_id_is_answered(pep: Pep) -> None:
    assert decision_of(pep.post(EVALUATION, FIRST_RULE)) is True


@pytest.mark.requirement("AZ-010")
def test_the_same_request_gives_the_same_decision(pep: Pep) -> None:
    assert {pep.decides(ALICE, READ, RECORD_1) for _ in range(10)} == {True}
    assert {pep.decides(BOB, WRITE, RECORD_1) for _ in range(10)} == {False}
