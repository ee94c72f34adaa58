"""The event log of tasks, for those who follow them: server-sent events and webhooks.

Law: events are numbered in the order of commits, so `Last-Event-ID` never skips one; those of one
task carry its version.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Index, delete, select

from pdp.store import heads
from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import Count, Doc, DocList, MaybeWords, Moment, NumberKey, Words

_HEAD = "events"


class NewEvent(Record):
    """Something that happened to a task, and who may hear of it: its queues, requester, client."""

    at: Moment
    kind: Words
    task_id: Words
    task_version: Count
    requester: MaybeWords = None
    client_id: MaybeWords = None
    queues: DocList
    data: Doc


class Event(NewEvent):
    """An event with its number."""

    seq: NumberKey


class EventRow(Event, table=True):
    """Table `events`."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_task", "task_id", "seq"),
        Index("ix_events_requester", "requester", "seq"),
        Index("ix_events_at", "at"),
    )


events = table_of(EventRow)
_c = events.c


def append(session: Session, event: NewEvent) -> None:
    """Have an event numbered and kept when this transaction commits."""
    session.at_end(3, "events", event, _number)


def _number(session: Session, added: list[NewEvent]) -> None:
    seq = heads.lock(session, _HEAD).seq
    numbered = [Event(**dict(event), seq=seq + n) for n, event in enumerate(added, start=1)]
    session.add(events, *numbered)
    heads.advance(session, _HEAD, seq + len(numbered))


def last_seq(session: Session) -> int:
    """The number of the newest event; 0 before the first."""
    head = heads.get(session, _HEAD)
    return 0 if head is None else head.seq


def since(session: Session, seq: int, limit: int, requester: str | None = None) -> Sequence[Event]:
    """Events after a number, in order; those of one requester's tasks if it is named."""
    statement = select(events).where(_c.seq > seq)
    if requester is not None:
        statement = statement.where(_c.requester == requester)
    return session.all(Event, statement.order_by(_c.seq).limit(limit))


def of_task(session: Session, task_id: str, after_seq: int = 0) -> Sequence[Event]:
    """The events of a task after a number, in order."""
    statement = select(events).where(_c.task_id == task_id, _c.seq > after_seq)
    return session.all(Event, statement.order_by(_c.seq))


def forget_before(session: Session, before: datetime, limit: int) -> int:
    """Delete up to `limit` events that happened before a moment; gives how many."""
    old = select(_c.seq).where(_c.at < before).order_by(_c.at).limit(limit)
    return session.execute(delete(events).where(_c.seq.in_(old))).rowcount
