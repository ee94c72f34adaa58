"""The runner: at least once, in order, with back-off, and never ended by an exception."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from pdp.background.backoff import DELIVERY, INTERNAL, Schedule
from pdp.background.jobs import GiveUp, Handler, Retry
from pdp.background.periodic import Periodic
from pdp.background.runner import Runner
from pdp.background.wake import put, wake_after_commits
from pdp.store import audit_chain, outbox, outbox_admin
from pdp.store.engine import Database, Session
from pdp.store.outbox import Job
from tests.contract.make import NOW, job

TWICE = Schedule((timedelta(seconds=10),))
SECOND = timedelta(seconds=1)


class Recorder:
    """A handler that notes its jobs and fails as told."""

    def __init__(self, fault: Callable[[Job], Exception | None] = lambda job: None) -> None:
        self.seen: list[str] = []
        self._fault = fault

    def __call__(self, job: Job, now: datetime) -> None:
        self.seen.append(str(job.key))
        fault = self._fault(job)
        if fault is not None:
            raise fault


def runner(db: Database, recorder: Recorder, schedule: Schedule = TWICE, **more: object) -> Runner:
    handlers = {"mail": Handler(recorder, schedule)}
    return Runner(db, handlers, lambda: NOW, "r", **more)  # type: ignore[arg-type]


def enqueue(db: Database, *jobs: Job) -> None:
    db.write(lambda session: [outbox.put(session, each) for each in jobs])


def only_job(db: Database) -> Job:
    found = db.read(lambda session: outbox_admin.get(session, 1))
    assert found is not None
    return found


def test_due_jobs_are_done_once_in_order_and_later_ones_wait(db: Database) -> None:
    recorder = Recorder()
    enqueue(db, job("b", run_at=NOW), job("c", run_at=NOW + SECOND), job("a", run_at=NOW - SECOND))
    run = runner(db, recorder)
    assert run.run_due(NOW) == 2
    assert recorder.seen == ["a", "b"]
    assert run.run_due(NOW) == 0
    assert run.run_due(NOW + SECOND) == 1
    assert recorder.seen == ["a", "b", "c"]


def test_a_job_that_fails_is_tried_again_after_its_delay_then_buried(db: Database) -> None:
    counted: list[str] = []
    recorder = Recorder(lambda job: Retry("the other side said 500"))
    enqueue(db, job("a"))
    run = runner(db, recorder, count=counted.append)
    assert run.run_due(NOW) == 1
    assert run.run_due(NOW + 7 * SECOND) == 0
    assert run.run_due(NOW + 13 * SECOND) == 1
    buried = only_job(db)
    assert buried.dead_at == NOW + 13 * SECOND
    assert buried.last_error == "the other side said 500"
    assert counted == ["outbox_failed", "outbox_dead"]
    events = db.read(lambda session: list(audit_chain.export(session)))
    assert [(event.event, event.details["attempts"]) for event in events] == [("outbox.dead", 2)]


def test_a_hopeless_job_is_buried_at_once_and_can_be_replayed(db: Database) -> None:
    faults = [GiveUp("the endpoint is gone")]
    recorder = Recorder(lambda job: faults.pop() if faults else None)
    enqueue(db, job("a"))
    run = runner(db, recorder)
    run.run_due(NOW)
    assert only_job(db).dead_at == NOW
    assert db.write(lambda session: outbox_admin.replay(session, 1, NOW))
    run.run_due(NOW)
    assert only_job(db).done_at == NOW
    assert recorder.seen == ["a", "a"]


def test_an_unexpected_fault_is_a_failed_attempt_and_stops_no_other_job(db: Database) -> None:
    recorder = Recorder(lambda job: ZeroDivisionError("by zero") if job.key == "a" else None)
    enqueue(db, job("a"), job("b"))
    assert runner(db, recorder).run_due(NOW) == 2
    assert recorder.seen == ["a", "b"]
    assert only_job(db).last_error == "ZeroDivisionError: by zero"


def test_a_job_of_an_unknown_kind_is_kept_for_a_runner_that_knows_it(db: Database) -> None:
    enqueue(db, job("a", kind="new"))
    assert runner(db, Recorder()).run_due(NOW) == 1
    waiting = only_job(db)
    assert waiting.dead_at is None
    assert waiting.ready_at is not None and waiting.ready_at > NOW
    assert waiting.last_error == "nothing here does jobs of the kind `new`"


def test_a_job_that_ends_its_process_each_time_is_buried(db: Database) -> None:
    recorder = Recorder()
    enqueue(db, job("a"))
    for turn in range(2):
        at = NOW + turn * timedelta(hours=1)
        db.write(lambda s, at=at: outbox.claim(s, "dies", 1, now=at, lease=SECOND))  # type: ignore[misc]
    runner(db, recorder).run_due(NOW + timedelta(hours=3))
    assert recorder.seen == []
    assert only_job(db).last_error == "it was begun again and again and never ended"


def test_a_runner_whose_lease_was_taken_over_does_not_settle_the_job(db: Database) -> None:
    counted: list[str] = []

    def slow(job: Job, now: datetime) -> None:
        db.write(lambda s: outbox.claim(s, "other", 1, now=NOW + timedelta(hours=1), lease=SECOND))

    enqueue(db, job("a"))
    run = Runner(db, {"mail": Handler(slow)}, lambda: NOW, "r", count=counted.append)
    run.run_due(NOW)
    assert counted == ["outbox_lease_lost"]
    taken = only_job(db)
    assert (taken.leased_by, taken.done_at) == ("other", None)


def test_what_a_handler_returns_is_written_with_the_end_of_its_job(db: Database) -> None:
    def chain(job: Job, now: datetime) -> Callable[[Session], object]:
        following = Job(kind="mail", key="b", payload={}, created_at=now, run_at=now)
        return lambda session: outbox.put(session, following)

    recorder = Recorder()
    enqueue(db, job("a", kind="first"))
    handlers = {"first": Handler(chain), "mail": Handler(recorder)}
    assert Runner(db, handlers, lambda: NOW, "r").run_due(NOW) == 2
    assert recorder.seen == ["b"]


def test_an_end_that_cannot_be_written_holds_up_no_other_job(db: Database) -> None:
    def poison(job: Job, now: datetime) -> Callable[[Session], object]:
        def also(session: Session) -> object:
            raise ZeroDivisionError("in the transaction")

        return also

    recorder = Recorder()
    enqueue(db, job("a", kind="poison"), job("b"))
    handlers = {"poison": Handler(poison), "mail": Handler(recorder)}
    Runner(db, handlers, lambda: NOW, "r").run_due(NOW)
    assert recorder.seen == ["b"]
    waiting = only_job(db)
    assert waiting.done_at is None and waiting.ready_at is not None
    assert "its end could not be written" in str(waiting.last_error)


def test_jobs_of_one_ordering_key_wait_for_the_one_that_failed(db: Database) -> None:
    faults = [Retry("not now")]
    recorder = Recorder(lambda job: faults.pop() if faults else None)
    enqueue(db, *(job(name, ordering_key="task-1") for name in "abc"))
    run = runner(db, recorder)
    run.run_due(NOW)
    assert recorder.seen == ["a"]
    run.run_due(NOW + 13 * SECOND)
    assert recorder.seen == ["a", "a", "b", "c"]


def test_something_periodic_has_one_job_for_each_slot(db: Database) -> None:
    recorder = Recorder()
    hourly = Periodic("mail", timedelta(hours=1), timedelta(minutes=5))
    runs = [runner(db, recorder, periodic=[hourly]) for _ in range(2)]
    for minutes in range(0, 60 * 5, 20):
        for run in runs:
            run.run_due(NOW + timedelta(minutes=minutes))
    assert recorder.seen == [f"mail@2026-11-23T{hour}:05:00Z" for hour in (12, 13, 14, 15, 16)]


def test_started_runners_do_everything_and_are_woken_by_a_commit(db: Database) -> None:
    done = threading.Event()
    recorder = Recorder(lambda job: done.set() if job.key == "last" else None)  # type: ignore[func-returns-value]
    # With an hour between looks only the commit can wake it.
    run = runner(db, recorder, interval=3600.0)
    wake_after_commits(db, run.poke)
    run.start()
    try:
        for number in range(30):
            db.write(lambda s, n=number: put(s, job(f"j{n}")))  # type: ignore[misc]
        db.write(lambda s: put(s, job("last", run_at=NOW)))
        assert done.wait(30)
    finally:
        run.stop()
    assert sorted(recorder.seen) == sorted([*(f"j{n}" for n in range(30)), "last"])
    depth = db.read(lambda session: outbox_admin.depth(session, NOW))
    assert (depth.due, depth.dead) == (0, 0)


def test_stopping_waits_for_the_job_at_hand_and_keeps_its_end(db: Database) -> None:
    began, go_on = threading.Event(), threading.Event()

    def slow(job: Job, now: datetime) -> None:
        began.set()
        assert go_on.wait(30)

    enqueue(db, job("a"))
    run = Runner(db, {"mail": Handler(slow)}, lambda: NOW, "r")
    run.start()
    assert began.wait(30)
    stopper = threading.Thread(target=run.stop)
    stopper.start()
    go_on.set()
    stopper.join(30)
    assert only_job(db).done_at == NOW


def test_commits_that_put_no_job_are_told_to_whoever_was_told_before(db: Database) -> None:
    told: list[set[str]] = []
    poked: list[bool] = []
    db.on_announced = told.append
    wake_after_commits(db, lambda: poked.append(True))
    db.write(lambda session: put(session, job("later", run_at=NOW + SECOND)))
    assert (told, poked) == ([], [])
    db.write(lambda session: put(session, job("now")))
    assert (told, poked) == ([], [True])
    db.write(lambda session: session.topics.update({"keys", "outbox"}))
    assert (told, poked) == ([{"keys"}], [True, True])


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_the_delivery_schedule_is_that_of_standard_webhooks(chance: float) -> None:
    hours = timedelta(hours=1)
    wanted = [
        timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), 2 * hours, 5 * hours,
        10 * hours, 14 * hours, 20 * hours, 24 * hours,
    ]  # fmt: skip
    for attempt, delay in enumerate(wanted, start=1):
        pause = DELIVERY.pause(attempt, chance)
        assert pause is not None
        assert delay * 0.8 <= pause <= delay * 1.2
    assert DELIVERY.pause(10, chance) is None
    assert DELIVERY.attempts == 10


def test_a_wait_that_the_other_side_asks_for_is_kept_within_a_day() -> None:
    assert INTERNAL.pause(1, 0.5, timedelta(minutes=3)) == timedelta(minutes=3)
    assert INTERNAL.pause(1, 0.5, timedelta(days=900)) == timedelta(hours=24)
    assert INTERNAL.pause(1, 0.5, timedelta(0)) == timedelta(seconds=1)
