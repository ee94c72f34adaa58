"""Steps that Cedar decides at once, and the approval that needs no step at all."""

from datetime import datetime

from pdp.access_request.case import Case
from pdp.access_request.desk import Desk
from pdp.core.task import policy_questions
from pdp.core.task_answers import policy_result
from pdp.core.task_effects import Change


def settle_policy_steps(desk: Desk, case: Case, change: Change, now: datetime) -> Change:
    """Answer every `policy` step that a change has begun, until none waits."""
    while policy_questions(change.task):
        following = policy_result(change.task, {}, now)
        change = Change(following.task, change.effects + following.effects, change.refusal)
    return change


def approve_by_policy(desk: Desk, case: Case, change: Change, now: datetime) -> Change:
    """Approve the items of a new request for which Cedar permits `access_request:auto_approve`."""
    return change
