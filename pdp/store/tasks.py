"""Access request tasks: one row for each accepted submission.

Law: a task changes only by `transition`, which names the version it was read at, so of any number
of writers one wins; a task that is closed never gets another status. `id` is the public handle.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Index, bindparam, or_, select, update

from pdp.store import task_queues
from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import (
    Count,
    Doc,
    DocList,
    Key,
    MaybeDoc,
    MaybeMoment,
    MaybeWords,
    Moment,
    Words,
)


class Task(Record):
    """A task whole. `state` is the pure core's task, `workflow` the frozen template."""

    id: Key
    version: Count = 1
    status: Words
    template: Words
    transport: Words
    subject_type: Words
    subject_id: Words
    resource_type: MaybeWords = None
    resource_id: MaybeWords = None
    action_name: MaybeWords = None
    requester: Words
    client_id: MaybeWords = None
    evaluation_id: MaybeWords = None
    policy_version: MaybeWords = None
    workflow_version: MaybeWords = None
    binding_hash: MaybeWords = None
    justification: MaybeWords = None
    requested_until: MaybeMoment = None
    emergency: bool = False
    priority: Count = 0
    item_count: Count = 0
    step: Count = 0
    step_name: MaybeWords = None
    claimed_by_type: MaybeWords = None
    claimed_by_id: MaybeWords = None
    claimed_at: MaybeMoment = None
    created_at: Moment
    updated_at: Moment
    expires_at: Moment
    closed_at: MaybeMoment = None
    search_text: Words = ""
    subject: Doc
    resource: MaybeDoc = None
    action: MaybeDoc = None
    context: Doc
    binding_members: DocList
    denial: MaybeDoc = None
    requested_access: MaybeDoc = None
    actor: MaybeDoc = None
    callback: MaybeDoc = None
    workflow: Doc
    state: Doc
    result: MaybeDoc = None
    extra: MaybeDoc = None


class TaskRow(Task, table=True):
    """Table `tasks`."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_status", "status", "created_at", "id"),
        Index("ix_tasks_requester", "requester", "status", "created_at", "id"),
        Index("ix_tasks_client", "client_id", "status", "created_at", "id"),
        Index("ix_tasks_subject", "subject_id", "created_at", "id"),
        Index("ix_tasks_resource", "resource_id", "created_at", "id"),
        Index("ix_tasks_expires", "closed_at", "expires_at"),
    )


tasks = table_of(TaskRow)
_c = tasks.c
_ONE = select(tasks).where(_c.id == bindparam("id"))
_FIXED = {"id", "version", "created_at", "requester", "subject_type", "subject_id", "transport"}


def searchable(*parts: str | None) -> str:
    """The text that a search for words is made in: the parts, case folded."""
    return " ".join(part for part in parts if part).casefold()


def create(session: Session, task: Task, queues: Sequence[str] = ()) -> None:
    """Keep a new task, waiting in these queues; raises `IntegrityError` when its id is taken."""
    session.add(tasks, task)
    task_queues.enter(session, task.id, queues, task.status, task.created_at)


def get(session: Session, task_id: str) -> Task | None:
    """The task of that handle: one read by primary key."""
    return session.first(Task, _ONE, {"id": task_id})


def transition(
    session: Session,
    task_id: str,
    expected_version: int,
    changes: Mapping[str, Any],
    *,
    now: datetime,
    queues: Sequence[str] | None = None,
) -> bool:
    """Change columns of a task, if it still is at that version; tells whether it was.

    The version grows by one. A change of `status` is refused, as False, once the task is closed;
    set `closed_at` with a terminal status. `queues`, if given, replaces where it waits.
    """
    if refused := _FIXED & changes.keys():
        raise ValueError(f"never changes: {', '.join(sorted(refused))}")
    values = dict(changes) | {"version": expected_version + 1, "updated_at": now}
    statement = _transition(frozenset(values))
    keys = {"of_id": task_id, "at_version": expected_version}
    moved = session.execute(statement, keys | values).first()
    if moved is None:
        return False
    if queues is not None:
        task_queues.replace(session, task_id, queues, moved.status, moved.created_at)
    elif "status" in changes:
        task_queues.set_status(session, task_id, moved.status)
    return True


@cache
def _transition(names: frozenset[str]) -> Any:
    statement = update(tasks).where(
        _c.id == bindparam("of_id"), _c.version == bindparam("at_version")
    )
    if "status" in names:
        statement = statement.where(_c.closed_at.is_(None))
    changes = {name: bindparam(name, type_=_c[name].type) for name in sorted(names)}
    return statement.values(changes).returning(_c.status, _c.created_at)


def claim(session: Session, task_id: str, person: tuple[str, str], now: datetime) -> bool:
    """Have a person hold an open task; False when it is closed or another holds it.

    Holding is a courtesy among approvers: it leaves the version alone and stops no vote.
    """
    statement = (
        update(tasks)
        .where(_c.id == task_id, _c.closed_at.is_(None))
        .where(
            or_(
                _c.claimed_by_id.is_(None),
                (_c.claimed_by_type == person[0]) & (_c.claimed_by_id == person[1]),
            )
        )
        .values(claimed_by_type=person[0], claimed_by_id=person[1], claimed_at=now)
    )
    return session.execute(statement).rowcount == 1


def release(session: Session, task_id: str, person: tuple[str, str] | None = None) -> bool:
    """Let go of a task; of anybody's hold when no person is named."""
    statement = update(tasks).where(_c.id == task_id, _c.claimed_by_id.is_not(None))
    if person is not None:
        statement = statement.where(_c.claimed_by_type == person[0], _c.claimed_by_id == person[1])
    nobody = {"claimed_by_type": None, "claimed_by_id": None, "claimed_at": None}
    return session.execute(statement.values(nobody)).rowcount == 1


def overdue(session: Session, now: datetime, limit: int) -> list[Task]:
    """Open tasks whose time is over, longest first: what a lost timer would have missed."""
    statement = select(tasks).where(_c.closed_at.is_(None), _c.expires_at <= now)
    return session.all(Task, statement.order_by(_c.expires_at).limit(limit))


def of_evaluation(session: Session, evaluation_id: str, subject_id: str) -> list[Task]:
    """The tasks that came of one denial, oldest first."""
    statement = select(tasks).where(_c.subject_id == subject_id, _c.evaluation_id == evaluation_id)
    return session.all(Task, statement.order_by(_c.created_at, _c.id))
