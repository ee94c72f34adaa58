"""The nightly job: what is over long enough goes, what is open or young stays."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from pdp.background.retention import KIND, NIGHTLY, Keep, retention_handler
from pdp.background.runner import Runner
from pdp.store import (
    approvals,
    audit,
    audit_chain,
    decisions,
    denials_used,
    events,
    idempotency,
    outbox,
    outbox_admin,
    tasks,
)
from pdp.store.decisions import Decision
from pdp.store.denials_used import UsedDenial
from pdp.store.engine import Database, Session
from pdp.store.events import NewEvent
from pdp.store.idempotency import KeptAnswer
from pdp.store.outbox import Job
from tests.contract.make import DAY, NOW, approval, audit_event, task

OLD, YOUNG = NOW - 400 * DAY, NOW - DAY


def closed(name: str, at: datetime) -> Any:
    return task(name, status="denied", closed_at=at, created_at=at, updated_at=at, expires_at=at)


def fill(session: Session) -> None:
    for name, at in (("old", OLD), ("young", YOUNG)):
        tasks.create(session, closed(f"arq_{name}", at))
        expiry = at + 30 * DAY if at == OLD else NOW + DAY
        answer = KeptAnswer(caller="p", key=name, body_hash="h", created_at=at, expires_at=expiry)
        idempotency.begin(session, answer)
        denials_used.use(
            session,
            UsedDenial(kind="jti", issuer="i", value=name, used_at=at, expires_at=expiry),
        )
        decision = Decision(
            evaluation_id=name, at=at, decision=True, subject_type="user", subject_id="a",
            action="read", resource_type="d", resource_id="x", policy_version="v", detail={},
        )  # fmt: skip
        decisions.add(session, [decision])
        events.append(
            session,
            NewEvent(
                at=at, kind="created", task_id=f"arq_{name}", task_version=1, queues=[], data={}
            ),
        )
        granted = approval(name, "apr_" + name, approved_at=at, approved_until=at + DAY / 2)
        approvals.grant(session, granted, standing=False)
    tasks.create(session, task("arq_open", created_at=OLD, expires_at=NOW + DAY))
    audit.append(session, audit_event(at=OLD))


def run(db: Database, at: datetime, **options: Any) -> Runner:
    handlers = {KIND: retention_handler(db, Keep(), **options)}
    runner = Runner(db, handlers, lambda: at, "r", periodic=[NIGHTLY])
    runner.run_due(at)
    return runner


def tonight(db: Database, **options: Any) -> None:
    run(db, NOW - DAY, **options)
    run(db, NOW, **options)


@pytest.mark.requirement("ARAP-122")
@pytest.mark.requirement("ARAP-183")
@pytest.mark.requirement("ARAP-184")
def test_what_is_over_long_enough_goes_and_the_rest_stays(db: Database) -> None:
    db.write(fill)
    tonight(db)

    def look(session: Session) -> dict[str, Any]:
        return {
            "tasks": [tasks.get(session, f"arq_{n}") for n in ("old", "young", "open")],
            "keys": [idempotency.find(session, "p", n, OLD) for n in ("old", "young")],
            "denials": [denials_used.user_of(session, "jti", "i", n) for n in ("old", "young")],
            "decisions": [decisions.get(session, n) for n in ("old", "young")],
            "approvals": [approvals.by_ref(session, n) for n in ("old", "young")],
        }

    found = db.read(look)
    assert [row is not None for row in found.pop("tasks")] == [False, True, True]
    for name, rows in found.items():
        assert [row is not None for row in rows] == [False, True], name
    assert [e.task_id for e in db.read(lambda s: events.since(s, 0, 9))] == ["arq_young"]
    assert len(db.read(lambda s: list(audit_chain.export(s)))) == 1


def test_many_rows_go_in_small_batches_and_over_several_jobs(db: Database) -> None:
    rows = [closed(f"arq_{number}", OLD) for number in range(50)]
    db.write(lambda s: [tasks.create(s, row) for row in rows])
    clock = iter(range(10_000))
    tonight(db, batch=7, longest=2.0, elapsed=lambda: float(next(clock)))
    left = db.read(lambda s: [tasks.get(s, row.id) for row in rows])
    assert left == [None] * 50
    jobs = db.read(lambda s: [outbox_admin.get(s, seq) for seq in range(1, 9)])
    assert sum(1 for job in jobs if job and job.done_at == NOW) > 2


def test_old_jobs_that_are_done_go_and_open_ones_stay(db: Database) -> None:
    long_ago = NOW - 40 * DAY
    old = Job(kind="x", key="open", payload={}, created_at=long_ago, run_at=NOW + DAY)
    done = Job(kind="x", key="done", payload={}, created_at=long_ago, run_at=long_ago)
    db.write(lambda s: (outbox.put(s, old), outbox.put(s, done)))

    def finish(session: Session) -> None:
        for job in outbox.claim(session, "r", 9, now=long_ago, lease=timedelta(seconds=1)):
            outbox.complete(session, job, long_ago)

    db.write(finish)
    tonight(db)
    first_two = db.read(lambda s: [outbox_admin.get(s, seq) for seq in (1, 2)])
    assert [job.key if job else None for job in first_two] == ["open", None]
