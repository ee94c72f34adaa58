"""Reading the audit: lists, export, signed heads, and proof that nothing was changed or lost."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from pdp.store.audit import START, AuditRecord, audit, body_of, hash_of, head
from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import Moment, NumberKey, Words

_PAGE = 1_000
_c = audit.c


class AuditHead(Record):
    """The chain's end at a moment, signed; also to be kept elsewhere."""

    seq: NumberKey
    hash: Words
    at: Moment
    signature: Words


class AuditHeadRow(AuditHead, table=True):
    """Table `audit_heads`."""

    __tablename__ = "audit_heads"


audit_heads = table_of(AuditHeadRow)


class Verdict(NamedTuple):
    """What `verify` found: how many events hold, and the first fault, if any."""

    events: int
    head_hash: str
    fault: str | None
    fault_seq: int | None


class AuditFilter(Record):
    """Which events are wanted; what is None does not narrow."""

    task_id: str | None = None
    event: str | None = None
    actor_type: str | None = None
    actor_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def search(
    session: Session, wanted: AuditFilter, before_seq: int | None, limit: int
) -> list[AuditRecord]:
    """Events, newest first, those before a number."""
    statement = select(audit)
    for name in ("task_id", "event", "actor_type", "actor_id"):
        value = getattr(wanted, name)
        if value is not None:
            statement = statement.where(_c[name] == value)
    if wanted.since is not None:
        statement = statement.where(_c.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(_c.at < wanted.until)
    if before_seq is not None:
        statement = statement.where(_c.seq < before_seq)
    return session.all(AuditRecord, statement.order_by(_c.seq.desc()).limit(limit))


def of_task(session: Session, task_id: str) -> list[AuditRecord]:
    """Everything that happened to a task, in order."""
    statement = select(audit).where(_c.task_id == task_id).order_by(_c.seq)
    return session.all(AuditRecord, statement)


def export(session: Session, after_seq: int = 0) -> Iterator[AuditRecord]:
    """Every event after a number, in order, without holding them all."""
    while True:
        statement = select(audit).where(_c.seq > after_seq).order_by(_c.seq).limit(_PAGE)
        page = session.all(AuditRecord, statement)
        yield from page
        if len(page) < _PAGE:
            return
        after_seq = page[-1].seq


def sign(session: Session, signed: AuditHead) -> bool:
    """Keep a signed head; False when one of that number is kept already."""
    return session.add_once(audit_heads, signed, ["seq"])


def last_signed(session: Session) -> AuditHead | None:
    """The newest signed head."""
    return session.first(AuditHead, select(audit_heads).order_by(audit_heads.c.seq.desc()).limit(1))


def verify(session: Session, kept_elsewhere: AuditHead | None = None) -> Verdict:
    """Walk the whole chain; check numbers, links, hashes, signed heads and the end.

    Call it within one `Database.read`. Signatures are for the caller to check. With
    `kept_elsewhere`, a head that was exported, a chain cut short or made anew shows.
    """
    end = head(session)
    marks = {mark.seq: mark.hash for mark in session.all(AuditHead, select(audit_heads))}
    if kept_elsewhere is not None:
        marks[kept_elsewhere.seq] = kept_elsewhere.hash
    count, last = 0, START
    for record in export(session):
        fault = _fault_of(record, count + 1, last, marks)
        if fault is not None:
            return Verdict(count, last, fault, record.seq)
        count, last = count + 1, record.hash
    if max(end.seq, *marks, 0) > count:
        return Verdict(count, last, f"events after {count} are missing", count + 1)
    if (end.seq, end.hash) != (count, last):
        return Verdict(count, last, "the recorded end is another", count)
    return Verdict(count, last, None, None)


def _fault_of(record: AuditRecord, seq: int, last: str, marks: dict[int, str]) -> str | None:
    if record.seq != seq:
        return f"event {seq} is missing"
    if record.prev_hash != last:
        return "the link to the event before is broken"
    if record.hash != hash_of(last, body_of(record)):
        return "the event was changed"
    if marks.get(record.seq, record.hash) != record.hash:
        return "the signed head of this number is another"
    return None
