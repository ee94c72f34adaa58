"""The items of a task that asks for several things.

Law: an item's status moves only from the one it was read in; positions are those submitted.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, bindparam, select, update

from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import Doc, Key, MaybeDoc, MaybeWords, Moment, NumberKey, Words


class TaskItem(Record):
    """One resource and action of a task, with what became of it."""

    task_id: Key
    position: NumberKey
    status: Words
    template: MaybeWords = None
    resource_type: Words
    resource_id: Words
    action_name: Words
    evaluation_id: MaybeWords = None
    binding_hash: MaybeWords = None
    updated_at: Moment
    resource: Doc
    action: Doc
    denial: MaybeDoc = None
    requested_access: MaybeDoc = None
    result: MaybeDoc = None


class TaskItemRow(TaskItem, table=True):
    """Table `task_items`."""

    __tablename__ = "task_items"
    __table_args__ = (ForeignKeyConstraint(["task_id"], ["tasks.id"], ondelete="CASCADE"),)


task_items = table_of(TaskItemRow)
_c = task_items.c
_OF_TASK = select(task_items).where(_c.task_id == bindparam("task")).order_by(_c.position)


def add(session: Session, items: Sequence[TaskItem]) -> None:
    """Keep the items of a new task."""
    session.add(task_items, *items)


def of_task(session: Session, task_id: str) -> list[TaskItem]:
    """The items of a task, in the order submitted."""
    return session.all(TaskItem, _OF_TASK, {"task": task_id})


def move(
    session: Session,
    task_id: str,
    position: int,
    expected_status: str,
    status: str,
    *,
    now: datetime,
    result: dict[str, Any] | None = None,
) -> bool:
    """Give an item its next status and result; False when it is no longer in `expected_status`."""
    statement = (
        update(task_items)
        .where(_c.task_id == task_id, _c.position == position, _c.status == expected_status)
        .values(status=status, result=result, updated_at=now)
    )
    return session.execute(statement).rowcount == 1


def move_all(
    session: Session, task_id: str, expected_status: str, status: str, *, now: datetime
) -> int:
    """Move every item that is in `expected_status`; gives how many there were."""
    statement = (
        update(task_items)
        .where(_c.task_id == task_id, _c.status == expected_status)
        .values(status=status, updated_at=now)
    )
    return session.execute(statement).rowcount
