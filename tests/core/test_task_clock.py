"""What time does: reminders, escalations, time-outs, expiry."""

from datetime import timedelta
from typing import Any

import pytest

from pdp.core.task import Question, open_questions
from pdp.core.task_clock import next_wake, tick
from pdp.core.task_effects import Notify, Timer
from pdp.core.task_open import Wanted
from tests.core.making import (
    HOUR,
    START,
    accepted,
    decide,
    effects,
    events,
    opened,
    workflow,
)

MINUTE = timedelta(minutes=1)


def _step(**members: Any) -> dict[str, Any]:
    return {"name": "manager", "queue": "managers", **members}


def test_nothing_happens_before_its_time() -> None:
    task = opened(workflow(_step(remind_after="1h")))
    change = tick(task, START + HOUR - MINUTE)
    assert change.task == task
    assert change.effects == ()


def test_the_wait_between_reminders_doubles() -> None:
    task = opened(workflow(_step(remind_after="1h", remind_times=3)))
    moments = []
    while (moment := next_wake(task)) is not None and moment < task.expires_at:
        change = tick(task, moment)
        assert effects(change, Notify) == [Notify("reminder", queue="managers", step="manager")]
        task = accepted(change)
        moments.append((moment - START) / HOUR)
    assert moments == [1, 3, 7]


def test_an_escalation_adds_a_queue_and_takes_none_away() -> None:
    task = opened(workflow(_step(escalate_after="1h", escalate_to="heads")))
    change = tick(task, START + HOUR)
    task = accepted(change)
    assert task.queues() == ("heads", "managers")
    assert effects(change, Notify) == [Notify("escalated", queue="heads", step="manager")]
    assert events(change) == ["step.escalated"]
    assert effects(change, Timer) == [Timer(task.expires_at, "expire")]


@pytest.mark.parametrize("kind", ["external", "interaction"])
def test_what_nobody_answers_may_come_to_people(kind: str) -> None:
    step = {"name": "check", "kind": kind, "timeout": "1h", "escalate_to": "heads"}
    task = opened(workflow(step))
    assert open_questions(task) == ()
    task = accepted(tick(task, START + HOUR))
    assert open_questions(task) == (Question(0, 0),)
    assert accepted(decide(task, "bob", after=2 * HOUR)).status == "approved"


def test_a_timeout_denies() -> None:
    change = tick(opened(workflow(_step(timeout="1h"))), START + 2 * HOUR)
    task = accepted(change)
    assert task.status == "denied"
    assert task.items[0].reason_code == "timed_out"
    assert task.closed_at == START + HOUR
    assert events(change) == ["step.timed_out", "task.denied"]


def test_a_timeout_of_one_alternative_leaves_the_other() -> None:
    group = {"name": "g", "any_of": [_step(timeout="1h"), {"name": "security"}]}
    task = accepted(tick(opened(workflow(group)), START + HOUR))
    assert task.pending
    assert accepted(decide(task, "bob", after=2 * HOUR)).status == "approved"


def test_when_all_alternatives_are_lost_it_is_denied() -> None:
    group = {"name": "g", "any_of": [_step(timeout="1h"), {"name": "s", "timeout": "2h"}]}
    assert accepted(tick(opened(workflow(group)), START + 2 * HOUR)).status == "denied"


@pytest.mark.requirement("ARAP-150")
@pytest.mark.requirement("ARAP-183")
def test_a_request_expires_on_time_although_nobody_asks() -> None:
    task = opened(workflow(task_ttl="2h"))
    assert next_wake(task) == START + 2 * HOUR
    assert tick(task, START + 2 * HOUR - MINUTE).task == task
    change = tick(task, START + 2 * HOUR)
    assert accepted(change).status == "expired"
    assert next_wake(change.task) is None


@pytest.mark.requirement("ARAP-165")
@pytest.mark.parametrize("kind", ["human", "external", "interaction"])
def test_time_alone_never_approves(kind: str) -> None:
    steps = [
        {"name": "a", "kind": kind, "timeout": "1h", "remind_after": "10m"},
        {"name": "b", "kind": kind, "timeout": "2h", "escalate_to": "q"},
        {"name": "g", "any_of": [{"name": "c", "kind": kind, "timeout": "1h"}, {"name": "d"}]},
    ]
    for step in steps:
        task = opened(workflow(step))
        assert tick(task, START + timedelta(days=999)).task.status in ("denied", "expired")


def test_a_late_timer_changes_nothing_but_the_delay() -> None:
    step = _step(remind_after="10m", escalate_after="30m", escalate_to="heads", timeout="2h")
    task = opened(workflow(step))
    seldom = tick(task, START + 99 * HOUR).task
    often = task
    for minutes in range(0, 99 * 60, 7):
        often = tick(often, START + minutes * MINUTE).task
    assert often == seldom


def test_a_vote_comes_after_all_that_was_due_before_it() -> None:
    task = opened(workflow(_step(escalate_after="1h", escalate_to="heads", approvals=2)))
    change = decide(task, "bob", after=2 * HOUR)
    assert events(change) == ["step.escalated", "vote.approve"]
    item = accepted(change).items[0]
    assert item.leaves[0].escalated_to == "heads"
    assert item.votes[0].at == START + 2 * HOUR


def test_what_expires_at_the_moment_of_its_timeout_has_expired() -> None:
    task = opened(Wanted(workflow(_step(timeout="1h", remind_after="1h")), START + HOUR))
    change = tick(task, START + HOUR)
    assert accepted(change).status == "expired"
    assert events(change) == ["task.expired"]


def test_after_an_outage_people_are_reminded_once() -> None:
    task = opened(workflow(_step(remind_after="1h", remind_times=5)))
    change = tick(task, START + 40 * HOUR)
    assert len(effects(change, Notify)) == 1
    assert events(change) == ["step.reminded"] * 5


def test_timers_of_a_step_count_from_its_own_beginning() -> None:
    task = opened(workflow({"name": "a"}, _step(timeout="1h")))
    task = accepted(decide(task, "bob", after=5 * HOUR))
    assert next_wake(task) == START + 6 * HOUR
