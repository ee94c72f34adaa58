"""What an approval stands for is in place: until then it answers `grant_pending` (ARAP, Completion).

Only a workflow with `provisioning: true` makes approvals that wait for this.
"""

from datetime import datetime

from pdp.access_request.desk import Desk
from pdp.core.cause import Cause
from pdp.core.values import JsonObject
from pdp.errors import CONFLICT, NOT_FOUND, Problem
from pdp.store import approvals, tasks
from pdp.store.approvals import Approval
from pdp.store.engine import Session
from pdp.trust.callers import Caller


def provision(
    session: Session, desk: Desk, ref: str, caller: Caller, cause: Cause, now: datetime
) -> Approval:
    """Have an approval count from now on; the record as it is afterwards.

    `ref` is its reference, or the secret id that its requester was given. Its requester may report
    it, or an administrator.

    Raises:
        Problem: 404 for an approval that is not there or is another's, 409 for one that counts
            already or no longer.
    """
    row = approvals.by_ref(session, ref) or approvals.by_id(session, ref)
    task = tasks.get(session, row.task_id) if row is not None else None
    if row is None or task is None or not (caller.id == row.requester or "admin" in caller.roles):
        raise Problem(NOT_FOUND, "there is no such approval")
    if not approvals.provision(session, row, now):
        raise Problem(CONFLICT, "the approval counts already, or no longer")
    told: JsonObject = {"approval": row.ref, "template": row.template, "position": row.item or 0}
    desk.record(session, "approval.provisioned", told, task, cause, now)
    after = approvals.by_ref(session, row.ref)
    assert after is not None
    return after
