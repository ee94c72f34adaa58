"""Steps that Cedar decides at once, and the approval that needs no step at all."""

from datetime import datetime

from pdp.access_request.case import Case
from pdp.access_request.desk import Desk
from pdp.access_request.rights import Rights, facts_of
from pdp.core.task import Question, policy_questions
from pdp.core.task_answers import auto_approve, policy_result
from pdp.core.task_effects import Change

WHOLE = ""
"""The `step` that policies see when the request as a whole is asked about."""


def settle_policy_steps(desk: Desk, case: Case, change: Change, now: datetime) -> Change:
    """Answer every `policy` step that a change has begun, until none waits.

    The principal is the subject of the request: may this subject have it without anybody?
    """
    while questions := policy_questions(change.task):
        permitted: dict[Question, tuple[str, ...]] = {}
        for question in questions:
            workflow = change.task.plan_of(change.task.items[question.position]).workflow
            step = workflow.leaves()[question.leaf].name
            found = _automatic(desk, case, question.position, step, now)
            if found is not None:
                permitted[question] = found
        following = policy_result(change.task, permitted, now)
        change = Change(following.task, change.effects + following.effects, change.refusal)
    return change


def approve_by_policy(desk: Desk, case: Case, change: Change, now: datetime) -> Change:
    """Approve the items of a new request for which Cedar permits `access_request:auto_approve`.

    It is asked of no step, so that a policy which names one decides that step alone.
    """
    permitted: dict[int, tuple[str, ...]] = {}
    for item in change.task.items:
        if not item.pending:
            continue
        found = _automatic(desk, case, item.position, WHOLE, now)
        if found is not None:
            permitted[item.position] = found
    return change.then(auto_approve(change.task, permitted, now)) if permitted else change


def _automatic(
    desk: Desk, case: Case, position: int, step: str, now: datetime
) -> tuple[str, ...] | None:
    rights = Rights(desk.authorizer(), now)
    facts = facts_of(case, position, step)
    return rights.permitted(rights.subject_uid(facts), "auto_approve", facts)
