"""A runner whose connections are cut off goes on by itself, and no job is lost."""

import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from pdp.background.jobs import Handler
from pdp.background.runner import Runner
from pdp.store import outbox, outbox_admin
from pdp.store.engine import Database
from pdp.store.outbox import Job
from tests.contract.make import job

_CUT = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_jobs_survive_connections_that_are_cut(db: Database, database_url: str) -> None:
    done: set[str] = set()

    def note(each: Job, now: datetime) -> None:
        time.sleep(0.005)
        done.add(str(each.key))

    now = datetime.now(UTC)
    keys = {f"j{number}" for number in range(400)}
    db.write(
        lambda s: [outbox.put(s, job(key, created_at=now, run_at=now)) for key in sorted(keys)]
    )
    runner = Runner(
        db, {"mail": Handler(note)}, lambda: datetime.now(UTC), "r",
        lease=timedelta(seconds=1), interval=0.05,
    )  # fmt: skip
    runner.start()
    try:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for _ in range(8):
                connection.execute(_CUT)
                time.sleep(0.05)
        deadline = time.monotonic() + 60
        while _left(db) and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        runner.stop()
    assert done == keys
    depth = db.read(lambda session: outbox_admin.depth(session, datetime.now(UTC)))
    assert (depth.due, depth.later, depth.dead) == (0, 0, 0)


def _left(db: Database) -> int:
    depth = db.read(lambda session: outbox_admin.depth(session, datetime.now(UTC)))
    return depth.due + depth.later
