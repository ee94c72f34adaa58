"""What the core says must follow becomes audit events, jobs, waits and events, in one transaction."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from pdp.background import timers
from pdp.background.effects import BY_TIME, Cause, Change, interaction_id, record, write_effects
from pdp.background.external_calls import KIND as EXTERNAL
from pdp.background.external_calls import reply_token
from pdp.background.publishing import WEBHOOK, publish, summary
from pdp.core.scope import EXACT
from pdp.core.task_effects import (
    ApprovalGranted,
    AskInteraction,
    AuditEvent,
    Callback,
    CallExternal,
    Effect,
    Notify,
    StepEnded,
    TaskResolved,
    Timer,
)
from pdp.core.task_open import Wanted, open_task
from pdp.core.workflow import External, Interaction
from pdp.store import audit_chain, events, interactions, outbox_admin, subscriptions, tasks
from pdp.store.engine import Database, Session
from pdp.store.outbox import Job
from pdp.store.subscriptions import Subscription
from pdp.store.tasks import Task
from pdp.trust.keys import KeyRing
from tests.contract.make import DAY, MINUTE, NOW, task
from tests.core.making import workflow

BOB = Cause("user", "bob", {"on_behalf_of": {"type": "user", "id": "eve"}}, {"request_id": "r-1"})
ENDPOINT = {"endpoint": "https://pep.example.com/cb", "events": ["approved"]}


def created(db: Database, **changes: Any) -> Task:
    row = task(**changes)
    db.write(lambda session: tasks.create(session, row))
    return row


def write(
    db: Database,
    keys: KeyRing,
    row: Task,
    effects: Sequence[Effect],
    cause: Cause = BOB,
    queues: Sequence[str] = ("managers",),
) -> None:
    change = Change(row, queues, cause, NOW, keys)
    db.write(lambda session: write_effects(session, effects, change))


def jobs(db: Database, kind: str | None = None) -> list[Job]:
    found = db.read(lambda session: outbox_admin.of_task(session, "arq_1"))
    return [job for job in found if job.done_at is None and kind in (None, job.kind)]


def event_log(db: Database) -> list[events.Event]:
    return list(db.read(lambda session: events.since(session, 0, 100)))


def later(row: Task) -> Task:
    return row.model_copy(update={"version": row.version + 1})


def subscribe(db: Database, name: str = "sub_1", **changes: Any) -> None:
    values: dict[str, Any] = {
        "id": name, "owner": "pep-1", "url": "https://as.example.com/hook", "events": ["*"],
        "secret_sealed": b"sealed", "created_at": NOW,
    }  # fmt: skip
    row = Subscription(**(values | changes))
    db.write(lambda session: subscriptions.add(session, row))


def test_opening_a_real_task_leaves_its_events_and_one_timer(db: Database, keys: KeyRing) -> None:
    flow = workflow({"name": "manager", "queue": "managers", "remind_after": "1h"})
    change = open_task([Wanted(flow)], bundle=False, now=NOW)
    write(db, keys, created(db), change.effects, queues=change.task.queues())
    (timer,) = jobs(db)
    assert (timer.kind, timer.payload) == (timers.TASK_TIMER, {"due": "remind"})
    assert timer.run_at == NOW + timedelta(hours=1)
    audited = db.read(lambda session: audit_chain.of_task(session, "arq_1"))
    assert audited[0].event == "task.created"
    told = event_log(db)
    assert [event.kind for event in told] == ["created", "step"]
    assert {(event.requester, tuple(event.queues)) for event in told} == {("pep-1", ("managers",))}


@pytest.mark.requirement("ARAP-182")
def test_an_audit_event_says_who_what_when_and_from_where(db: Database, keys: KeyRing) -> None:
    row = created(db)
    write(db, keys, row, [AuditEvent("vote.cast", NOW - MINUTE, {"decision": "approve"})])
    write(db, keys, row, [AuditEvent("task.expired", NOW, {})], BY_TIME)
    change = Change(row, (), BOB, NOW, keys)
    db.write(lambda session: record(session, "approval.revoked", {"why": "left"}, change))
    first, second, third = db.read(lambda session: audit_chain.of_task(session, "arq_1"))
    assert (first.event, first.at, first.details) == (
        "vote.cast", NOW - MINUTE, {"decision": "approve"},
    )  # fmt: skip
    assert (first.actor_type, first.actor_id, first.actor, first.origin) == (
        "user", "bob", {"on_behalf_of": {"type": "user", "id": "eve"}}, {"request_id": "r-1"},
    )  # fmt: skip
    assert (second.actor_type, second.actor_id) == ("system", "clock")
    assert (third.event, third.at, third.actor_id) == ("approval.revoked", NOW, "bob")


def test_a_timer_replaces_the_one_before(db: Database, keys: KeyRing) -> None:
    row = created(db)
    write(db, keys, row, [Timer(NOW + MINUTE, "remind")])
    write(db, keys, later(row), [Timer(NOW + MINUTE, "remind"), Timer(NOW + DAY, "expire")])
    (timer,) = jobs(db)
    assert (timer.run_at, timer.payload) == (NOW + DAY, {"due": "expire"})


def test_a_task_that_closes_has_no_timer_and_no_open_wait(db: Database, keys: KeyRing) -> None:
    row = created(db)
    asked = AskInteraction("confirm", 0, (0,), Interaction(), NOW + DAY)
    write(db, keys, row, [asked, Timer(NOW + DAY, "expire")])
    write(db, keys, later(row), [Timer(NOW + DAY, "expire"), TaskResolved("denied")])
    assert jobs(db) == []
    (wait,) = db.read(lambda session: interactions.of_task(session, "arq_1"))
    assert wait.state == "ended"


def test_a_task_that_opens_and_closes_at_once_leaves_no_open_wait(
    db: Database, keys: KeyRing
) -> None:
    asked = CallExternal("fraud", 0, (0,), External("https://a", "fraud"), NOW + DAY)
    write(db, keys, created(db), [asked, TaskResolved("denied")])
    (wait,) = db.read(lambda session: interactions.of_task(session, "arq_1"))
    assert wait.state == "ended"


@pytest.mark.requirement("ARAP-214")
def test_a_callback_is_put_for_an_event_that_was_asked_for(db: Database, keys: KeyRing) -> None:
    row = created(db, callback=ENDPOINT)
    write(db, keys, row, [TaskResolved("denied"), Callback("denied")])
    assert jobs(db) == []
    write(db, keys, later(row), [TaskResolved("approved"), Callback("approved")])
    (job,) = jobs(db)
    assert (job.kind, job.payload, job.run_at) == ("callback", {"event": "approved"}, NOW)
    assert job.ordering_key == "callback:arq_1"


def test_no_callback_is_put_where_none_was_registered(db: Database, keys: KeyRing) -> None:
    write(db, keys, created(db), [Callback("approved")])
    assert jobs(db) == []


def test_an_external_step_is_called_with_a_token_that_only_we_can_compute(
    db: Database, keys: KeyRing
) -> None:
    asked = CallExternal("fraud", 2, (1, 3), External("https://fraud.example", "fraud"), NOW + DAY)
    write(db, keys, created(db), [asked])
    (job,) = jobs(db, EXTERNAL)
    wait = db.read(lambda session: interactions.by_secret(session, reply_token(keys, "arq_1.1.2")))
    assert wait is not None
    assert wait.id == interaction_id("arq_1", 1, 2) == job.payload["interaction"]
    assert (wait.kind, wait.step, wait.expires_at) == ("external", 2, NOW + DAY)
    assert wait.data == {"step": "fraud", "positions": [1, 3]}
    assert job.payload["url"] == "https://fraud.example"
    assert reply_token(keys, wait.id) not in str(job)


def test_a_third_party_without_url_is_waited_for_and_not_called(
    db: Database, keys: KeyRing
) -> None:
    write(db, keys, created(db), [CallExternal("fraud", 0, (0,), External(), NOW + DAY)])
    assert jobs(db) == []
    assert len(db.read(lambda session: interactions.of_task(session, "arq_1"))) == 1


def test_an_emergency_approval_has_its_review_fall_due(db: Database, keys: KeyRing) -> None:
    flow = workflow()
    granted = ApprovalGranted(
        0, flow, NOW, NOW + DAY, EXACT, False, False, True, NOW + 2 * DAY, (), ()
    )
    write(db, keys, created(db), [granted, granted._replace(position=1, review_by=None)])
    (job,) = jobs(db)
    assert (job.kind, job.run_at, job.payload) == (
        timers.REVIEW_DUE, NOW + 2 * DAY, {"position": 0},
    )  # fmt: skip


def test_each_kind_of_event_is_told_once_and_says_nothing_written(
    db: Database, keys: KeyRing
) -> None:
    row = created(db, justification="my diagnosis", context={"ip": "10.1.2.3"})
    effects = [
        StepEnded("manager", 0, (0,), "approved"),
        Notify("approval_needed", queue="security", step="security"),
        Notify("approval_needed", queue="legal", step="legal"),
        Notify("reminder", queue="legal", step="legal"),
        Notify("skipped", person=("User", "bob")),
        TaskResolved("partial"),
        Notify("resolved", queue="legal"),
    ]
    write(db, keys, row, effects)
    told = event_log(db)
    assert [event.kind for event in told] == ["step", "reminder", "partial"]
    assert told[0].data == {
        "task": summary(row), "ended": "manager", "outcome": "approved", "step": "security",
    }  # fmt: skip
    assert "diagnosis" not in str(told)
    assert "10.1.2.3" not in str(told)


def test_a_webhook_is_put_for_each_subscription_that_asks_and_may_follow(
    db: Database, keys: KeyRing
) -> None:
    subscribe(db, "all")
    subscribe(db, "approved", events=["approved", "denied"])
    subscribe(db, "other-kind", events=["created"])
    subscribe(db, "queue", queues=["managers"])
    subscribe(db, "other-queue", queues=["security"])
    subscribe(db, "stranger", owner="pep-2")
    subscribe(db, "off", disabled_at=NOW)
    write(db, keys, created(db), [TaskResolved("approved")])
    found = jobs(db, WEBHOOK)
    assert [job.payload["subscription"] for job in found] == ["all", "approved", "queue"]
    assert found[0].payload["body"]["type"] == "approved"
    assert found[0].payload["body"]["timestamp"] == "2026-11-23T12:00:00.123456Z"
    assert len({job.ordering_key for job in found}) == 3


def test_an_event_of_the_services_is_told_like_any_other(db: Database) -> None:
    subscribe(db)
    row = created(db)
    db.write(lambda session: publish(session, "revoked", row, ["managers"], NOW))
    assert [event.kind for event in event_log(db)] == ["revoked"]
    assert len(jobs(db, WEBHOOK)) == 1


def test_nothing_is_left_of_a_transaction_that_fails(db: Database, keys: KeyRing) -> None:
    subscribe(db)
    row = created(db, callback=ENDPOINT)
    change = Change(row, [], BOB, NOW, keys)
    effects = [AuditEvent("x", NOW, {}), Callback("approved"), TaskResolved("approved")]

    def work(session: Session) -> None:
        write_effects(session, effects, change)
        raise LookupError

    with pytest.raises(LookupError):
        db.write(work)
    assert (jobs(db), event_log(db)) == ([], [])
    assert db.read(audit_chain.verify).events == 0
