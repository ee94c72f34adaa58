"""Denials that were used for a submission: each `jti` and `evaluation_id` once until it expires.

Law: of any number of submissions with the same denial, one gets it.
"""

from datetime import datetime

from sqlalchemy import Index, delete, select, tuple_

from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import Key, MaybeWords, Moment


class UsedDenial(Record):
    """A denial's token or evaluation id, and the task that used it."""

    kind: Key
    issuer: Key
    value: Key
    task_id: MaybeWords = None
    used_at: Moment
    expires_at: Moment


class UsedDenialRow(UsedDenial, table=True):
    """Table `denials_used`."""

    __tablename__ = "denials_used"
    __table_args__ = (Index("ix_denials_used_expires_at", "expires_at"),)


denials_used = table_of(UsedDenialRow)
_c = denials_used.c


def use(session: Session, denial: UsedDenial) -> bool:
    """Take a denial; False when it was taken before. `kind` is `jti` or `evaluation`."""
    return session.add_once(denials_used, denial, ["kind", "issuer", "value"])


def user_of(session: Session, kind: str, issuer: str, value: str) -> UsedDenial | None:
    """Who took that denial."""
    statement = select(denials_used).where(_c.kind == kind, _c.issuer == issuer, _c.value == value)
    return session.first(UsedDenial, statement)


def forget_expired(session: Session, now: datetime, limit: int) -> int:
    """Delete up to `limit` denials whose own expiry has passed; gives how many."""
    over = select(_c.kind, _c.issuer, _c.value).where(_c.expires_at < now)
    over = over.order_by(_c.expires_at).limit(limit)
    statement = delete(denials_used).where(tuple_(_c.kind, _c.issuer, _c.value).in_(over))
    return session.execute(statement).rowcount
