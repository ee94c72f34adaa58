"""What approvers decided, one vote for each approver and step.

Law: a second vote of the same person on the same step of a task is never kept.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from sqlalchemy import ForeignKeyConstraint, Index, bindparam, select
from sqlmodel import Field

from pdp.store.records import Cursor, Page, Record, ordered, page_of, table_of
from pdp.store.session import Session
from pdp.store.types import (
    ByteText,
    Key,
    MaybeDoc,
    MaybeDocList,
    MaybeMoment,
    MaybeWords,
    Moment,
    NumberKey,
    Words,
)


class Vote(Record):
    """One decision. `items` are the positions it is about, None for all."""

    task_id: Key
    step: NumberKey
    approver_type: Key
    approver_id: Key
    id: Words
    decision: Annotated[Literal["approve", "deny"], Field(sa_type=ByteText)]
    at: Moment
    items: MaybeDocList = None
    reason_code: MaybeWords = None
    comment: MaybeWords = None
    approved_until: MaybeMoment = None
    scope: MaybeDoc = None
    on_behalf_of: MaybeDoc = None
    caller: MaybeWords = None
    policies: MaybeDocList = None


class VoteRow(Vote, table=True):
    """Table `votes`."""

    __tablename__ = "votes"
    __table_args__ = (
        ForeignKeyConstraint(["task_id"], ["tasks.id"], ondelete="CASCADE"),
        Index("ix_votes_approver", "approver_id", "approver_type", "at", "id"),
    )


votes = table_of(VoteRow)
_c = votes.c
_OF_TASK = select(votes).where(_c.task_id == bindparam("task")).order_by(_c.at, _c.id)


def cast(session: Session, vote: Vote) -> bool:
    """Keep a vote; False when this person has voted on this step already."""
    return session.add_once(votes, vote, ["task_id", "step", "approver_type", "approver_id"])


def of_task(session: Session, task_id: str) -> list[Vote]:
    """Every vote on a task, in the order cast."""
    return session.all(Vote, _OF_TASK, {"task": task_id})


def of_approver(
    session: Session, person: tuple[str, str], cursor: Cursor | None, limit: int
) -> Page[Vote]:
    """What a person decided, newest first."""
    statement = select(votes).where(_c.approver_type == person[0], _c.approver_id == person[1])
    statement = ordered(statement, _c.at, _c.id, cursor, newest_first=True, limit=limit)
    found: Sequence[Vote] = session.all(Vote, statement)
    return page_of(found, limit, lambda vote: Cursor(vote.at, vote.id))
