"""One page of the requests that somebody may see."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pdp.access_request.case import case_of
from pdp.access_request.desk import Desk
from pdp.core.moment import format_moment
from pdp.core.values import JsonObject
from pdp.queue.sight import Sight
from pdp.store import task_listing, task_queues, tasks
from pdp.store.engine import Session
from pdp.store.records import Cursor
from pdp.store.task_listing import TaskFilter, TaskSummary

LARGEST_PAGE = 200
_MOST_LOOKED_AT = 500


class Listed(NamedTuple):
    """Some requests, and where the next begin."""

    items: Sequence[JsonObject]
    next: Cursor | None


def list_tasks(
    session: Session,
    desk: Desk,
    sight: Sight,
    wanted: TaskFilter,
    cursor: Cursor | None,
    limit: int,
    now: datetime,
    *,
    newest_first: bool = True,
) -> Listed:
    """A page of requests; for a person, each is asked about, and the page may be short.

    A page that is short for that reason still has a cursor, so that nothing is left out.
    """
    if sight.requester is not None:
        wanted = wanted.model_copy(update={"requester": sight.requester})
    found: list[JsonObject] = []
    looked_at = 0
    while True:
        page = task_listing.page(session, wanted, cursor, limit, newest_first=newest_first)
        for summary in page.items:
            cursor = Cursor(summary.created_at, summary.id)
            looked_at += 1
            if _visible(session, desk, sight, summary, now):
                found.append(line_of(summary, task_queues.of_task(session, summary.id)))
            if len(found) == limit:
                last = summary is page.items[-1] and page.next is None
                return Listed(found, None if last else cursor)
        if page.next is None:
            return Listed(found, None)
        if looked_at >= _MOST_LOOKED_AT:
            return Listed(found, cursor)


def line_of(summary: TaskSummary, queues: Sequence[str]) -> JsonObject:
    """A request as a line of a list."""
    moments = {
        name: _moment(getattr(summary, name))
        for name in ("requested_until", "created_at", "updated_at", "expires_at", "closed_at")
    }
    holder = None
    if summary.claimed_by_type is not None:
        holder = {"type": summary.claimed_by_type, "id": summary.claimed_by_id}
    resource = None
    if summary.resource_type is not None:
        resource = {"type": summary.resource_type, "id": summary.resource_id}
    line = {
        "id": summary.id,
        "status": summary.status,
        "template": summary.template,
        "transport": summary.transport,
        "subject": {"type": summary.subject_type, "id": summary.subject_id},
        "resource": resource,
        "action": None if summary.action_name is None else {"name": summary.action_name},
        "item_count": summary.item_count or None,
        "client": summary.client_id or summary.requester,
        "requester": summary.requester,
        "justification": summary.justification,
        "emergency": summary.emergency,
        "step": summary.step_name,
        "queues": list(queues),
        "claimed_by": holder,
        "version": summary.version,
        **moments,
    }
    return {name: value for name, value in line.items() if value is not None}


def _visible(
    session: Session, desk: Desk, sight: Sight, summary: TaskSummary, now: datetime
) -> bool:
    if sight.person is None:
        return True
    row = tasks.get(session, summary.id)
    return row is not None and sight.sees(session, desk, case_of(session, row), now)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else format_moment(moment)
