"""People decide."""

from datetime import timedelta
from typing import Any

import pytest

from pdp.core.scope import Scope
from pdp.core.task import Question, open_questions
from pdp.core.task_effects import (
    ApprovalGranted,
    AuditEvent,
    Callback,
    ItemResolved,
    Notify,
    StepEnded,
    TaskResolved,
    Timer,
    VoteCast,
)
from pdp.core.task_vote import Ballot, vote
from tests.core.making import (
    HOUR,
    START,
    accepted,
    decide,
    effects,
    events,
    opened,
    person,
    workflow,
)

QUORUM = {"name": "board", "approvals": 2}


@pytest.mark.requirement("ARAP-165")
def test_one_approval_of_the_only_step_approves() -> None:
    change = decide(opened(workflow({"name": "manager", "queue": "managers"})), "bob")
    assert accepted(change).status == "approved"
    assert events(change) == ["vote.approve", "task.approved"]
    assert effects(change, ItemResolved) == [ItemResolved(0, "approved")]
    assert effects(change, StepEnded) == [StepEnded("manager", 0, (0,), "approved")]
    assert effects(change, TaskResolved) == [TaskResolved("approved")]
    assert effects(change, Callback) == [Callback("approved")]
    assert effects(change, Notify) == [Notify("resolved", queue="managers")]
    assert effects(change, Timer) == []


@pytest.mark.requirement("ARAP-177")
def test_an_approval_says_who_and_why_and_until_when() -> None:
    change = decide(opened(workflow(approval_ttl="4h")), "bob", on_behalf_of=person("carol"))
    (granted,) = effects(change, ApprovalGranted)
    assert granted.approved_at == START + HOUR
    assert granted.approved_until == START + 5 * HOUR
    assert granted.approvers == (person("bob"), person("carol"))
    assert granted.evidence == ("p-approve",)
    assert granted.scope == Scope("exact")
    assert (granted.single_use, granted.standing, granted.review_by) == (False, False, None)


def test_the_audit_says_who_decided_for_whom_and_by_which_policy() -> None:
    until = START + 2 * HOUR
    change = decide(opened(workflow()), "bob", on_behalf_of=person("carol"), approved_until=until)
    (cast, _) = effects(change, AuditEvent)
    assert cast.details == {
        "step": "manager",
        "person": {"type": "User", "id": "bob"},
        "on_behalf_of": {"type": "User", "id": "carol"},
        "approved_until": "2026-04-30T22:15:00Z",
        "policies": ["p-approve"],
    }


@pytest.mark.requirement("ARAP-167")
def test_a_vote_that_cedar_does_not_permit_does_not_count() -> None:
    task = opened(workflow())
    change = vote(task, Ballot(person("mallory"), "approve"), {}, START + HOUR)
    assert change.refusal is not None
    assert change.refusal.reason == "not_eligible"
    assert change.task == task
    assert change.effects == ()


def test_a_denial_ends_the_request_with_its_reason() -> None:
    change = decide(opened(workflow(QUORUM)), "bob", "deny", reason_code="conflict")
    task = accepted(change)
    assert task.status == "denied"
    assert task.items[0].reason_code == "conflict"
    assert events(change) == ["vote.deny", "task.denied"]


@pytest.mark.requirement("ARAP-165")
def test_a_quorum_needs_as_many_people() -> None:
    task = accepted(decide(opened(workflow(QUORUM)), "bob"))
    assert task.pending
    assert accepted(decide(task, "carol", after=2 * HOUR)).status == "approved"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {}),
        ({"on_behalf_of": person("carol")}, {}),
        ({}, {"on_behalf_of": person("carol")}),
    ],
)
def test_nobody_speaks_twice_on_a_step(first: dict[str, Any], second: dict[str, Any]) -> None:
    task = accepted(decide(opened(workflow(QUORUM)), "bob", **first))
    change = decide(task, "bob", after=2 * HOUR, **second)
    assert change.refusal is not None
    assert change.refusal.reason == "already_voted"
    assert change.task == task


@pytest.mark.requirement("ARAP-166")
def test_a_deputy_and_the_person_stood_in_for_are_one_voice() -> None:
    task = accepted(decide(opened(workflow(QUORUM)), "bob", on_behalf_of=person("carol")))
    for name, terms in (
        ("carol", {}),
        ("dave", {"on_behalf_of": person("carol")}),
        ("dave", {"on_behalf_of": person("bob")}),
    ):
        change = decide(task, name, after=2 * HOUR, **terms)
        assert change.refusal is not None
        assert change.refusal.reason == "already_voted"


def test_a_second_vote_for_the_other_side_is_no_vote_either() -> None:
    task = accepted(decide(opened(workflow(QUORUM)), "bob"))
    change = decide(task, "bob", "deny", after=2 * HOUR)
    assert change.refusal is not None
    assert change.task == task


TWO_STEPS = ({"name": "manager", "queue": "managers"}, {"name": "owner", "queue": "owners"})


def test_steps_follow_one_another() -> None:
    change = decide(opened(workflow(*TWO_STEPS)), "bob")
    task = accepted(change)
    assert task.pending
    assert task.queues() == ("owners",)
    assert open_questions(task) == (Question(0, 1),)
    assert effects(change, Notify) == [
        Notify("approval_needed", queue="owners", step="owner", positions=(0,))
    ]
    assert accepted(decide(task, "carol", after=2 * HOUR)).status == "approved"


def test_nobody_decides_two_steps_of_one_request() -> None:
    task = accepted(decide(opened(workflow(*TWO_STEPS)), "bob"))
    change = decide(task, "bob", after=2 * HOUR)
    assert change.refusal is not None
    assert change.refusal.reason == "already_voted"


def test_nobody_speaks_twice_on_a_step_even_where_people_may_decide_several() -> None:
    task = accepted(decide(opened(workflow(QUORUM, distinct_approvers=False)), "bob"))
    change = decide(task, "bob", after=2 * HOUR)
    assert change.refusal is not None
    assert change.refusal.reason == "already_voted"


def test_the_terms_of_a_denial_bind_nothing() -> None:
    terms: dict[str, Any] = {"approved_until": START + 2 * HOUR, "scope": Scope("exact")}
    change = decide(opened(workflow()), "bob", "deny", **terms)
    (cast,) = effects(change, VoteCast)
    assert (cast.vote.approved_until, cast.vote.scope) == (None, None)


def test_one_person_may_decide_two_steps_where_the_workflow_says_so() -> None:
    task = accepted(decide(opened(workflow(*TWO_STEPS, distinct_approvers=False)), "bob"))
    assert accepted(decide(task, "bob", after=2 * HOUR)).status == "approved"


EITHER = {
    "name": "either",
    "any_of": [{"name": "manager", "queue": "m"}, {"name": "security", "queue": "s"}],
}
BOTH = {
    "name": "both",
    "all_of": [{"name": "manager", "queue": "m"}, {"name": "security", "queue": "s"}],
}


def test_of_alternatives_one_is_enough() -> None:
    task = opened(workflow(EITHER))
    assert task.queues() == ("m", "s")
    change = decide(task, "bob", step="security")
    assert accepted(change).status == "approved"
    assert effects(change, StepEnded) == [
        StepEnded("security", 1, (0,), "approved"),
        StepEnded("manager", 0, (0,), "skipped"),
    ]


def test_of_parallel_steps_all_are_needed_and_by_different_people() -> None:
    task = accepted(decide(opened(workflow(BOTH)), "bob"))
    assert task.queues() == ("s",)
    assert decide(task, "bob", after=2 * HOUR).refusal is not None
    assert accepted(decide(task, "carol", after=2 * HOUR)).status == "approved"


@pytest.mark.parametrize("group", [EITHER, BOTH])
def test_a_persons_denial_ends_a_group(group: dict[str, Any]) -> None:
    change = decide(opened(workflow(group)), "bob", "deny", step="security")
    assert accepted(change).status == "denied"


def test_a_nested_alternative_that_is_settled_asks_nobody_any_more() -> None:
    flow = workflow({"name": "g", "all_of": [EITHER, {"name": "owner", "queue": "o"}]})
    task = accepted(decide(opened(flow), "bob", step="manager"))
    assert task.queues() == ("o",)
    assert open_questions(task) == (Question(0, 2),)


def test_a_group_that_is_decided_ends_the_groups_within_it() -> None:
    inner = {"name": "inner", "any_of": [{"name": "b"}, {"name": "c"}]}
    flow = workflow({"name": "g", "any_of": [{"name": "a"}, inner]}, {"name": "owner"})
    task = accepted(decide(opened(flow), "bob", step="a"))
    assert open_questions(task) == (Question(0, 3),)


def test_a_person_votes_on_the_first_step_that_they_may() -> None:
    task = opened(workflow(BOTH))
    only_second = {Question(0, 1): ("p",)}
    change = vote(task, Ballot(person("bob"), "approve"), only_second, START + HOUR)
    (cast,) = effects(change, VoteCast)
    assert (cast.slot, cast.vote.leaf) == (1, 1)


def test_a_step_may_be_named_and_must_then_be_there_and_open() -> None:
    task = opened(workflow(*TWO_STEPS))
    for step, reason in (("owner", "not_open"), ("nobody", "no_such_step")):
        change = decide(task, "bob", step=step)
        assert change.refusal is not None
        assert change.refusal.reason == reason


@pytest.mark.requirement("ARAP-149")
@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_what_is_decided_stays_decided(decision: Any) -> None:
    task = accepted(decide(opened(workflow()), "bob"))
    change = decide(task, "carol", decision, after=2 * HOUR)
    assert change.refusal is not None
    assert change.refusal.reason == "closed"
    assert change.task == task
    assert change.effects == ()


@pytest.mark.requirement("ARAP-150")
@pytest.mark.parametrize("late", [timedelta(hours=2), timedelta(hours=2, seconds=1)])
def test_a_vote_that_comes_too_late_expires_the_request(late: timedelta) -> None:
    change = decide(opened(workflow(task_ttl="2h")), "bob", after=late)
    assert change.refusal is not None
    assert change.refusal.reason == "expired"
    assert change.task.status == "expired"
    assert change.task.closed_at == START + 2 * HOUR
    assert events(change) == ["task.expired"]
    assert effects(change, Callback) == [Callback("expired")]
