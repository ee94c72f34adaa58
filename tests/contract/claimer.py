"""A runner in a process of its own: takes jobs until none is left and prints each it took."""

import sys
from datetime import timedelta

from pdp.store import outbox
from pdp.store.engine import Database
from tests.contract.make import NOW


def main(url: str, runner: str) -> None:
    """Claim ten at a time, print and complete them."""
    db = Database.open(url)
    lease = timedelta(minutes=1)
    while jobs := db.write(lambda s: outbox.claim(s, runner, 10, now=NOW, lease=lease)):
        for job in jobs:
            print(job.seq, job.attempts)
        done = db.write(lambda s, jobs=jobs: [outbox.complete(s, job, NOW) for job in jobs])
        assert all(done)
    db.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
