"""The decision log: one row for each evaluation that is kept.

Law: rows are only added, in batches, and only taken away when their time is over.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, bindparam, delete, select

from pdp.store.records import Cursor, Page, Record, ordered, page_of, table_of
from pdp.store.session import Session, insert_into
from pdp.store.types import Doc, Key, MaybeWords, Moment, Words


class Decision(Record):
    """One decision; `detail` holds what else the log was told to keep."""

    evaluation_id: Key
    at: Moment
    decision: bool
    subject_type: Words
    subject_id: Words
    action: Words
    resource_type: Words
    resource_id: Words
    policy_version: Words
    caller: MaybeWords = None
    request_id: MaybeWords = None
    detail: Doc


class DecisionRow(Decision, table=True):
    """Table `decisions`."""

    __tablename__ = "decisions"
    __table_args__ = (
        Index("ix_decisions_at", "at", "evaluation_id"),
        Index("ix_decisions_subject", "subject_id", "at", "evaluation_id"),
        Index("ix_decisions_resource", "resource_id", "at", "evaluation_id"),
        Index("ix_decisions_decision", "decision", "at", "evaluation_id"),
    )


decisions = table_of(DecisionRow)
_c = decisions.c
_ONE = select(decisions).where(_c.evaluation_id == bindparam("id"))


class Search(Record):
    """Which decisions are wanted; what is None does not narrow."""

    since: datetime | None = None
    until: datetime | None = None
    subject_type: str | None = None
    subject_id: str | None = None
    action: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    decision: bool | None = None
    caller: str | None = None
    policy_version: str | None = None


_EQUAL = (
    "subject_type", "subject_id", "action", "resource_type", "resource_id",
    "decision", "caller", "policy_version",
)  # fmt: skip


def add(session: Session, batch: Sequence[Decision | Mapping[str, Any]]) -> None:
    """Keep a batch; a decision that was kept before is passed over.

    A mapping has every column: the log writes thousands a second, and a record of each costs more
    than its row.
    """
    if not batch:
        return
    statement = insert_into(decisions, session.on_postgres).on_conflict_do_nothing(
        index_elements=["evaluation_id"]
    )
    session.execute(statement, [dict(decision) for decision in batch])


def get(session: Session, evaluation_id: str) -> Decision | None:
    """The decision of that evaluation."""
    return session.first(Decision, _ONE, {"id": evaluation_id})


def search(session: Session, wanted: Search, cursor: Cursor | None, limit: int) -> Page[Decision]:
    """Decisions, newest first."""
    statement = select(decisions)
    for name in _EQUAL:
        value = getattr(wanted, name)
        if value is not None:
            statement = statement.where(_c[name] == value)
    if wanted.since is not None:
        statement = statement.where(_c.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(_c.at < wanted.until)
    statement = ordered(statement, _c.at, _c.evaluation_id, cursor, newest_first=True, limit=limit)
    rows = session.all(Decision, statement)
    return page_of(rows, limit, lambda row: Cursor(row.at, row.evaluation_id))


def delete_before(session: Session, before: datetime, limit: int) -> int:
    """Delete up to `limit` of the decisions made before a moment; gives how many."""
    oldest = select(_c.evaluation_id).where(_c.at < before).order_by(_c.at).limit(limit)
    return session.execute(delete(decisions).where(_c.evaluation_id.in_(oldest))).rowcount
