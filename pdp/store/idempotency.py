"""Idempotency keys: what was answered to a caller's key, so that a retry has no second effect.

Law: the answer is kept in the transaction of its effect. Of two submissions with the same key at
once, the second waits for the first and then finds its answer.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, delete, select, tuple_, update

from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import Count, Key, MaybeDoc, MaybeWords, Moment, Words


class KeptAnswer(Record):
    """A key of a caller: the hash of the body it came with, and the answer (None: not yet)."""

    caller: Key
    key: Key
    body_hash: Words
    task_id: MaybeWords = None
    status: Count = 0
    response: MaybeDoc = None
    created_at: Moment
    expires_at: Moment


class KeptAnswerRow(KeptAnswer, table=True):
    """Table `idempotency`."""

    __tablename__ = "idempotency"
    __table_args__ = (
        Index("ix_idempotency_expires_at", "expires_at"),
        Index("ix_idempotency_task", "task_id"),
    )


idempotency = table_of(KeptAnswerRow)
_c = idempotency.c


def find(session: Session, caller: str, key: str, now: datetime) -> KeptAnswer | None:
    """What is kept for a key; None when nothing, or no longer."""
    statement = select(idempotency).where(_c.caller == caller, _c.key == key, _c.expires_at > now)
    return session.first(KeptAnswer, statement)


def begin(session: Session, answer: KeptAnswer) -> KeptAnswer | None:
    """Take a key for this transaction: None when it was free, else what is kept for it.

    Call it before any effect, and `finish` with the answer in the same transaction.
    """
    statement = session.insert(idempotency)
    statement = statement.on_conflict_do_update(
        index_elements=["caller", "key"],
        set_={name: statement.excluded[name] for name in KeptAnswer.model_fields},
        where=_c.expires_at <= answer.created_at,
    ).returning(_c.caller)
    if session.execute(statement, dict(answer)).first() is not None:
        return None
    return session.first(
        KeptAnswer,
        select(idempotency).where(_c.caller == answer.caller, _c.key == answer.key),
    )


def finish(
    session: Session,
    caller: str,
    key: str,
    *,
    task_id: str | None,
    status: int,
    response: dict[str, Any],
) -> None:
    """Keep the answer of a key taken by `begin`; `status` is the HTTP status."""
    statement = update(idempotency).where(_c.caller == caller, _c.key == key)
    session.execute(statement.values(task_id=task_id, status=status, response=response))


def keep_until(session: Session, task_id: str, expires_at: datetime) -> None:
    """Keep the keys of a task at least until then (ARAP: 24 hours past its terminal status)."""
    statement = update(idempotency).where(_c.task_id == task_id, _c.expires_at < expires_at)
    session.execute(statement.values(expires_at=expires_at))


def forget_expired(session: Session, now: datetime, limit: int) -> int:
    """Delete up to `limit` keys whose time is over; gives how many."""
    over = select(_c.caller, _c.key).where(_c.expires_at < now).order_by(_c.expires_at)
    statement = delete(idempotency).where(tuple_(_c.caller, _c.key).in_(over.limit(limit)))
    return session.execute(statement).rowcount
