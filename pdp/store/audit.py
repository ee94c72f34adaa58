"""The audit: one row for each thing that happened, chained by hash.

Law: rows are numbered from 1 without a gap in the order of commits; the hash of a row is the
SHA-256, in hex, of the hash before it, a line feed, and the row's canonical JSON (members sorted,
no spaces, UTF-8). Rows are never changed or deleted. `audit_chain.verify` checks all of it.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Index

from pdp.store import heads
from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import Doc, MaybeDoc, MaybeWords, Moment, NumberKey, Words

START = "0" * 64
_HEAD = "audit"
_BODY = ("seq", "at", "event", "task_id", "actor_type", "actor_id", "actor", "origin", "details")


class AuditEvent(Record):
    """What happened: who did what to which task, where it came from, and why."""

    at: Moment
    event: Words
    task_id: MaybeWords = None
    actor_type: MaybeWords = None
    actor_id: MaybeWords = None
    actor: MaybeDoc = None
    origin: MaybeDoc = None
    details: Doc


class AuditRecord(AuditEvent):
    """An event with its place in the chain."""

    seq: NumberKey
    prev_hash: Words
    hash: Words


class AuditRow(AuditRecord, table=True):
    """Table `audit`."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_task", "task_id", "seq"),
        Index("ix_audit_event", "event", "seq"),
        Index("ix_audit_actor", "actor_id", "seq"),
        Index("ix_audit_at", "at", "seq"),
    )


audit = table_of(AuditRow)


def append(session: Session, event: AuditEvent) -> None:
    """Have an event recorded when this transaction commits, after those appended before it."""
    session.at_end(2, "audit", event, _chain)


def canonical(body: dict[str, Any]) -> str:
    """The text of an event that is hashed."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def body_of(record: AuditRecord) -> dict[str, Any]:
    """The members of a record that its hash covers; the moment as RFC 3339 in UTC."""
    values = dict(record)
    return {name: values[name] for name in _BODY} | {"at": stamp(record.at)}


def stamp(at: datetime) -> str:
    """A moment as RFC 3339 with microseconds and `Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def hash_of(prev_hash: str, body: dict[str, Any]) -> str:
    """The hash of an event that follows `prev_hash`."""
    return hashlib.sha256(f"{prev_hash}\n{canonical(body)}".encode()).hexdigest()


def _chain(session: Session, events: list[AuditEvent]) -> None:
    head = heads.lock(session, _HEAD, START)
    seq, prev_hash = head.seq, head.hash
    records = []
    for event in events:
        seq += 1
        record = AuditRecord(**dict(event), seq=seq, prev_hash=prev_hash, hash="")
        prev_hash = hash_of(prev_hash, body_of(record))
        records.append(record.model_copy(update={"hash": prev_hash}))
    session.add(audit, *records)
    heads.advance(session, _HEAD, seq, prev_hash)


def head(session: Session) -> heads.Head:
    """The newest event's number and hash; 0 and zeros before the first."""
    return heads.get(session, _HEAD) or heads.Head(name=_HEAD, seq=0, hash=START)
