"""Reviews that an emergency approval calls for after its use.

Law: a review is opened with the approval and closed once; while one is overdue, its emergency
path is blocked (the caller asks `overdue`).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, select, update

from pdp.store.records import Cursor, Page, Record, ordered, page_of, table_of
from pdp.store.session import Session
from pdp.store.types import Key, MaybeDoc, MaybeMoment, MaybeWords, Moment, Words


class Review(Record):
    """A review: of which approval, due when, and its outcome."""

    id: Key
    task_id: Words
    approval_ref: MaybeWords = None
    template: Words
    subject_type: Words
    subject_id: Words
    opened_at: Moment
    due_at: Moment
    done_at: MaybeMoment = None
    reviewer_type: MaybeWords = None
    reviewer_id: MaybeWords = None
    outcome: MaybeDoc = None


class ReviewRow(Review, table=True):
    """Table `reviews`."""

    __tablename__ = "reviews"
    __table_args__ = (
        Index("ix_reviews_due", "done_at", "due_at"),
        Index("ix_reviews_task", "task_id"),
        Index("ix_reviews_opened", "opened_at", "id"),
    )


reviews = table_of(ReviewRow)
_c = reviews.c


def open_review(session: Session, review: Review) -> None:
    """Keep a new review; raises `IntegrityError` when its id is taken."""
    session.add(reviews, review)


def get(session: Session, review_id: str) -> Review | None:
    """One review."""
    return session.first(Review, select(reviews).where(_c.id == review_id))


def of_task(session: Session, task_id: str) -> list[Review]:
    """The reviews of a task."""
    return session.all(Review, select(reviews).where(_c.task_id == task_id).order_by(_c.opened_at))


def close(
    session: Session, review_id: str, reviewer: tuple[str, str], outcome: dict[str, Any],
    now: datetime,
) -> bool:  # fmt: skip
    """Note who reviewed and what came of it; False when it was done before or is unknown."""
    statement = update(reviews).where(_c.id == review_id, _c.done_at.is_(None))
    values = {
        "done_at": now,
        "reviewer_type": reviewer[0],
        "reviewer_id": reviewer[1],
        "outcome": outcome,
    }
    return session.execute(statement.values(values)).rowcount == 1


def overdue(
    session: Session,
    now: datetime,
    template: str | None = None,
    subject: tuple[str, str] | None = None,
) -> list[Review]:
    """The reviews whose time is over, longest first; of a template, of a subject."""
    statement = select(reviews).where(_c.done_at.is_(None), _c.due_at <= now)
    if template is not None:
        statement = statement.where(_c.template == template)
    if subject is not None:
        statement = statement.where(_c.subject_type == subject[0], _c.subject_id == subject[1])
    return session.all(Review, statement.order_by(_c.due_at, _c.id))


def page(session: Session, *, done: bool | None, cursor: Cursor | None, limit: int) -> Page[Review]:
    """Reviews, newest first; only open or only done ones."""
    statement = select(reviews)
    if done is not None:
        statement = statement.where(_c.done_at.is_not(None) if done else _c.done_at.is_(None))
    statement = ordered(statement, _c.opened_at, _c.id, cursor, newest_first=True, limit=limit)
    found = session.all(Review, statement)
    return page_of(found, limit, lambda review: Cursor(review.opened_at, review.id))
