"""Taking away each night what has been kept long enough, in small batches.

The audit is never taken away. What is due later than tonight is found again tomorrow, so a night
that was missed does no harm.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pdp.background.jobs import Also, Handler
from pdp.background.periodic import Periodic
from pdp.background.wake import put
from pdp.store import (
    approval_listing,
    decisions,
    denials_used,
    entities,
    events,
    idempotency,
    outbox_admin,
    policy_versions,
    retention,
)
from pdp.store.engine import Database, Session
from pdp.store.outbox import Job

KIND = "retention"
NIGHTLY = Periodic(KIND, timedelta(days=1), timedelta(hours=2))
"""Once a day, at two o'clock UTC."""
BATCH = 500
LONGEST_SECONDS = 20.0
"""How long one job deletes, well within its lease; the rest is for the next one."""
_log = logging.getLogger("pdp.background")

Forget = Callable[[Session, datetime, int], int]


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long what is over is kept, in days.

    Attributes:
        decisions: rows of the decision log.
        tasks: closed requests with their items, votes and comments.
        approvals: approvals that ended.
        outbox: jobs that were done or buried.
        events: the log behind server-sent events.
        policies: which replica served which policies.
        deletions: marks of deleted entities, by which replicas follow.
    """

    decisions: int = 90
    tasks: int = 365
    approvals: int = 365
    outbox: int = 30
    events: int = 30
    policies: int = 90
    deletions: int = 7


def retention_handler(
    database: Database,
    keep: Keep,
    batch: int = BATCH,
    longest: float = LONGEST_SECONDS,
    elapsed: Callable[[], float] = time.monotonic,
) -> Handler:
    """The handler of the nightly job; when it runs out of time it asks for another."""

    def run(job: Job, now: datetime) -> Also | None:
        until = elapsed() + longest
        for name, forget in _steps(keep):
            gone = 0
            while True:
                deleted = database.write(
                    lambda session, forget=forget: forget(session, now, batch)  # type: ignore[misc]
                )
                gone += deleted
                if deleted < batch:
                    break
                if elapsed() >= until:
                    return lambda session: put(session, _continued(now))
            if gone:
                _log.info("retention: %s %s deleted", gone, name)
        return None

    return Handler(run)


def _steps(keep: Keep) -> Iterator[tuple[str, Forget]]:
    def before(days: int, now: datetime) -> datetime:
        return now - timedelta(days=days)

    yield "idempotency keys", idempotency.forget_expired
    yield "used denials", denials_used.forget_expired
    yield "decisions", lambda s, now, n: decisions.delete_before(s, before(keep.decisions, now), n)
    yield "outbox rows", lambda s, now, n: outbox_admin.forget_ended(s, before(keep.outbox, now), n)
    yield "events", lambda s, now, n: events.forget_before(s, before(keep.events, now), n)
    yield (
        "approvals",
        lambda s, now, n: approval_listing.delete_ended(s, before(keep.approvals, now), n),
    )
    yield (
        "requests",
        lambda s, now, n: len(retention.delete_closed_tasks(s, before(keep.tasks, now), n)),
    )
    yield "policy versions", lambda s, now, n: _all(policy_versions.forget, s, keep.policies, now)
    yield (
        "deleted entities",
        lambda s, now, n: _all(entities.forget_deleted, s, keep.deletions, now),
    )


def _all(
    forget: Callable[[Session, datetime], int], session: Session, days: int, now: datetime
) -> int:
    """Those that are deleted in one go count as nothing left."""
    forget(session, now - timedelta(days=days))
    return 0


def _continued(now: datetime) -> Job:
    return Job(kind=KIND, payload={}, created_at=now, run_at=now)
