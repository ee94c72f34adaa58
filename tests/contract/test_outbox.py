"""The outbox: every job at least once, by one runner at a time, in order where order is asked."""

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pdp.store import outbox, outbox_admin
from pdp.store.engine import Database, Session
from pdp.store.outbox import Job
from tests.contract.make import DAY, MINUTE, NOW, job, race

LEASE = timedelta(minutes=1)


def put(db: Database, *jobs: Job) -> list[bool]:
    """Put jobs in one transaction."""
    return db.write(lambda session: [outbox.put(session, one) for one in jobs])


def claim(db: Database, now: datetime = NOW, limit: int = 100, runner: str = "r1") -> list[Job]:
    """Take what is due."""
    return db.write(lambda session: outbox.claim(session, runner, limit, now=now, lease=LEASE))


def keys(jobs: list[Job]) -> list[str | None]:
    """The keys of jobs."""
    return [one.key for one in jobs]


def test_a_job_is_taken_when_its_time_has_come_oldest_first(db: Database) -> None:
    put(db, job("late", run_at=NOW + MINUTE), job("b", run_at=NOW), job("a", run_at=NOW - MINUTE))
    assert keys(claim(db)) == ["a", "b"]
    assert keys(claim(db)) == []
    assert keys(claim(db, NOW + MINUTE - timedelta(microseconds=1))) == []
    assert "late" in keys(claim(db, NOW + MINUTE))


def test_a_job_of_a_transaction_that_failed_was_never_put(db: Database) -> None:
    def work(session: Session) -> None:
        outbox.put(session, job("a"))
        raise LookupError

    with pytest.raises(LookupError):
        db.write(work)
    assert claim(db) == []


def test_a_key_is_put_once_and_jobs_without_a_key_as_often_as_asked(db: Database) -> None:
    assert put(db, job("a"), job("a"), job(), job()) == [True, False, True, True]
    assert len(claim(db)) == 3


@pytest.mark.slow
def test_three_processes_take_each_job_once(db: Database) -> None:
    put(db, *(job(ordering_key=None) for _ in range(200)))
    command = [sys.executable, "-m", "tests.contract.claimer", db.url]
    running = [
        subprocess.Popen(
            [*command, f"r{number}"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for number in range(3)
    ]
    lines = [line for process in running for line in process.communicate()[0].splitlines()]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(lines) == len(set(lines)) == 200
    assert {line.split()[1] for line in lines} == {"1"}


def test_a_job_whose_runner_died_is_taken_again_after_its_lease(db: Database) -> None:
    put(db, job("a"))
    (first,) = claim(db)
    assert claim(db, NOW + LEASE / 2, runner="r2") == []
    (second,) = claim(db, NOW + LEASE, runner="r2")
    assert second.attempts == 2
    for settled in (
        db.write(lambda session: outbox.complete(session, first, NOW)),
        db.write(lambda session: outbox.fail(session, first, "late", again_at=NOW)),
        db.write(lambda session: outbox.bury(session, first, "late", NOW)),
        db.write(lambda session: outbox.extend(session, first, NOW)),
    ):
        assert not settled
    assert db.write(lambda session: outbox.complete(session, second, NOW))
    assert not db.write(lambda session: outbox.complete(session, second, NOW))
    assert claim(db, NOW + DAY) == []


def test_a_lease_can_be_made_longer(db: Database) -> None:
    put(db, job("a"))
    (held,) = claim(db)
    assert db.write(lambda session: outbox.extend(session, held, NOW + DAY))
    assert claim(db, NOW + 2 * LEASE) == []
    assert db.write(lambda session: outbox.complete(session, held, NOW))


def test_a_failed_job_comes_back_when_it_was_told_to(db: Database) -> None:
    put(db, job("a"))
    (held,) = claim(db)
    assert db.write(lambda session: outbox.fail(session, held, "refused", again_at=NOW + 2 * LEASE))
    assert claim(db, NOW + LEASE) == []
    (again,) = claim(db, NOW + 2 * LEASE)
    assert (again.attempts, again.last_error) == (2, "refused")


def test_a_buried_job_can_be_seen_and_replayed_once(db: Database) -> None:
    put(db, job("a"), job("b"))
    held = claim(db)
    for one in held:
        db.write(lambda session, one=one: outbox.bury(session, one, "gone", NOW))
    buried = db.read(lambda session: outbox_admin.dead(session, 0, 1))
    assert keys(buried) == ["a"]
    seq = int(buried[0].seq or 0)
    assert keys(db.read(lambda session: outbox_admin.dead(session, seq, 9))) == ["b"]
    replayed = race(lambda _: db.write(lambda session: outbox_admin.replay(session, seq, NOW)), 4)
    assert replayed.count(True) == 1
    (again,) = claim(db)
    assert (again.key, again.attempts, again.last_error) == ("a", 1, "gone")


def test_jobs_with_one_ordering_key_run_one_after_another(db: Database) -> None:
    put(
        db,
        *(job(f"t{n}", ordering_key="t") for n in range(3)),
        job("other", ordering_key="o"),
        job("free"),
    )
    soon = NOW + LEASE / 2
    first, other, free = claim(db)
    assert keys([first, other, free]) == ["t0", "other", "free"]
    db.write(lambda session: outbox.fail(session, first, "x", again_at=soon))
    assert claim(db) == []
    (first,) = claim(db, soon)
    db.write(lambda session: outbox.complete(session, first, NOW))
    (second,) = claim(db, soon)
    assert second.key == "t1"
    db.write(lambda session: outbox.bury(session, second, "x", NOW))
    assert keys(claim(db, soon)) == ["t2"]


def test_a_tasks_jobs_can_be_cancelled_save_those_taken(db: Database) -> None:
    put(db, job("taken", task_id="t", kind="mail", run_at=NOW - MINUTE))
    (taken,) = claim(db)
    put(
        db,
        job("mail", task_id="t"),
        job("remind", task_id="t", kind="remind", run_at=NOW + DAY),
        job("other", task_id="u"),
    )
    assert db.write(lambda session: outbox.cancel(session, "t", NOW, ["remind"])) == 1
    assert db.write(lambda session: outbox.cancel(session, "t", NOW)) == 1
    assert keys(claim(db, NOW + LEASE / 2)) == ["other"]
    assert db.write(lambda session: outbox.complete(session, taken, NOW))
    assert len(db.read(lambda session: outbox_admin.of_task(session, "t"))) == 3


def test_the_depth_counts_what_is_due_waits_and_is_buried(db: Database) -> None:
    put(db, job("a", run_at=NOW - MINUTE), job("b"), job("c", run_at=NOW + DAY), job("d"))
    buried = claim(db, limit=1)
    db.write(lambda session: outbox.bury(session, buried[0], "x", NOW))
    depth = db.read(lambda session: outbox_admin.depth(session, NOW))
    assert (depth.due, depth.later, depth.dead, depth.oldest_due) == (2, 1, 1, NOW)
    waiting = db.read(lambda session: outbox_admin.waiting(session, 0, 9))
    assert keys(waiting) == ["b", "c", "d"]


def test_ended_jobs_are_forgotten_and_open_ones_kept(db: Database) -> None:
    put(db, job("a"), job("b"))
    held = claim(db, limit=1)
    db.write(lambda session: outbox.complete(session, held[0], NOW))
    assert db.write(lambda session: outbox_admin.forget_ended(session, NOW, 9)) == 0
    assert db.write(lambda session: outbox_admin.forget_ended(session, NOW + DAY, 9)) == 1
    assert db.read(lambda session: outbox_admin.get(session, int(held[0].seq or 0))) is None
    assert keys(claim(db)) == ["b"]
