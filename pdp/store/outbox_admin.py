"""The outbox as an operator sees it: what waits, what was buried, and burying undone."""

from datetime import datetime

from sqlalchemy import delete, func, or_, select, update

from pdp.store.outbox import Job, outbox
from pdp.store.records import Record
from pdp.store.session import Session

_c = outbox.c


class OutboxDepth(Record):
    """How many jobs are due, wait for later, and were buried, and since when the oldest is due."""

    due: int
    later: int
    dead: int
    oldest_due: datetime | None


def depth(session: Session, now: datetime) -> OutboxDepth:
    """What is in the outbox now."""
    due = session.execute(
        select(func.count(), func.min(_c.ready_at)).where(_c.ready_at <= now)
    ).one()
    later = session.scalar(select(func.count()).where(_c.ready_at > now))
    dead = session.scalar(select(func.count()).where(_c.dead_at.is_not(None)))
    oldest = session.scalar(
        select(_c.ready_at).where(_c.ready_at <= now).order_by(_c.ready_at).limit(1)
    )
    return OutboxDepth(due=due[0], later=later, dead=dead, oldest_due=oldest)


def get(session: Session, seq: int) -> Job | None:
    """One job."""
    return session.first(Job, select(outbox).where(_c.seq == seq))


def dead(session: Session, after_seq: int, limit: int) -> list[Job]:
    """Buried jobs by number, those after `after_seq`."""
    statement = select(outbox).where(_c.dead_at.is_not(None), _c.seq > after_seq)
    return session.all(Job, statement.order_by(_c.seq).limit(limit))


def waiting(session: Session, after_seq: int, limit: int) -> list[Job]:
    """Jobs that are not done, by number, those after `after_seq`."""
    statement = select(outbox).where(_c.ready_at.is_not(None), _c.seq > after_seq)
    return session.all(Job, statement.order_by(_c.seq).limit(limit))


def of_task(session: Session, task_id: str) -> list[Job]:
    """Every job of a task, by number."""
    return session.all(Job, select(outbox).where(_c.task_id == task_id).order_by(_c.seq))


def replay(session: Session, seq: int, now: datetime) -> bool:
    """Have a buried job run again, its attempts counted anew; False when it is not buried."""
    statement = update(outbox).where(_c.seq == seq, _c.dead_at.is_not(None))
    values = {"dead_at": None, "ready_at": now, "attempts": 0, "leased_by": None}
    return session.execute(statement.values(values)).rowcount == 1


def forget_ended(session: Session, before: datetime, limit: int) -> int:
    """Delete up to `limit` jobs done or buried before a moment; gives how many."""
    ended = select(_c.seq).where(or_(_c.done_at < before, _c.dead_at < before)).limit(limit)
    return session.execute(delete(outbox).where(_c.seq.in_(ended))).rowcount
