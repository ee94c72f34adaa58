"""What is due of a request: whoever calls, the state of the task decides what happens."""

from datetime import datetime

from pdp.access_request.case import Case, load_case
from pdp.access_request.desk import Desk
from pdp.access_request.transition import keep, retrying
from pdp.core.cause import BY_TIME
from pdp.core.task_clock import tick
from pdp.core.values import JsonObject
from pdp.store import audit_chain, reviews
from pdp.store.engine import Session

REVIEW_DUE = "review_due"
REVIEW_OVERDUE = "review.overdue"


class DueTasks:
    """Lets the time that has passed take effect on tasks."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def fire(self, kind: str, task_id: str, now: datetime) -> None:
        """Do what is due at `now`; nothing when nothing is, or there is no such task."""
        desk = self._desk
        if kind == REVIEW_DUE:
            desk.database.write(lambda session: note_overdue_reviews(session, desk, task_id, now))
        else:
            desk.database.write(lambda session: let_time_pass(session, desk, task_id, now))


def let_time_pass(session: Session, desk: Desk, task_id: str, now: datetime) -> None:
    """Reminders, escalations, time-outs and expiry of a task, each at its own moment."""

    def once() -> bool | None:
        case = load_case(session, task_id)
        if case is None or not case.task.pending:
            return False
        change = tick(case.task, now)
        kept = keep(session, desk, case, change, cause=BY_TIME, now=now)
        return None if kept is None else True

    retrying(once)


def note_overdue_reviews(session: Session, desk: Desk, task_id: str, now: datetime) -> None:
    """Have it recorded, once, that the review of an emergency approval was not done in time."""
    late = [
        review
        for review in reviews.of_task(session, task_id)
        if review.done_at is None and review.due_at <= now
    ]
    case = load_case(session, task_id) if late else None
    if case is None:
        return
    noted = {
        event.details.get("review")
        for event in audit_chain.of_task(session, task_id)
        if event.event == REVIEW_OVERDUE
    }
    for review in late:
        if review.id not in noted:
            details: JsonObject = {"review": review.id, "template": review.template}
            desk.record(session, REVIEW_OVERDUE, details, case.row, BY_TIME, now)
            desk.publish(session, "emergency", case.row, _told(case), now)


def _told(case: Case) -> tuple[str, ...]:
    paths = (plan.workflow.emergency for plan in case.task.plans if plan.emergency)
    return tuple(sorted({queue for path in paths if path for queue in (path.queue, *path.notify)}))
