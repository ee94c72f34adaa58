"""A request as its viewer may see it: the Task Handle (ARAP, Access Request Task)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from pdp.access_request.case import Case, case_of
from pdp.access_request.desk import Desk
from pdp.core.task import Task as CoreTask
from pdp.core.task_clock import tick
from pdp.core.task_handle import ApprovalResult, Links, Viewer, poll_after, task_handle
from pdp.core.values import JsonObject
from pdp.core.workflow import Interaction
from pdp.errors import TASK_EXPIRED, UNKNOWN_TASK, Problem
from pdp.store import approvals, interactions, tasks
from pdp.store.engine import Session
from pdp.store.tasks import Task
from pdp.trust.callers import Caller
from pdp.trust.reply_token import reply_token

REQUESTER = Viewer()
OPERATOR = Viewer(result=False, cancel=True, awaiting=True, review=True, properties=True)
AUDITOR = Viewer(result=False, cancel=False, awaiting=False, review=False, properties=False)


class Shown(NamedTuple):
    """A Task Handle, and after how many seconds another look is worth while."""

    body: JsonObject
    retry_after: int | None


def viewer_of(desk: Desk, row: Task, caller: Caller) -> Viewer | None:
    """What a caller may see of a request; None when not even that it exists.

    Its requester is the very caller that submitted it, speaking for the same OAuth client and
    still allowed to act for the subject; any instance of it will do, and no other caller.
    """
    if _is_requester(desk, row, caller):
        return REQUESTER
    if "admin" in caller.roles:
        return OPERATOR
    return AUDITOR if "auditor" in caller.roles else None


def _is_requester(desk: Desk, row: Task, caller: Caller) -> bool:
    if (caller.id, caller.client_id) != (row.requester, row.client_id) or "pep" not in caller.roles:
        return False
    kind = desk.authorizer().mapping.entity_type(row.subject_type)
    return caller.may_act_for((kind, row.subject_id))


def read_row(session: Session, desk: Desk, task_id: str, caller: Caller, now: datetime) -> Task:
    """The row of a request that the caller may see.

    Raises:
        Problem: 404 for an unknown one and for one of others alike; 410 when it is kept no longer.
    """
    row = tasks.get(session, task_id)
    if row is None or viewer_of(desk, row, caller) is None:
        raise unknown_task()
    keep = timedelta(days=desk.settings.retention.tasks)
    if row.closed_at is not None and max(row.closed_at + keep, row.expires_at) <= now:
        raise Problem(TASK_EXPIRED, "the request was over and is no longer kept")
    return row


def show_task(
    session: Session,
    desk: Desk,
    task_id: str,
    caller: Caller,
    now: datetime,
    languages: Sequence[str] = (),
) -> Shown:
    """The Task Handle as it is now; raises as `read_row`."""
    row = read_row(session, desk, task_id, caller, now)
    viewer = viewer_of(desk, row, caller) or AUDITOR
    return shown(session, desk, case_of(session, row), viewer, now, languages)


def shown(
    session: Session,
    desk: Desk,
    case: Case,
    viewer: Viewer,
    now: datetime,
    languages: Sequence[str] = (),
) -> Shown:
    """A request as a viewer may see it; time that passed unseen is seen here."""
    task = tick(case.task, now).task if case.task.pending else case.task
    asked = [{"resource": item.resource, "action": item.action} for item in case.items]
    page = page_of(session, desk, task, case.row.id, now) if viewer.result else None
    body = task_handle(
        task,
        case.row.id,
        links_of(desk, case.row.id)._replace(ticket=page),
        viewer,
        asked=asked,
        results=_results(session, desk, case) if viewer.result else None,
        awaiting=task.queues() if task.pending else (),
        languages=languages,
    )
    return Shown(body, poll_after(task, now))


def links_of(desk: Desk, task_id: str) -> Links:
    """The URLs of a request."""
    status = desk.status_url(task_id)
    return Links(status, cancel=f"{status}/cancel")


def page_of(
    session: Session, desk: Desk, task: CoreTask, task_id: str, now: datetime
) -> str | None:
    """The page that the subject must visit for the request to go on; None when none waits."""
    pages = {
        (item.position, leaf.number): task.step_of(item, leaf).interaction or Interaction()
        for item in task.items
        for leaf in item.open_leaves()
        if task.step_of(item, leaf).kind == "interaction"
    }
    if not pages:
        return None
    for waiting in interactions.of_task(session, task_id):
        page = pages.get((min(waiting.data.get("positions") or [0]), waiting.step))
        if page is None or waiting.state not in ("waiting", "visited") or waiting.expires_at <= now:
            continue
        token = reply_token(desk.keys, waiting.id)
        if page.url is None:
            return f"{desk.base}/access/v1/interactions/{token}"
        return f"{page.url}{'&' if '?' in page.url else '?'}interaction={token}"
    return None


def unknown_task() -> Problem:
    """The answer about a task that is not there, and about that of others."""
    return Problem(UNKNOWN_TASK, "there is no such request, or not for this caller")


def _results(session: Session, desk: Desk, case: Case) -> Mapping[int, ApprovalResult]:
    if not any(item.status == "approved" for item in case.task.items):
        return {}
    task_id = case.row.id
    read = partial(approvals.of_task, session, task_id)
    return desk.results.of_task(task_id, case.row.version, read)
