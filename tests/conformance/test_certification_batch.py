"""AuthZEN 1.0 certification scenario, level Batch, Core and Properties."""

import pytest

from tests.conformance.fixture import (
    ACTIVE,
    ALICE,
    ARCHIVED,
    BOB,
    BOB_AS_ADMIN,
    FIRST_RULE,
    READ,
    RECORD_1,
    RECORD_2,
    WRITE,
)
from tests.conformance.worlds import EVALUATIONS, Pep, decision_of


@pytest.mark.requirement("AZ-020")
def test_a_batch_gives_one_decision_for_each_resource(pep: Pep) -> None:
    items = [{"resource": RECORD_1}, {"resource": RECORD_2}]
    asked = {"subject": ALICE, "action": READ, "evaluations": items}
    assert len(pep.decides_each(asked)) == 2


@pytest.mark.requirement("AZ-020")
def test_decisions_come_in_the_order_of_the_items(pep: Pep) -> None:
    items = [{"action": READ}, {"action": WRITE}]
    asked = {"subject": BOB, "resource": RECORD_1, "evaluations": items}
    assert pep.decides_each(asked) == [True, False]


@pytest.mark.requirement("AZ-020")
def test_resource_properties_count_item_by_item(pep: Pep) -> None:
    items = [{"resource": ACTIVE}, {"resource": ARCHIVED}]
    asked = {"subject": ALICE, "action": WRITE, "evaluations": items}
    assert pep.decides_each(asked) == [True, False]


@pytest.mark.requirement("AZ-020")
def test_subject_properties_count_item_by_item(pep: Pep) -> None:
    items = [{"subject": ALICE}, {"subject": BOB_AS_ADMIN}]
    asked = {"action": WRITE, "resource": ARCHIVED, "evaluations": items}
    assert pep.decides_each(asked) == [False, True]


@pytest.mark.requirement("AZ-020")
def test_complete_items_need_no_defaults(pep: Pep) -> None:
    items = [FIRST_RULE, {"subject": BOB, "action": WRITE, "resource": RECORD_1}]
    assert pep.decides_each({"evaluations": items}) == [True, False]


@pytest.mark.requirement("AZ-020")
def test_an_item_may_replace_the_context(pep: Pep) -> None:
    own = {"time": "2025-06-27T19:00-07:00", "source": "batch-override"}
    asked = {
        "subject": ALICE,
        "action": READ,
        "context": {"time": "2025-06-27T18:03-07:00"},
        "evaluations": [{"resource": RECORD_1}, {"resource": RECORD_2, "context": own}],
    }
    assert len(pep.decides_each(asked)) == 2


@pytest.mark.requirement("AZ-020")
def test_an_empty_item_takes_every_default_and_a_given_entity_replaces_it_whole(pep: Pep) -> None:
    asked = {
        "subject": ALICE,
        "action": WRITE,
        "resource": ACTIVE,
        "evaluations": [{}, {"resource": ARCHIVED}],
    }
    assert pep.decides_each(asked) == [True, False]


@pytest.mark.requirement("AZ-024")
def test_an_item_without_a_resource_is_denied_and_the_others_are_decided(pep: Pep) -> None:
    asked = {
        "subject": ALICE,
        "action": READ,
        "options": {"evaluations_semantic": "execute_all"},
        "evaluations": [{"resource": RECORD_1}, {}],
    }
    assert pep.decides_each(asked) == [True, False]


@pytest.mark.requirement("AZ-021")
@pytest.mark.parametrize("more", [{}, {"evaluations": []}], ids=["absent", "empty"])
def test_without_items_it_is_a_single_evaluation(pep: Pep, more: dict[str, list[object]]) -> None:
    assert decision_of(pep.post(EVALUATIONS, FIRST_RULE | more)) is True
