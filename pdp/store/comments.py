"""Comments on tasks, among approvers or also for the requester to see."""

from typing import Annotated, Literal

from sqlalchemy import ForeignKeyConstraint, Index, select
from sqlmodel import Field

from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import ByteText, Key, MaybeWords, Moment, Words


class Comment(Record):
    """A comment; `visibility` says whether the requester sees it too."""

    id: Key
    task_id: Words
    at: Moment
    author_type: Words
    author_id: Words
    text: Words
    visibility: Annotated[Literal["approvers", "requester"], Field(sa_type=ByteText)] = "approvers"
    caller: MaybeWords = None


class CommentRow(Comment, table=True):
    """Table `comments`."""

    __tablename__ = "comments"
    __table_args__ = (
        ForeignKeyConstraint(["task_id"], ["tasks.id"], ondelete="CASCADE"),
        Index("ix_comments_task", "task_id", "at", "id"),
    )


comments = table_of(CommentRow)


def add(session: Session, comment: Comment) -> None:
    """Keep a comment; raises `IntegrityError` when its id is taken."""
    session.add(comments, comment)


def of_task(session: Session, task_id: str) -> list[Comment]:
    """The comments on a task, oldest first."""
    statement = select(comments).where(comments.c.task_id == task_id)
    return session.all(Comment, statement.order_by(comments.c.at, comments.c.id))
