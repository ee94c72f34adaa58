"""A runner in a process of its own, for the tests that kill it: notes each job it does in a file.

Usage: python -m tests.background.runner_process DATABASE NOTES NAME LEASE_SECONDS
"""

import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

from pdp.background.jobs import Handler
from pdp.background.runner import Runner
from pdp.store.engine import Database
from pdp.store.outbox import Job

TAKES_SECONDS = 0.01


def main(url: str, notes: str, name: str, lease: float) -> None:
    """Do jobs until told to stop."""
    database = Database.open(url)
    file = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(job: Job, now: datetime) -> None:
        time.sleep(TAKES_SECONDS)
        os.write(file, f"{name} {job.key}\n".encode())

    runner = Runner(
        database,
        {"mail": Handler(note)},
        lambda: datetime.now(UTC),
        name,
        lease=timedelta(seconds=lease),
        threads=4,
        interval=0.05,
    )
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.set())
    runner.start()
    os.write(file, f"{name} started\n".encode())
    stopped.wait()
    runner.stop()
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
