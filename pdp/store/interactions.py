"""Steps that wait for an answer from outside: a page the subject visits, a third party's call.

Law: an interaction is known by the SHA-256 of its secret only and is answered once.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from sqlalchemy import ForeignKeyConstraint, Index, select, update
from sqlmodel import Field

from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import ByteText, Count, Doc, Key, MaybeDoc, MaybeMoment, Moment, Words

State = Literal["waiting", "visited", "answered", "ended"]


class Interaction(Record):
    """One such wait: of kind `interaction` or `external`, for one step of a task."""

    id: Key
    secret_hash: Words
    task_id: Words
    step: Count
    kind: Annotated[Literal["interaction", "external"], Field(sa_type=ByteText)]
    state: Annotated[State, Field(sa_type=ByteText)] = "waiting"
    created_at: Moment
    expires_at: Moment
    visited_at: MaybeMoment = None
    answered_at: MaybeMoment = None
    data: Doc
    answer: MaybeDoc = None


class InteractionRow(Interaction, table=True):
    """Table `interactions`."""

    __tablename__ = "interactions"
    __table_args__ = (
        ForeignKeyConstraint(["task_id"], ["tasks.id"], ondelete="CASCADE"),
        Index("ix_interactions_secret_hash", "secret_hash", unique=True),
        Index("ix_interactions_task", "task_id", "step"),
    )


interactions = table_of(InteractionRow)
_c = interactions.c


def hash_of(secret: str) -> str:
    """What is kept of an interaction's secret: its SHA-256, in hex."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def add(session: Session, interaction: Interaction) -> None:
    """Keep an interaction; raises `IntegrityError` when its id or secret is taken."""
    session.add(interactions, interaction)


def get(session: Session, interaction_id: str) -> Interaction | None:
    """One interaction."""
    return session.first(Interaction, select(interactions).where(_c.id == interaction_id))


def by_secret(session: Session, secret: str) -> Interaction | None:
    """The interaction with that secret, in whatever state."""
    statement = select(interactions).where(_c.secret_hash == hash_of(secret))
    return session.first(Interaction, statement)


def of_task(session: Session, task_id: str) -> Sequence[Interaction]:
    """The interactions of a task, by step."""
    statement = select(interactions).where(_c.task_id == task_id)
    return session.all(Interaction, statement.order_by(_c.step, _c.created_at, _c.id))


def visit(session: Session, interaction_id: str, now: datetime) -> bool:
    """Note that its page was opened; False when it was before, is answered, or is over."""
    statement = update(interactions).where(
        _c.id == interaction_id, _c.state == "waiting", _c.expires_at > now
    )
    return session.execute(statement.values(state="visited", visited_at=now)).rowcount == 1


def answer(session: Session, interaction_id: str, given: dict[str, Any], now: datetime) -> bool:
    """Keep the answer; False when there is one already, or it is over."""
    statement = update(interactions).where(
        _c.id == interaction_id, _c.state.in_(["waiting", "visited"]), _c.expires_at > now
    )
    values = {"state": "answered", "answered_at": now, "answer": given}
    return session.execute(statement.values(values)).rowcount == 1


def end(session: Session, task_id: str) -> int:
    """End the interactions of a task that are not answered; gives how many."""
    statement = update(interactions).where(
        _c.task_id == task_id, _c.state.in_(["waiting", "visited"])
    )
    return session.execute(statement.values(state="ended")).rowcount
