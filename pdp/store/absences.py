"""Absences: when an approver is out of office, and who stands in."""

from datetime import datetime

from sqlalchemy import Index, delete, select

from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import Key, MaybeWords, Moment, Words

Person = tuple[str, str]


class Absence(Record):
    """A person is away from `starts_at` until `ends_at`; the deputy, if any, stands in."""

    id: Key
    person_type: Words
    person_id: Words
    deputy_type: MaybeWords = None
    deputy_id: MaybeWords = None
    starts_at: Moment
    ends_at: Moment
    reason: Words = ""
    created_at: Moment


class AbsenceRow(Absence, table=True):
    """Table `absences`."""

    __tablename__ = "absences"
    __table_args__ = (
        Index("ix_absences_person", "person_id", "person_type", "ends_at"),
        Index("ix_absences_deputy", "deputy_id", "deputy_type", "ends_at"),
        Index("ix_absences_ends_at", "ends_at"),
    )


absences = table_of(AbsenceRow)
_c = absences.c


def add(session: Session, absence: Absence) -> None:
    """Keep an absence; raises `IntegrityError` when its id is taken."""
    session.add(absences, absence)


def remove(session: Session, absence_id: str) -> bool:
    """Take an absence back; False when it is unknown."""
    return session.execute(delete(absences).where(_c.id == absence_id)).rowcount == 1


def of_person(session: Session, person: Person) -> list[Absence]:
    """The absences of a person, past and future ones too."""
    statement = select(absences).where(_c.person_type == person[0], _c.person_id == person[1])
    return session.all(Absence, statement.order_by(_c.starts_at, _c.id))


def current_of(session: Session, person: Person, now: datetime) -> Absence | None:
    """The absence that a person is in now, the one that ends last; None when present."""
    statement = select(absences).where(
        _c.person_type == person[0],
        _c.person_id == person[1],
        _c.starts_at <= now,
        _c.ends_at > now,
    )
    return session.first(Absence, statement.order_by(_c.ends_at.desc()).limit(1))


def stood_in_by(session: Session, deputy: Person, now: datetime) -> list[Absence]:
    """The absences in which a person stands in for others now."""
    statement = select(absences).where(
        _c.deputy_type == deputy[0],
        _c.deputy_id == deputy[1],
        _c.starts_at <= now,
        _c.ends_at > now,
    )
    return session.all(Absence, statement.order_by(_c.starts_at, _c.id))


def current(session: Session, now: datetime) -> list[Absence]:
    """Everybody's absence now."""
    statement = select(absences).where(_c.starts_at <= now, _c.ends_at > now)
    return session.all(Absence, statement.order_by(_c.person_id, _c.id))
