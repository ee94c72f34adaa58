"""Several runners on one outbox, some of them killed: nothing is lost, and the work is shared."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pdp.store import outbox, outbox_admin
from pdp.store.engine import Database
from tests.contract.make import job

pytestmark = pytest.mark.slow

JOBS = 240
_PATIENCE = 90.0


class Fleet:
    """Runner processes and what they noted."""

    def __init__(self, url: str, folder: Path, lease: float) -> None:
        self._url = url
        self._notes = folder / "notes"
        self._lease = lease
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        arguments = [self._url, str(self._notes), name, str(self._lease)]
        command = [sys.executable, "-m", "tests.background.runner_process", *arguments]
        self.processes[name] = subprocess.Popen(command)

    def notes(self) -> list[tuple[str, str]]:
        """(name, key) of each job done so far."""
        lines = self._notes.read_text().splitlines() if self._notes.exists() else []
        pairs = [(name, key) for name, _, key in (line.partition(" ") for line in lines)]
        return [(name, key) for name, key in pairs if key != "started"]

    def started(self) -> int:
        return self._notes.read_text().count(" started\n") if self._notes.exists() else 0


@contextmanager
def fleet(url: str, folder: Path, lease: float = 60.0) -> Iterator[Fleet]:
    running = Fleet(url, folder, lease)
    try:
        yield running
    finally:
        for process in running.processes.values():
            process.terminate()
        for process in running.processes.values():
            process.wait(30)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def put_jobs(db: Database, count: int = JOBS) -> set[str]:
    now = datetime.now(UTC)
    keys = [f"j{number}" for number in range(count)]
    jobs = [job(key, created_at=now, run_at=now) for key in keys]
    db.write(lambda session: [outbox.put(session, each) for each in jobs])
    return set(keys)


def left(db: Database) -> int:
    depth = db.read(lambda session: outbox_admin.depth(session, datetime.now(UTC)))
    return depth.due + depth.later


def test_three_processes_share_the_work_and_do_each_job_once(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    with fleet(database_url, tmp_path) as three:
        for name in "abc":
            three.start(name)
        until(lambda: three.started() == 3)
        keys = put_jobs(db)
        until(lambda: left(db) == 0)
        done = three.notes()
    assert Counter(key for _, key in done) == Counter(keys)
    assert len({name for name, _ in done}) > 1


def test_the_jobs_of_a_killed_process_are_done_by_another(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    with fleet(database_url, tmp_path, lease=2.0) as runners:
        runners.start("victim")
        until(lambda: runners.started() == 1)
        keys = put_jobs(db, 3 * JOBS)
        until(lambda: len(runners.notes()) > JOBS // 8)
        runners.processes["victim"].kill()
        runners.processes["victim"].wait()
        assert left(db) > 0
        runners.start("heir")
        until(lambda: left(db) == 0)
        done = Counter(key for _, key in runners.notes())
    assert set(done) == keys
    # What the victim had begun may be done twice: at most its four threads and what they had
    # finished since its last commit.
    assert sum(done.values()) - len(keys) <= 8
    assert db.read(lambda session: outbox_admin.depth(session, datetime.now(UTC))).dead == 0
