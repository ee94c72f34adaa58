"""The outbox: what must be told or done after a transaction, and timers, which are later jobs.

Law: a job is put in the transaction that causes it and is done at least once. It belongs to one
runner at a time, until its lease ends; jobs with the same `ordering_key` run one after another.

`ready_at` alone says when a job may be taken: its `run_at`, the end of a lease, the end of a
pause; None once it is done or buried. So claiming reads one index, whatever is past.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Index, bindparam, exists, not_, or_, select, update

from pdp.store.records import Record, table_of
from pdp.store.session import Session, insert_into
from pdp.store.types import (
    Count,
    CountedKey,
    Doc,
    MaybeMoment,
    MaybeWords,
    Moment,
    Words,
)


class Job(Record):
    """A job; `key`, if any, is unique: what is put twice under it is kept once."""

    seq: CountedKey = None
    kind: Words
    key: MaybeWords = None
    ordering_key: MaybeWords = None
    task_id: MaybeWords = None
    payload: Doc
    created_at: Moment
    run_at: Moment
    ready_at: MaybeMoment = None
    leased_by: MaybeWords = None
    attempts: Count = 0
    last_error: MaybeWords = None
    done_at: MaybeMoment = None
    dead_at: MaybeMoment = None


class JobRow(Job, table=True):
    """Table `outbox`."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_ready_at", "ready_at", "seq"),
        Index("ix_outbox_key", "key", unique=True),
        Index("ix_outbox_ordering_key", "ordering_key", "ready_at", "seq"),
        Index("ix_outbox_task", "task_id"),
        Index("ix_outbox_dead_at", "dead_at"),
        Index("ix_outbox_done_at", "done_at"),
    )


outbox = table_of(JobRow)
_c = outbox.c
_earlier = outbox.alias("earlier")


_waits_for_another = exists().where(
    _earlier.c.ordering_key == _c.ordering_key,
    _earlier.c.seq < _c.seq,
    _earlier.c.ready_at.is_not(None),
)
_ready = (
    select(_c.seq)
    .where(_c.ready_at <= bindparam("now", type_=_c.ready_at.type))
    .where(or_(_c.ordering_key.is_(None), not_(_waits_for_another)))
    .order_by(_c.ready_at, _c.seq)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("ready")
)
_CLAIM = (
    update(outbox)
    .where(_c.seq.in_(select(_ready.c.seq)))
    .values(
        ready_at=bindparam("until", type_=_c.ready_at.type),
        leased_by=bindparam("runner"),
        attempts=_c.attempts + 1,
    )
    .returning(*_c)
)
_HELD = update(outbox).where(
    _c.seq == bindparam("job"),
    _c.attempts == bindparam("attempt"),
    _c.leased_by == bindparam("runner"),
    _c.ready_at.is_not(None),
)


def put(session: Session, job: Job) -> bool:
    """Put a job to run at its `run_at`; False when its `key` was put before."""
    values = dict(job) | {"ready_at": job.run_at}
    del values["seq"]
    return session.execute(_put(session.on_postgres), values).first() is not None


@cache
def _put(on_postgres: bool) -> Any:
    statement = insert_into(outbox, on_postgres).on_conflict_do_nothing(index_elements=["key"])
    return statement.returning(_c.seq)


def claim(
    session: Session, runner: str, limit: int, *, now: datetime, lease: timedelta
) -> list[Job]:
    """Take up to `limit` jobs whose time has come, for as long as `lease`; oldest first.

    The lease must outlast the longest handler. One statement on both databases: PostgreSQL
    passes over rows another runner is taking, SQLite has one writer.
    """
    taken = session.all(
        Job, _CLAIM, {"now": now, "until": now + lease, "runner": runner, "most": limit}
    )
    return sorted(taken, key=lambda job: (job.run_at, job.seq or 0))


def complete(session: Session, job: Job, now: datetime) -> bool:
    """Note that a claimed job is done; False when the lease was lost to another."""
    return _settle(session, job, {"done_at": now, "ready_at": None, "leased_by": None})


def fail(session: Session, job: Job, error: str, *, again_at: datetime) -> bool:
    """Note that an attempt failed and when to try again; False when the lease was lost."""
    return _settle(session, job, {"ready_at": again_at, "leased_by": None, "last_error": error})


def bury(session: Session, job: Job, error: str, now: datetime) -> bool:
    """Give a claimed job up, for an operator to look at; False when the lease was lost."""
    return _settle(
        session, job, {"dead_at": now, "ready_at": None, "leased_by": None, "last_error": error}
    )


def extend(session: Session, job: Job, until: datetime) -> bool:
    """Keep a claimed job longer; False when the lease was lost."""
    return _settle(session, job, {"ready_at": until})


def _settle(session: Session, job: Job, values: dict[str, Any]) -> bool:
    """Change a job while it is still this claim of it."""
    keys = {"job": job.seq, "attempt": job.attempts, "runner": job.leased_by}
    return session.execute(_HELD, keys | values).rowcount == 1


def cancel(
    session: Session, task_id: str, now: datetime, kinds: Sequence[str] | None = None
) -> int:
    """End the jobs of a task that nobody has taken yet, of these kinds; gives how many."""
    statement = update(outbox).where(
        _c.task_id == bindparam("task"), _c.ready_at.is_not(None), _c.leased_by.is_(None)
    )
    if kinds is not None:
        statement = statement.where(_c.kind.in_(list(kinds)))
    values = {"done_at": now, "ready_at": None, "last_error": "cancelled"}
    return session.execute(statement.values(values), {"task": task_id}).rowcount
