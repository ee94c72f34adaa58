"""Lists of tasks: the queues of approvers, what a caller asked for, what a subject wants.

Law: pages are cut by (created_at, id), so they neither repeat nor miss a task that stays in the
list while others come and go; a queue's page costs the same at any number of tasks.
"""

import heapq
from collections.abc import Sequence

from sqlalchemy import Select, or_, select

from pdp.store.records import Cursor, Page, Record, ordered, page_of
from pdp.store.session import Session
from pdp.store.task_queues import task_queues
from pdp.store.tasks import tasks
from pdp.store.types import Count, MaybeMoment, MaybeWords, Moment, Words


class TaskSummary(Record):
    """A task as a line of a list: everything but its documents."""

    id: Words
    version: Count
    status: Words
    template: Words
    transport: Words
    subject_type: Words
    subject_id: Words
    resource_type: MaybeWords
    resource_id: MaybeWords
    action_name: MaybeWords
    requester: Words
    client_id: MaybeWords
    justification: MaybeWords
    requested_until: MaybeMoment
    emergency: bool
    priority: Count
    item_count: Count
    step: Count
    step_name: MaybeWords
    claimed_by_type: MaybeWords
    claimed_by_id: MaybeWords
    created_at: Moment
    updated_at: Moment
    expires_at: Moment
    closed_at: MaybeMoment


class TaskFilter(Record):
    """Which tasks are wanted; what is None does not narrow.

    `client` is the caller that submitted a task, or the OAuth client that it spoke for; `q` is
    words, all to be found.
    """

    status: str | None = None
    queues: tuple[str, ...] | None = None
    client: str | None = None
    requester: str | None = None
    client_id: str | None = None
    subject_type: str | None = None
    subject_id: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    template: str | None = None
    transport: str | None = None
    emergency: bool | None = None
    q: str | None = None


_EQUAL = (
    "status", "requester", "client_id", "subject_type", "subject_id",
    "resource_type", "resource_id", "template", "transport", "emergency",
)  # fmt: skip
_SUMMARY = [tasks.c[name] for name in TaskSummary.model_fields]


def page(
    session: Session,
    wanted: TaskFilter,
    cursor: Cursor | None,
    limit: int,
    *,
    newest_first: bool = True,
) -> Page[TaskSummary]:
    """One page of the tasks that pass the filter."""
    if wanted.queues is None:
        found = _of_table(session, wanted, cursor, limit, newest_first=newest_first)
    else:
        found = _of_queues(session, wanted, cursor, limit, newest_first=newest_first)
    return page_of(found, limit, _place)


def _place(task: TaskSummary) -> Cursor:
    return Cursor(task.created_at, task.id)


def _of_table(
    session: Session, wanted: TaskFilter, cursor: Cursor | None, limit: int, *, newest_first: bool
) -> Sequence[TaskSummary]:
    statement = ordered(
        _narrowed(select(*_SUMMARY), wanted),
        tasks.c.created_at,
        tasks.c.id,
        cursor,
        newest_first=newest_first,
        limit=limit,
    )
    return session.all(TaskSummary, statement)


def _of_queues(
    session: Session, wanted: TaskFilter, cursor: Cursor | None, limit: int, *, newest_first: bool
) -> Sequence[TaskSummary]:
    """The first of each queue, merged: one seek a queue instead of sorting all that wait."""
    queued = task_queues.c
    joined = select(*_SUMMARY).join_from(task_queues, tasks, queued.task_id == tasks.c.id)
    heads = []
    # The queue's own status is the one to look at: asked twice, it misleads the planner.
    others = wanted.model_copy(update={"status": None})
    for queue in sorted(set(wanted.queues or ())):
        statement = _narrowed(joined, others).where(queued.queue == queue)
        if wanted.status is not None:
            statement = statement.where(queued.status == wanted.status)
        statement = ordered(
            statement, queued.created_at, queued.task_id, cursor,
            newest_first=newest_first, limit=limit,
        )  # fmt: skip
        heads.append(session.all(TaskSummary, statement))
    merged = heapq.merge(*heads, key=_place, reverse=newest_first)
    return list({task.id: task for task in merged}.values())[: limit + 1]


def _narrowed(
    statement: Select[tuple[object, ...]], wanted: TaskFilter
) -> Select[tuple[object, ...]]:
    for name in _EQUAL:
        value = getattr(wanted, name)
        if value is not None:
            statement = statement.where(tasks.c[name] == value)
    if wanted.client is not None:
        own = tasks.c.client_id == wanted.client
        statement = statement.where(or_(own, tasks.c.requester == wanted.client))
    for word in (wanted.q or "").casefold().split():
        statement = statement.where(tasks.c.search_text.contains(word, autoescape=True))
    return statement
