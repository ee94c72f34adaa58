"""In which queues each task waits, or waited last.

Law: the rows of a task carry its status and its moment of creation, so that a page of a queue is
one look into one index, however many tasks there are.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Index, bindparam, delete, select, update

from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import Key, Moment, Words


class QueuedTask(Record):
    """A task in a queue."""

    task_id: Key
    queue: Key
    status: Words
    created_at: Moment


class QueuedTaskRow(QueuedTask, table=True):
    """Table `task_queues`."""

    __tablename__ = "task_queues"
    __table_args__ = (Index("ix_task_queues_queue", "queue", "status", "created_at", "task_id"),)


task_queues = table_of(QueuedTaskRow)
_c = task_queues.c
_LEAVE = delete(task_queues).where(_c.task_id == bindparam("task"))
_SET_STATUS = update(task_queues).where(_c.task_id == bindparam("task"))


def enter(
    session: Session, task_id: str, queues: Sequence[str], status: str, created_at: datetime
) -> None:
    """Have a new task wait in these queues."""
    rows = [
        QueuedTask(task_id=task_id, queue=queue, status=status, created_at=created_at)
        for queue in dict.fromkeys(queues)
    ]
    session.add(task_queues, *rows)


def replace(
    session: Session, task_id: str, queues: Sequence[str], status: str, created_at: datetime
) -> None:
    """Have the task wait in exactly these queues."""
    session.execute(_LEAVE, {"task": task_id})
    enter(session, task_id, queues, status, created_at)


def set_status(session: Session, task_id: str, status: str) -> None:
    """Carry over a task's new status."""
    session.execute(_SET_STATUS, {"task": task_id, "status": status})


def of_task(session: Session, task_id: str) -> list[str]:
    """The queues of a task, sorted."""
    statement = select(_c.queue).where(_c.task_id == task_id).order_by(_c.queue)
    return [row.queue for row in session.execute(statement)]


def open_counts(session: Session, limit: int = 1_000) -> dict[str, int]:
    """How many pending tasks each queue has, counted up to a limit (then the limit)."""
    names = select(_c.queue).where(_c.status == "pending").distinct()
    counts = {}
    for (queue,) in session.execute(names).all():
        waiting = select(_c.task_id).where(_c.queue == queue, _c.status == "pending")
        counts[queue] = len(session.execute(waiting.limit(limit)).all())
    return counts
