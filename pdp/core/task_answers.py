"""What is not a person answers a step: a policy, a third party, the subject by visiting a page."""

from collections.abc import Collection, Mapping
from datetime import datetime

from pdp.core.task import Leaf, Outcome, Question, Task
from pdp.core.task_clock import begin
from pdp.core.task_draft import Draft
from pdp.core.task_effects import Change
from pdp.core.workflow import StepKind

REFUSED_BY_POLICY = "refused_by_policy"


def policy_result(
    task: Task, permitted: Mapping[Question, tuple[str, ...]], now: datetime
) -> Change:
    """Answer every `policy` step that is under way; call again while `policy_questions` are left.

    Args:
        permitted: the questions that Cedar permits, with the ids of the policies.
    """
    draft = begin(task, now)
    for position, leaf in _open(draft.task, "policy", None, None):
        question = Question(position, leaf.number)
        outcome: Outcome = "approved" if question in permitted else "refused"
        reason = None if question in permitted else REFUSED_BY_POLICY
        _end(draft, position, leaf, outcome, reason, permitted.get(question, ()))
    return draft.change()


def auto_approve(task: Task, permitted: Mapping[int, tuple[str, ...]], now: datetime) -> Change:
    """Approve items without any step, because Cedar permits `access_request:auto_approve`.

    Args:
        permitted: the positions of the items, with the ids of the policies.
    """
    draft = begin(task, now)
    for position, evidence in permitted.items():
        if draft.item(position).pending:
            draft.audit("item.auto_approved", position=position, policies=list(evidence))
            draft.approve(position, automatic=True, evidence=evidence)
    return draft.change()


def external_result(
    task: Task,
    step: str,
    outcome: Outcome,
    now: datetime,
    *,
    positions: Collection[int] | None = None,
    reason: str | None = None,
) -> Change:
    """Take the answer of a third party: `approved`, `refused`, or `failed`.

    Args:
        positions: the items that it is about; None all that wait for it.
        reason: the code that the third party gives.

    Raises:
        ValueError: for an outcome that no third party can have.
    """
    if outcome not in ("approved", "refused", "failed"):
        raise ValueError(f"`{outcome}` is not an answer of a third party")
    return _answered(task, "external", step, outcome, now, positions, reason)


def interaction_done(
    task: Task, step: str, now: datetime, *, positions: Collection[int] | None = None
) -> Change:
    """The subject has done what the page of a step asked for."""
    return _answered(task, "interaction", step, "approved", now, positions, None)


def _answered(
    task: Task,
    kind: StepKind,
    step: str,
    outcome: Outcome,
    now: datetime,
    positions: Collection[int] | None,
    reason: str | None,
) -> Change:
    draft = begin(task, now)
    if not draft.task.pending:
        return draft.refused("closed", f"the request is {draft.task.status}")
    waiting = _open(draft.task, kind, step, positions)
    if not waiting:
        return draft.refused("not_open", f"the step `{step}` does not wait for an answer")
    for position, leaf in waiting:
        _end(draft, position, leaf, outcome, reason, ())
    return draft.change()


def _open(
    task: Task, kind: StepKind, step: str | None, positions: Collection[int] | None
) -> list[tuple[int, Leaf]]:
    return [
        (item.position, leaf)
        for item in task.items
        if positions is None or item.position in positions
        for leaf in item.open_leaves()
        if task.step_of(item, leaf).kind == kind and step in (None, task.step_of(item, leaf).name)
    ]


def _end(
    draft: Draft,
    position: int,
    leaf: Leaf,
    outcome: Outcome,
    reason: str | None,
    evidence: tuple[str, ...],
) -> None:
    # An answer for one step of a group may have ended the others in the meantime.
    if leaf not in draft.item(position).open_leaves():
        return
    step = draft.task.step_of(draft.item(position), leaf)
    draft.audit(
        f"step.{outcome}",
        position=position,
        step=step.name,
        kind=step.kind,
        reason=reason,
        policies=list(evidence),
    )
    draft.end_leaf(position, leaf, outcome, reason, evidence)
