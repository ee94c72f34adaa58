"""The requester, or an administrator, no longer wants it (ARAP, Cancellation)."""

from datetime import datetime
from typing import NamedTuple

from pdp.access_request.case import Case, case_of
from pdp.access_request.desk import Desk
from pdp.access_request.status import read_row, viewer_of
from pdp.access_request.transition import keep, retrying
from pdp.access_request.verdict import text_of
from pdp.core.authzen import InvalidRequest
from pdp.core.cause import Cause
from pdp.core.task_effects import Refusal
from pdp.core.task_events import cancel
from pdp.core.values import JsonValue
from pdp.errors import FORBIDDEN, INVALID_TASK_STATE, Problem
from pdp.store.engine import Session
from pdp.trust.callers import Caller

_LONGEST_REASON = 200
_LONGEST_COMMENT = 4000


class Withdrawal(NamedTuple):
    """Why a request is cancelled."""

    reason: str | None = None
    comment: str | None = None


class Ended(NamedTuple):
    """What became of it; a refusal is answered after the transaction, which may keep the time."""

    case: Case
    refusal: Refusal | None


def withdrawal_from(body: JsonValue) -> Withdrawal:
    """Read `{reason, comment}`; raises `InvalidRequest`."""
    if not isinstance(body, dict):
        raise InvalidRequest("", "must be an object")
    return Withdrawal(
        text_of(body, "reason", _LONGEST_REASON), text_of(body, "comment", _LONGEST_COMMENT)
    )


def cancel_task(
    session: Session,
    desk: Desk,
    task_id: str,
    caller: Caller,
    why: Withdrawal,
    *,
    cause: Cause,
    now: datetime,
) -> Ended:
    """End what is pending of a request, in the caller's transaction.

    Raises:
        Problem: 404 as for its status; 403 for a caller that may see it but not end it.
    """

    def once() -> Ended | None:
        row = read_row(session, desk, task_id, caller, now)
        viewer = viewer_of(desk, row, caller)
        if viewer is None or not viewer.cancel:
            raise Problem(FORBIDDEN, "this caller may see the request but not cancel it")
        case = case_of(session, row)
        change = cancel(case.task, now, reason=why.reason, comment=why.comment)
        kept = keep(session, desk, case, change, cause=cause, now=now)
        return None if kept is None else Ended(kept, change.refusal)

    return retrying(once)


def require_ended(ended: Ended) -> Case:
    """The request that was cancelled; raises `Problem` 409 when it was over before."""
    if ended.refusal is not None:
        raise Problem(INVALID_TASK_STATE, ended.refusal.detail)
    return ended.case
