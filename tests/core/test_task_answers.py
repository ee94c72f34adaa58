"""Policies, third parties and interactions answer; operators and holders act."""

from typing import Any

import pytest

from pdp.core.task import Question, Task, open_questions, policy_questions
from pdp.core.task_answers import auto_approve, external_result, interaction_done, policy_result
from pdp.core.task_effects import ApprovalGranted, AuditEvent, Notify
from pdp.core.task_events import (
    cancel,
    claim,
    deny,
    escalate,
    expire,
    fail,
    reassign,
    release,
    remind,
)
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

LATER = START + HOUR
RULE = {"name": "rule", "kind": "policy"}
FRAUD = {"name": "fraud", "kind": "external"}
VISIT = {"name": "visit", "kind": "interaction"}


def test_a_policy_step_is_decided_at_once() -> None:
    task = opened(workflow(RULE))
    change = policy_result(task, {Question(0, 0): ("auto-small",)}, START)
    assert accepted(change).status == "approved"
    (granted,) = effects(change, ApprovalGranted)
    assert granted.approvers == ()
    assert granted.evidence == ("auto-small",)
    denied = policy_result(task, {}, START)
    assert accepted(denied).status == "denied"
    assert denied.task.items[0].reason_code == "refused_by_policy"


def test_policy_steps_that_follow_are_asked_in_turn() -> None:
    task = opened(workflow(RULE, {"name": "again", "kind": "policy"}, {"name": "boss"}))
    asked = []
    while questions := policy_questions(task):
        asked.append(questions)
        task = accepted(policy_result(task, {each: () for each in questions}, START))
    assert asked == [(Question(0, 0),), (Question(0, 1),)]
    assert open_questions(task) == (Question(0, 2),)


def test_a_policy_or_else_a_person() -> None:
    task = opened(workflow({"name": "g", "any_of": [RULE, {"name": "boss"}]}))
    task = accepted(policy_result(task, {}, START))
    assert task.pending
    assert accepted(decide(task, "bob")).status == "approved"


def test_of_two_policies_the_first_that_permits_is_enough() -> None:
    group = {"name": "g", "any_of": [RULE, {"name": "rule2", "kind": "policy"}]}
    task = opened(workflow(group))
    change = policy_result(task, {Question(0, 0): ("one",), Question(0, 1): ("two",)}, START)
    assert [leaf.outcome for leaf in accepted(change).items[0].leaves] == ["approved", "skipped"]
    (granted,) = effects(change, ApprovalGranted)
    assert granted.evidence == ("one",)


def test_a_policy_and_a_person() -> None:
    task = opened(workflow({"name": "g", "all_of": [RULE, {"name": "boss"}]}))
    assert accepted(policy_result(task, {}, START)).status == "denied"


@pytest.mark.requirement("ARAP-127")
def test_cedar_may_approve_without_any_step() -> None:
    flow = workflow({"name": "boss"})
    change = auto_approve(opened(flow, flow), {1: ("auto",)}, START)
    task = accepted(change)
    assert [item.status for item in task.items] == ["pending", "approved"]
    assert task.items[1].automatic
    assert "item.auto_approved" in events(change)
    assert auto_approve(task, {1: ("auto",)}, START).task == task


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("approved", "approved"), ("refused", "denied"), ("failed", "failed")],
)
def test_a_third_party_answers(outcome: Any, status: str) -> None:
    change = external_result(opened(workflow(FRAUD)), "fraud", outcome, LATER, reason="score-9")
    task = accepted(change)
    assert task.status == status
    assert task.items[0].reason_code == (None if outcome == "approved" else "score-9")
    assert events(change)[0] == f"step.{outcome}"


def test_a_third_party_cannot_answer_otherwise() -> None:
    with pytest.raises(ValueError, match="third party"):
        external_result(opened(workflow(FRAUD)), "fraud", "skipped", LATER)


def test_an_answer_is_taken_once() -> None:
    flow = workflow(FRAUD, {"name": "boss"})
    task = accepted(external_result(opened(flow), "fraud", "approved", LATER))
    again = external_result(task, "fraud", "refused", LATER)
    assert again.refusal is not None
    assert again.refusal.reason == "not_open"
    assert again.task == task


def test_an_answer_may_be_about_some_items() -> None:
    flow = workflow(FRAUD)
    task = accepted(external_result(opened(flow, flow), "fraud", "approved", LATER, positions=[1]))
    assert [item.status for item in task.items] == ["pending", "approved"]


def test_a_visit_completes_its_step_only() -> None:
    task = accepted(interaction_done(opened(workflow(VISIT, {"name": "boss"})), "visit", LATER))
    assert task.pending
    assert accepted(interaction_done(opened(workflow(VISIT)), "visit", LATER)).status == "approved"


@pytest.mark.parametrize("answer", [external_result, interaction_done])
def test_an_answer_for_another_step_or_too_late_is_refused(answer: Any) -> None:
    words = ("approved",) if answer is external_result else ()
    assert answer(opened(workflow()), "manager", *words, LATER).refusal.reason == "not_open"
    late = answer(opened(workflow(FRAUD)), "fraud", *words, START + 999 * HOUR)
    assert late.refusal.reason == "closed"
    assert late.task.status == "expired"


@pytest.mark.requirement("ARAP-158")
def test_a_pending_request_can_be_cancelled_and_says_why() -> None:
    change = cancel(opened(workflow()), LATER, reason="no_longer_needed", comment="found it")
    assert accepted(change).status == "cancelled"
    (event,) = effects(change, AuditEvent)
    assert event.event == "task.cancelled"
    assert event.details == {"reason": "no_longer_needed", "comment": "found it"}


@pytest.mark.requirement("ARAP-159")
@pytest.mark.parametrize("end", [cancel, deny, fail, expire])
def test_what_is_over_ends_no_other_way(end: Any) -> None:
    task = accepted(decide(opened(workflow()), "bob"))
    change = end(task, START + 2 * HOUR)
    assert change.refusal is not None
    assert change.refusal.reason == "closed"
    assert change.task == task


@pytest.mark.parametrize(
    ("end", "status"), [(deny, "denied"), (fail, "failed"), (expire, "expired")]
)
def test_a_request_can_be_ended_from_our_side(end: Any, status: str) -> None:
    assert accepted(end(opened(workflow()), LATER)).status == status


def test_escalating_by_hand_adds_a_queue() -> None:
    task = opened(workflow(FRAUD))
    change = escalate(task, "fraud", "heads", LATER)
    assert accepted(change).queues() == ("flow", "heads")
    assert open_questions(change.task) == (Question(0, 0),)
    nowhere = escalate(change.task, "manager", "heads", LATER)
    assert nowhere.refusal is not None
    assert nowhere.refusal.reason == "not_open"


def test_reminding_by_hand_tells_the_queue() -> None:
    change = remind(opened(workflow({"name": "a", "queue": "q"})), LATER)
    assert effects(change, Notify) == [Notify("reminder", queue="q", step="a")]


def _claimed() -> Task:
    return accepted(claim(opened(workflow()), person("bob"), LATER, eligible=True))


def test_a_request_is_claimed_by_one_who_may_decide() -> None:
    task = _claimed()
    assert task.claimed_by == person("bob")
    assert claim(task, person("bob"), LATER, eligible=True).effects == ()
    for name, eligible, reason in (("carol", True, "claimed"), ("bob", False, "not_eligible")):
        change = claim(task, person(name), LATER, eligible=eligible)
        assert change.refusal is not None
        assert change.refusal.reason == reason


def test_a_claim_keeps_nobody_from_deciding() -> None:
    assert accepted(decide(_claimed(), "carol", after=2 * HOUR)).status == "approved"


def test_a_claim_is_let_go_by_its_holder_or_an_operator() -> None:
    refused = release(_claimed(), person("carol"), LATER)
    assert refused.refusal is not None
    for who in (person("bob"), None):
        change = release(_claimed(), who, LATER)
        assert accepted(change).claimed_by is None
        assert events(change) == ["task.released"]
    assert release(opened(workflow()), None, LATER).effects == ()


def test_a_request_is_given_to_one_who_may_decide() -> None:
    change = reassign(_claimed(), person("carol"), LATER, eligible=True)
    assert accepted(change).claimed_by == person("carol")
    assert effects(change, Notify) == [Notify("assigned", person=person("carol"))]
    refused = reassign(_claimed(), person("carol"), LATER, eligible=False)
    assert refused.refusal is not None


@pytest.mark.parametrize("act", [claim, reassign])
def test_what_is_over_is_nobodys(act: Any) -> None:
    task = accepted(decide(opened(workflow()), "bob"))
    assert act(task, person("bob"), START + 2 * HOUR, eligible=True).refusal.reason == "closed"
