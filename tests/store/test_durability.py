"""What was answered survives the sudden death of the process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pdp.store import audit_chain, migrate, tasks
from pdp.store.engine import Database

WRITER = """
import sys
from pdp.store import audit, tasks
from pdp.store.engine import Database
from tests.contract.make import audit_event, task

db = Database.open(sys.argv[1])
number = 0
while True:
    number += 1
    def work(session):
        tasks.create(session, task(f"arq_{number}"), ["managers"])
        audit.append(session, audit_event(task_id=f"arq_{number}"))
    db.write(work)
    print(number, flush=True)
"""


@pytest.mark.slow
def test_every_answered_write_is_there_after_kill_9(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/pdp.db"
    db = Database.open(url)
    migrate.upgrade(db)
    db.close()
    for _ in range(3):
        answered = write_until_killed(url, after=20)
        check(url, answered)
        for path in tmp_path.iterdir():
            path.unlink()
        db = Database.open(url)
        migrate.upgrade(db)
        db.close()


def write_until_killed(url: str, after: int) -> int:
    """Start a writer, kill it after some answers; gives the last answer it gave."""
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert process.stdout is not None
    for _ in range(after):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read().split("\n")
    process.wait()
    process.stdout.close()
    return max([after, *(int(line) for line in rest[:-1])])


def check(url: str, answered: int) -> None:
    """Every task that was answered is there, and so is its event."""
    db = Database.open(url)
    for number in range(1, answered + 1):
        found = db.read(lambda session, number=number: tasks.get(session, f"arq_{number}"))
        assert found is not None
    verdict = db.read(audit_chain.verify)
    assert verdict.fault is None
    assert verdict.events >= answered
    db.close()
