"""`pdp outbox list|replay`: what waits to be done, what was given up, and trying that again."""

from collections.abc import Sequence
from datetime import datetime

from pdp.background.outbox_view import replay, shown
from pdp.commands.opened import Outcome, as_json, as_table, moment, with_database
from pdp.settings import Settings
from pdp.store import outbox_admin
from pdp.store.engine import Database
from pdp.store.outbox import Job

_PAGE = 500


def list_outbox(
    settings: Settings, *, dead: bool = False, limit: int = 100, json: bool = False
) -> Outcome:
    """The jobs that wait, or those that were given up, by number."""

    def work(database: Database) -> Outcome:
        listing = outbox_admin.dead if dead else outbox_admin.waiting
        jobs = database.read(lambda session: listing(session, 0, limit))
        if json:
            return 0, as_json([shown(job) for job in jobs])
        if not jobs:
            return 0, "no job was given up" if dead else "no job waits"
        head = ("SEQ", "KIND", "TASK", "ATTEMPTS", "GIVEN UP" if dead else "NEXT", "ERROR")
        return 0, as_table(head, [_row(job) for job in jobs])

    return with_database(settings, work)


def replay_outbox(
    settings: Settings, seqs: Sequence[int], *, now: datetime, everything: bool = False
) -> Outcome:
    """Have jobs that were given up run again; exit status 1 when one of them was not given up."""

    def work(database: Database) -> Outcome:
        said, failed = [], 0
        for seq in _every_dead(database) if everything else seqs:
            if replay(database, seq, now, "operator", "pdp outbox replay"):
                said.append(f"job {seq} will run again")
            else:
                said.append(f"job {seq} is not one that was given up")
                failed += 1
        return (1 if failed else 0), "\n".join(said) or "no job was given up"

    return with_database(settings, work)


def _every_dead(database: Database) -> list[int]:
    found: list[int] = []
    while True:
        after = found[-1] if found else 0
        page = database.read(lambda session, after=after: outbox_admin.dead(session, after, _PAGE))  # type: ignore[misc]
        found += [int(job.seq or 0) for job in page]
        if len(page) < _PAGE:
            return found


def _row(job: Job) -> tuple[str, ...]:
    when = moment(job.dead_at or job.ready_at)
    return (
        str(job.seq), job.kind, job.task_id or "-", str(job.attempts), when, job.last_error or "-",
    )  # fmt: skip
