"""What AuthZEN 1.0 asks of a batch of evaluations (AZ-020 to AZ-024)."""

from typing import Any

import pytest

from tests.conformance.fixture import (
    ALICE,
    ARCHIVED,
    BOB,
    BOB_AS_ADMIN,
    DELETE_FOR_GOOD,
    DELETE_SOFTLY,
    FIRST_RULE,
    READ,
    RECORD_1,
    WRITE,
)
from tests.conformance.worlds import EVALUATIONS, Pep, check_decision, decision_of

PERMIT: dict[str, Any] = {"subject": ALICE}
DENY: dict[str, Any] = {"subject": BOB}
FAULTY: dict[str, Any] = {"subject": {"type": "user"}}


def writing(items: list[Any], semantic: str | None = None) -> dict[str, Any]:
    """A batch of items that each say who writes the first record."""
    body: dict[str, Any] = {"action": WRITE, "resource": RECORD_1, "evaluations": items}
    return body if semantic is None else body | {"options": {"evaluations_semantic": semantic}}


@pytest.mark.requirement("AZ-020")
def test_a_long_batch_keeps_its_order(pep: Pep) -> None:
    items = [PERMIT if index % 7 in (0, 3) else DENY for index in range(1000)]
    expected = [index % 7 in (0, 3) for index in range(1000)]
    assert pep.decides_each(writing(items)) == expected


@pytest.mark.requirement("AZ-020")
def test_an_entity_is_replaced_whole_and_never_merged(pep: Pep) -> None:
    body = {
        "subject": BOB_AS_ADMIN,
        "action": DELETE_SOFTLY,
        "resource": ARCHIVED,
        "context": {"a": 1},
        "evaluations": [
            {"action": WRITE},
            {"action": WRITE, "subject": ALICE},
            {"subject": ALICE},
            {"subject": ALICE, "action": {"name": "delete"}},
            {"subject": ALICE, "action": DELETE_FOR_GOOD},
        ],
    }
    assert pep.decides_each(body) == [True, False, True, False, False]


@pytest.mark.requirement("AZ-020")
def test_the_properties_of_a_default_do_not_fill_an_item_that_has_the_id_only(pep: Pep) -> None:
    ada = {"type": "user", "id": "ada"}
    body = {
        "subject": {**ada, "properties": {"role": "admin"}},
        "action": WRITE,
        "resource": ARCHIVED,
        "evaluations": [{}, {"subject": ada}, {"subject": {"type": "user"}}],
    }
    assert pep.decides_each(body) == [True, False, False]


@pytest.mark.requirement("AZ-021")
@pytest.mark.parametrize("more", [{}, {"evaluations": []}, {"evaluations": None}])
def test_without_items_the_answer_is_that_of_a_single_evaluation(
    pep: Pep, more: dict[str, Any]
) -> None:
    assert decision_of(pep.post(EVALUATIONS, FIRST_RULE | more)) is True
    denied = {"subject": BOB, "action": WRITE, "resource": RECORD_1}
    assert decision_of(pep.post(EVALUATIONS, denied | more)) is False
    reply = pep.post(EVALUATIONS, FIRST_RULE | more)
    assert "evaluations" not in reply.body
    incomplete = {name: value for name, value in FIRST_RULE.items() if name != "subject"}
    assert pep.post(EVALUATIONS, incomplete | more).status == 400


@pytest.mark.requirement("AZ-022")
@pytest.mark.parametrize(
    ("semantic", "items", "expected"),
    [
        (None, [PERMIT, DENY, PERMIT], [True, False, True]),
        ("execute_all", [PERMIT, DENY, PERMIT], [True, False, True]),
        ("deny_on_first_deny", [PERMIT, PERMIT, DENY, PERMIT], [True, True, False]),
        ("deny_on_first_deny", [DENY, PERMIT], [False]),
        ("deny_on_first_deny", [PERMIT, PERMIT], [True, True]),
        ("deny_on_first_deny", [PERMIT, FAULTY, PERMIT], [True, False]),
        ("permit_on_first_permit", [DENY, DENY, PERMIT, DENY], [False, False, True]),
        ("permit_on_first_permit", [PERMIT, DENY], [True]),
        ("permit_on_first_permit", [DENY, DENY], [False, False]),
        ("permit_on_first_permit", [FAULTY, PERMIT, DENY], [False, True]),
        ("deny_on_first_deny", [PERMIT] * 100 + [DENY] + [PERMIT] * 100, [True] * 100 + [False]),
    ],
)
def test_a_short_circuit_ends_with_the_result_that_caused_it(
    pep: Pep, semantic: str | None, items: list[Any], expected: list[bool]
) -> None:
    assert pep.decides_each(writing(items, semantic)) == expected


@pytest.mark.requirement("AZ-023")
@pytest.mark.parametrize("semantic", ["execute_some", "", "EXECUTE_ALL", 1, [], {}, True])
def test_an_unknown_semantic_is_a_bad_request(pep: Pep, semantic: Any) -> None:
    reply = pep.post(EVALUATIONS, writing([PERMIT], semantic))
    assert reply.status == 400
    assert reply.body["errors"][0]["pointer"] == "/options/evaluations_semantic"


@pytest.mark.requirement("AZ-023")
@pytest.mark.parametrize("options", [{}, None, {"another_option": "value", "n": [1]}])
def test_other_options_are_ignored(pep: Pep, options: Any) -> None:
    body = writing([PERMIT, DENY]) | {"options": options}
    assert pep.decides_each(body) == [True, False]


@pytest.mark.requirement("AZ-024")
@pytest.mark.parametrize(
    "faulty",
    [
        {},
        {"subject": "alice"},
        {"subject": {"type": "user"}},
        {"subject": {"type": "user", "id": 7}},
        {"subject": ALICE, "action": {"name": None}},
        {"subject": ALICE, "context": []},
        {"subject": ALICE, "resource": {"type": "record"}},
        {"subject": {**ALICE, "properties": 1}},
    ],
)
def test_an_item_that_cannot_be_evaluated_is_a_denial_that_says_why(pep: Pep, faulty: Any) -> None:
    reply = pep.post(EVALUATIONS, writing([PERMIT, faulty, PERMIT]))
    assert reply.status == 200
    first, second, third = reply.body["evaluations"]
    for result in (first, second, third):
        check_decision(result)
    assert [first["decision"], second["decision"], third["decision"]] == [True, False, True]
    assert second["context"]["error"]["status"] == 400
    assert second["context"]["error"]["errors"][0]["pointer"].startswith("/evaluations/1")


@pytest.mark.requirement("AZ-024")
@pytest.mark.parametrize(
    "payload",
    [
        {"evaluations": {}},
        {"evaluations": "all"},
        {"evaluations": 1},
        {"evaluations": True},
        {"evaluations": [PERMIT], "options": []},
        {"evaluations": [PERMIT], "options": "execute_all"},
        {"evaluations": [PERMIT], "context": "noon"},
        {"evaluations": [PERMIT], "action": "write"},
        {"evaluations": [PERMIT], "resource": ["record-1"]},
    ],
)
def test_a_payload_that_is_faulty_as_a_whole_is_a_bad_request(
    pep: Pep, payload: dict[str, Any]
) -> None:
    reply = pep.post(EVALUATIONS, {"action": READ, "resource": RECORD_1} | payload)
    assert reply.status == 400
    assert "evaluations" not in reply.body
