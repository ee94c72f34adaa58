"""Several items in one request: each on its own way, one status for all."""

from datetime import timedelta
from typing import Any

import pytest

from pdp.core.task import Question, Task, aggregate, open_questions
from pdp.core.task_clock import tick
from pdp.core.task_effects import ApprovalGranted, Callback, Notify, TaskResolved, VoteCast
from pdp.core.task_events import cancel
from pdp.core.task_open import Wanted
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


def _bundle(count: int = 3, **members: Any) -> Task:
    return opened(*[workflow(**members)] * count)


def _statuses(task: Task) -> list[str]:
    return [item.status for item in task.items]


@pytest.mark.requirement("ARAP-135")
@pytest.mark.parametrize(
    ("statuses", "whole"),
    [
        (["pending"], "pending"),
        (["approved", "pending"], "pending"),
        (["denied", "pending", "failed"], "pending"),
        (["approved", "approved"], "approved"),
        (["denied", "denied"], "denied"),
        (["expired"], "expired"),
        (["approved", "denied"], "partial"),
        (["cancelled", "expired", "failed"], "partial"),
    ],
)
def test_the_status_of_a_bundle(statuses: Any, whole: str) -> None:
    assert aggregate(statuses) == whole


@pytest.mark.requirement("ARAP-136")
def test_a_single_request_is_never_partial() -> None:
    for decision in ("approve", "deny"):
        assert decide(opened(workflow()), "bob", decision).task.status != "partial"


def test_one_vote_decides_all_that_the_person_may() -> None:
    change = decide(_bundle(), "bob")
    assert accepted(change).status == "approved"
    assert [cast.slot for cast in effects(change, VoteCast)] == [0, 100, 200]
    assert [granted.position for granted in effects(change, ApprovalGranted)] == [0, 1, 2]
    assert effects(change, TaskResolved) == [TaskResolved("approved")]


def test_approving_fewer_items_denies_the_others() -> None:
    change = decide(_bundle(), "bob", positions=(0, 2))
    task = accepted(change)
    assert _statuses(task) == ["approved", "denied", "approved"]
    assert task.items[1].reason_code == "not_included"
    assert effects(change, Callback) == [Callback("partial")]
    assert [event for event in events(change) if event.startswith("task.")] == ["task.partial"]


def test_the_others_may_be_left_for_later() -> None:
    task = accepted(decide(_bundle(), "bob", positions=(0,), rest="leave"))
    assert _statuses(task) == ["approved", "pending", "pending"]
    task = accepted(decide(task, "bob", "deny", positions=(1,), after=2 * HOUR))
    assert _statuses(task) == ["approved", "denied", "pending"]
    task = accepted(decide(task, "bob", after=3 * HOUR))
    assert _statuses(task) == ["approved", "denied", "approved"]


def test_denying_some_items_leaves_the_others() -> None:
    task = accepted(decide(_bundle(), "bob", "deny", positions=(1,)))
    assert _statuses(task) == ["pending", "denied", "pending"]


@pytest.mark.requirement("ARAP-167")
def test_an_owner_of_one_item_decides_that_one_only() -> None:
    task = _bundle()
    owns = {Question(1, 0): ("owner",)}
    change = vote(task, Ballot(person("olga"), "approve"), owns, START + HOUR)
    assert _statuses(accepted(change)) == ["pending", "approved", "pending"]
    change = vote(task, Ballot(person("olga"), "approve", positions=(1,)), owns, START + HOUR)
    assert _statuses(accepted(change)) == ["pending", "approved", "pending"]
    change = vote(task, Ballot(person("olga"), "approve", positions=(0, 1)), owns, START + HOUR)
    assert change.refusal is not None
    assert change.refusal.reason == "not_eligible"
    assert change.task == task


@pytest.mark.parametrize("positions", [(3,), (-1,), ()])
def test_items_that_are_not_there_are_refused(positions: tuple[int, ...]) -> None:
    change = decide(_bundle(), "bob", positions=positions)
    assert change.refusal is not None
    assert change.refusal.reason == "no_such_item"


def test_an_item_that_is_decided_is_refused() -> None:
    task = accepted(decide(_bundle(), "bob", "deny", positions=(1,)))
    change = decide(task, "carol", positions=(0, 1))
    assert change.refusal is not None
    assert change.refusal.reason == "closed"


def test_fewer_items_can_be_forbidden() -> None:
    change = decide(_bundle(narrowing=False), "bob", positions=(0,))
    assert change.refusal is not None
    assert change.refusal.reason == "narrowing"


def test_each_item_counts_its_own_votes() -> None:
    quorum = workflow({"name": "board", "approvals": 2})
    task = opened(quorum, quorum)
    task = accepted(decide(task, "bob", positions=(0,), rest="leave"))
    task = accepted(decide(task, "carol", positions=(1,), rest="leave"))
    assert _statuses(task) == ["pending", "pending"]
    task = accepted(decide(task, "dave", after=2 * HOUR))
    assert task.status == "approved"


def test_items_of_different_workflows_go_their_own_ways() -> None:
    short = workflow({"name": "manager"})
    long = workflow({"name": "board", "approvals": 2}, {"name": "owner"})
    task = accepted(decide(opened(short, long), "bob"))
    assert _statuses(task) == ["approved", "pending"]
    task = accepted(decide(task, "carol"))
    assert task.items[1].step == 1
    assert open_questions(task) == (Question(1, 1),)


def test_people_are_told_once_of_all_items() -> None:
    flow = workflow({"name": "a", "queue": "q"}, {"name": "b", "queue": "r"})
    change = decide(opened(flow, flow, flow), "bob")
    assert effects(change, Notify) == [
        Notify("approval_needed", queue="r", step="b", positions=(0, 1, 2))
    ]


@pytest.mark.requirement("ARAP-162")
def test_cancelling_ends_what_is_pending_and_nothing_else() -> None:
    task = accepted(decide(_bundle(), "bob", "deny", positions=(1,)))
    task = accepted(cancel(task, START + 2 * HOUR))
    assert _statuses(task) == ["cancelled", "denied", "cancelled"]
    assert task.status == "partial"


@pytest.mark.requirement("ARAP-163")
def test_a_bundle_that_is_over_cannot_be_cancelled() -> None:
    change = cancel(accepted(decide(_bundle(), "bob")), START + 2 * HOUR)
    assert change.refusal is not None
    assert change.refusal.reason == "closed"


def test_each_item_expires_when_its_own_wish_is_over() -> None:
    flow = workflow(task_ttl="1d")
    task = opened(Wanted(flow, START + HOUR), Wanted(flow))
    task = accepted(tick(task, START + timedelta(hours=1)))
    assert _statuses(task) == ["expired", "pending"]
    assert task.items[0].closed_at == START + HOUR
