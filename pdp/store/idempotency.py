"""Idempotency keys: what was answered to a caller's key, so that a retry has no second effect.

Law: the answer is kept in the transaction of its effect. Of two submissions with the same key at
once, the second waits for the first and then finds its answer.
"""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Index, bindparam, delete, select, tuple_, update

from pdp.store.records import Record, table_of
from pdp.store.session import Session, insert_into
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
_ONE = select(idempotency).where(_c.caller == bindparam("of_caller"), _c.key == bindparam("of_key"))
_FINISH = update(idempotency).where(
    _c.caller == bindparam("of_caller"), _c.key == bindparam("of_key")
)
_KEEP = (
    update(idempotency)
    .where(_c.task_id == bindparam("task"))
    .where(_c.expires_at < bindparam("until", type_=_c.expires_at.type))
    .values(expires_at=bindparam("until", type_=_c.expires_at.type))
)


def find(session: Session, caller: str, key: str, now: datetime) -> KeptAnswer | None:
    """What is kept for a key; None when nothing, or no longer."""
    kept = session.first(KeptAnswer, _ONE, {"of_caller": caller, "of_key": key})
    return kept if kept is not None and kept.expires_at > now else None


def begin(session: Session, answer: KeptAnswer) -> KeptAnswer | None:
    """Take a key for this transaction: None when it was free, else what is kept for it.

    Call it before any effect, and `finish` with the answer in the same transaction.
    """
    statement = _take(session.on_postgres)
    if session.execute(statement, dict(answer)).first() is not None:
        return None
    return session.first(KeptAnswer, _ONE, {"of_caller": answer.caller, "of_key": answer.key})


@cache
def _take(on_postgres: bool) -> Any:
    statement = insert_into(idempotency, on_postgres)
    return statement.on_conflict_do_update(
        index_elements=["caller", "key"],
        set_={name: statement.excluded[name] for name in KeptAnswer.model_fields},
        where=_c.expires_at <= statement.excluded.created_at,
    ).returning(_c.caller)


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
    of_key = {"of_caller": caller, "of_key": key}
    session.execute(_FINISH, of_key | {"task_id": task_id, "status": status, "response": response})


def keep_until(session: Session, task_id: str, expires_at: datetime) -> None:
    """Keep the keys of a task at least until then (ARAP: 24 hours past its terminal status)."""
    session.execute(_KEEP, {"task": task_id, "until": expires_at})


def forget_expired(session: Session, now: datetime, limit: int) -> int:
    """Delete up to `limit` keys whose time is over; gives how many."""
    over = select(_c.caller, _c.key).where(_c.expires_at < now).order_by(_c.expires_at)
    statement = delete(idempotency).where(tuple_(_c.caller, _c.key).in_(over.limit(limit)))
    return session.execute(statement).rowcount
