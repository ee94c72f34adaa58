"""Delegations: who may decide for whom, on what, and when.

Law: a delegation has a start and an end and is never deleted, only revoked; following one never
leads to another (that is for the reader to keep: these functions give direct ones only).
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Index, and_, select, update

from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import Key, MaybeMoment, MaybeWords, Moment, Words

Person = tuple[str, str]


class Delegation(Record):
    """`to` may decide for `from`, for a queue or template or (None) all of them."""

    id: Key
    from_type: Words
    from_id: Words
    to_type: Words
    to_id: Words
    queue: MaybeWords = None
    template: MaybeWords = None
    starts_at: Moment
    ends_at: Moment
    reason: Words = ""
    created_at: Moment
    created_by: Words
    revoked_at: MaybeMoment = None


class DelegationRow(Delegation, table=True):
    """Table `delegations`."""

    __tablename__ = "delegations"
    __table_args__ = (
        Index("ix_delegations_from", "from_id", "from_type", "ends_at"),
        Index("ix_delegations_to", "to_id", "to_type", "ends_at"),
    )


delegations = table_of(DelegationRow)
_c = delegations.c


def add(session: Session, delegation: Delegation) -> None:
    """Keep a delegation; raises `IntegrityError` when its id is taken."""
    session.add(delegations, delegation)


def get(session: Session, delegation_id: str) -> Delegation | None:
    """One delegation."""
    return session.first(Delegation, select(delegations).where(_c.id == delegation_id))


def revoke(session: Session, delegation_id: str, now: datetime) -> bool:
    """End a delegation now; False when it was ended before or is unknown."""
    statement = update(delegations).where(_c.id == delegation_id, _c.revoked_at.is_(None))
    return session.execute(statement.values(revoked_at=now)).rowcount == 1


def to_person(session: Session, person: Person, now: datetime) -> list[Delegation]:
    """The delegations that let a person decide for others now."""
    return _active(session, (_c.to_type == person[0]) & (_c.to_id == person[1]), now)


def from_person(session: Session, person: Person, now: datetime) -> list[Delegation]:
    """The delegations by which others decide for a person now."""
    return _active(session, (_c.from_type == person[0]) & (_c.from_id == person[1]), now)


def of_person(session: Session, person: Person) -> list[Delegation]:
    """Every delegation from or to a person, past and future ones too, newest first."""
    one = (_c.from_type == person[0]) & (_c.from_id == person[1])
    other = (_c.to_type == person[0]) & (_c.to_id == person[1])
    statement = select(delegations).where(one | other)
    return session.all(Delegation, statement.order_by(_c.created_at.desc(), _c.id))


def _active(session: Session, who: ColumnElement[bool], now: datetime) -> list[Delegation]:
    when = and_(_c.starts_at <= now, _c.ends_at > now, _c.revoked_at.is_(None))
    statement = select(delegations).where(who, when)
    return session.all(Delegation, statement.order_by(_c.created_at, _c.id))
