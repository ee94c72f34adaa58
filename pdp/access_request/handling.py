"""What people do with a request besides deciding it: claim, release, reassign, comment.

And what operators do by hand: escalate, remind, end before its time.
"""

from datetime import datetime

from pdp.access_request.case import Case
from pdp.access_request.decide import Decided, Sees, changed, may_decide, seen_case
from pdp.access_request.desk import Desk
from pdp.core.cause import Cause
from pdp.core.task_effects import Change
from pdp.core.task_events import claim, escalate, expire, reassign, release, remind
from pdp.core.values import EntityUid
from pdp.errors import FORBIDDEN, Problem
from pdp.store import comments
from pdp.store.comments import Comment
from pdp.store.engine import Session


def claim_task(
    session: Session, desk: Desk, task_id: str, person: EntityUid,
    *, sees: Sees, cause: Cause, now: datetime,
) -> Decided:  # fmt: skip
    """Have a person take a request on, who must be able to decide it; raises as `decide`."""

    def change_of(case: Case) -> Change:
        eligible = may_decide(session, desk, case, person, now)
        return claim(case.task, person, now, eligible=eligible)

    return changed(session, desk, task_id, change_of, sees=sees, cause=cause, now=now)


def release_task(
    session: Session, desk: Desk, task_id: str, person: EntityUid | None,
    *, sees: Sees, cause: Cause, now: datetime,
) -> Decided:  # fmt: skip
    """Let go of a claim, one's own or (None) anybody's; raises as `decide`."""
    return changed(
        session, desk, task_id, lambda case: release(case.task, person, now),
        sees=sees, cause=cause, now=now,
    )  # fmt: skip


def reassign_task(
    session: Session, desk: Desk, task_id: str, to: EntityUid, by: EntityUid | None,
    *, sees: Sees, cause: Cause, now: datetime,
) -> Decided:  # fmt: skip
    """Give a request to somebody who may decide it, by such a person or (None) an operator.

    Raises:
        Problem: as `decide`, and 403 for a person who may not decide it.
    """

    def change_of(case: Case) -> Change:
        if by is not None and not may_decide(session, desk, case, by, now):
            raise Problem(FORBIDDEN, "this person may not decide it, nor say who is to")
        return reassign(case.task, to, now, eligible=may_decide(session, desk, case, to, now))

    return changed(session, desk, task_id, change_of, sees=sees, cause=cause, now=now)


def comment_on(
    session: Session, desk: Desk, task_id: str, comment: Comment,
    *, sees: Sees, cause: Cause, now: datetime,
) -> Comment:  # fmt: skip
    """Keep a comment, in the audit too; an open and a closed request alike take them.

    Raises:
        Problem: 404 for a request that the asker may not see.
    """
    case = seen_case(session, task_id, sees)
    comments.add(session, comment)
    details = {"comment": comment.id, "visibility": comment.visibility}
    desk.record(session, "task.commented", details, case.row, cause, now)
    desk.publish(session, "commented", case.row, case.task.queues(), now)
    return comment


def escalate_task(
    session: Session, desk: Desk, task_id: str, step: str, queue: str,
    *, sees: Sees, cause: Cause, now: datetime,
) -> Decided:  # fmt: skip
    """Add a queue to a step under way; raises as `decide`."""
    return changed(
        session, desk, task_id, lambda case: escalate(case.task, step, queue, now),
        sees=sees, cause=cause, now=now,
    )  # fmt: skip


def remind_task(
    session: Session, desk: Desk, task_id: str, *, sees: Sees, cause: Cause, now: datetime
) -> Decided:
    """Remind whoever may decide; raises as `decide`."""
    return changed(
        session, desk, task_id, lambda case: remind(case.task, now),
        sees=sees, cause=cause, now=now,
    )  # fmt: skip


def expire_task(
    session: Session, desk: Desk, task_id: str, *, sees: Sees, cause: Cause, now: datetime
) -> Decided:
    """End a request as expired now; raises as `decide`."""
    return changed(
        session, desk, task_id, lambda case: expire(case.task, now),
        sees=sees, cause=cause, now=now,
    )  # fmt: skip
