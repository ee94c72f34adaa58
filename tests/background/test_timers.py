"""Timers fire late or twice without harm, and the sweep finds what a lost timer left open."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from pdp.background.runner import Runner
from pdp.background.timers import REVIEW_DUE, SWEEP, TASK_TIMER, sweep_handler, timer_handler
from pdp.store import outbox, tasks
from pdp.store.engine import Database
from pdp.store.outbox import Job
from tests.contract.make import DAY, MINUTE, NOW, task


class Expiring:
    """Closes tasks that are over, as the services do, and notes each call."""

    def __init__(self, db: Database, broken: str = "") -> None:
        self.calls: list[tuple[str, str]] = []
        self._db = db
        self._broken = broken

    def fire(self, kind: str, task_id: str, now: datetime) -> None:
        self.calls.append((kind, task_id))
        if task_id == self._broken:
            raise ZeroDivisionError
        found = self._db.read(lambda session: tasks.get(session, task_id))
        if found is None or found.closed_at or found.expires_at > now:
            return
        changes = {"status": "expired", "closed_at": now}
        self._db.write(lambda s: tasks.transition(s, task_id, found.version, changes, now=now))


def runner(db: Database, timers: Expiring) -> Runner:
    handlers = {
        TASK_TIMER: timer_handler(timers),
        REVIEW_DUE: timer_handler(timers),
        SWEEP.kind: sweep_handler(db, timers),
    }
    return Runner(db, handlers, lambda: NOW, "r", periodic=[SWEEP])


def timer(db: Database, run_at: datetime, kind: str = TASK_TIMER, **payload: Any) -> None:
    job = Job(kind=kind, task_id="arq_1", payload=payload, created_at=NOW, run_at=run_at)
    db.write(lambda session: outbox.put(session, job))


def status(db: Database, name: str = "arq_1") -> str:
    found = db.read(lambda session: tasks.get(session, name))
    assert found is not None
    return found.status


@pytest.mark.requirement("ARAP-150")
def test_a_task_expires_by_its_timer_though_nobody_asks(db: Database) -> None:
    timers = Expiring(db)
    db.write(lambda s: tasks.create(s, task(expires_at=NOW + MINUTE * 10)))
    timer(db, NOW + MINUTE * 10, due="expire")
    run = runner(db, timers)
    run.run_due(NOW + MINUTE * 9)
    assert status(db) == "pending"
    run.run_due(NOW + MINUTE * 10)
    assert status(db) == "expired"


def test_a_timer_says_what_is_due_and_may_come_twice(db: Database) -> None:
    timers = Expiring(db)
    db.write(lambda s: tasks.create(s, task()))
    timer(db, NOW, due="remind")
    timer(db, NOW, due="remind")
    timer(db, NOW, REVIEW_DUE, position=0)
    runner(db, timers).run_due(NOW)
    assert timers.calls == [("remind", "arq_1")] * 2 + [("review_due", "arq_1")]


@pytest.mark.requirement("ARAP-150")
@pytest.mark.requirement("ARAP-183")
def test_the_sweep_expires_tasks_whose_timer_was_lost(db: Database) -> None:
    timers = Expiring(db, broken="arq_7")
    names = [f"arq_{number}" for number in range(230)]
    rows = [task(name, expires_at=NOW + MINUTE) for name in names] + [task("arq_open")]
    db.write(lambda s: [tasks.create(s, row) for row in rows])
    run = runner(db, timers)
    run.run_due(NOW)
    run.run_due(NOW + MINUTE * 2)
    assert {status(db, name) for name in names if name != "arq_7"} == {"expired"}
    assert (status(db, "arq_7"), status(db, "arq_open")) == ("pending", "pending")
    assert len(timers.calls) == 230


def test_the_sweep_comes_round_every_minute(db: Database) -> None:
    timers = Expiring(db)
    db.write(lambda s: tasks.create(s, task(expires_at=NOW + DAY)))
    run = runner(db, timers)
    for minutes in range(5):
        run.run_due(NOW + timedelta(minutes=minutes))
    assert timers.calls == []
    done = db.write(lambda s: outbox.claim(s, "x", 9, now=NOW + DAY, lease=DAY))
    assert [job.kind for job in done] == [SWEEP.kind]
