"""A submission becomes a task."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from pdp.core.moment import whole_seconds
from pdp.core.task import Item, Plan, Task
from pdp.core.task_draft import Draft
from pdp.core.task_effects import Change, Notify, Refusal
from pdp.core.workflow import Step, Workflow

EMERGENCY_STEP = "emergency"


class Wanted(NamedTuple):
    """One item to be opened: its workflow, and what of `requested_access` the workflow heeds.

    Attributes:
        emergency: on the expedited path, if the workflow has one; see `emergency_fault`.
    """

    workflow: Workflow
    requested_until: datetime | None = None
    emergency: bool = False


def open_task(
    wanted: Sequence[Wanted],
    *,
    bundle: bool,
    now: datetime,
    expires_by: datetime | None = None,
) -> Change:
    """Open a task, its first steps begun.

    Answer its `policy_questions` in the same transaction.

    Args:
        wanted: the items in the order submitted.
        bundle: whether the submission had `items`.
        expires_by: when the requester wants it ended at the latest.

    Raises:
        ValueError: when nothing is wanted, or several things that are no bundle.
    """
    if not wanted or (len(wanted) > 1 and not bundle):
        raise ValueError("a task has one item, or is a bundle of several")
    plans = list(dict.fromkeys(_plan(each) for each in wanted))
    items = [
        Item(position, plans.index(_plan(each)), requested_until=each.requested_until)
        for position, each in enumerate(wanted)
    ]
    ends = [now + plan.workflow.task_ttl for plan in plans]
    task = Task(tuple(plans), tuple(items), bundle, now, _end(min(ends), expires_by, wanted, now))
    late = [item for item in items if task.deadline_of(item) <= now]
    if late:
        return Change(task, refusal=Refusal("passed", "what is requested would be over already"))
    draft = Draft(task, now)
    draft.audit("task.created", templates=[plan.workflow.name for plan in plans], items=len(items))
    for item in items:
        draft.begin_step(item.position, 0)
    for each in wanted:
        draft.add(*_told_of_emergency(each))
    return draft.change()


def emergency_fault(
    workflow: Workflow, justification: str | None, *, review_overdue: bool
) -> str | None:
    """Why a request may not take the emergency path; None when it may.

    Args:
        review_overdue: whether an earlier emergency approval still waits for its review.
    """
    path = workflow.emergency
    if path is None:
        return f"`{workflow.name}` has no emergency path"
    if not path.approvers:
        return f"nobody may approve on the emergency path of `{workflow.name}`"
    if len((justification or "").strip()) < path.justification:
        return f"an emergency needs a justification of at least {path.justification} characters"
    if review_overdue:
        return "the review of an earlier emergency approval is overdue"
    return None


def emergency_path(workflow: Workflow) -> Workflow | None:
    """The workflow of the emergency path: one step, the shortest life, exactly what was asked."""
    path = workflow.emergency
    if path is None:
        return None
    return replace(
        workflow,
        steps=(Step(EMERGENCY_STEP, queue=path.queue),),
        approval_ttl=path.ttl,
        approval_ttl_max=path.ttl,
        scope="exact",
        standing=False,
    )


def _plan(wanted: Wanted) -> Plan:
    path = emergency_path(wanted.workflow) if wanted.emergency else None
    return Plan(wanted.workflow) if path is None else Plan(path, emergency=True)


def _end(
    end: datetime, expires_by: datetime | None, wanted: Sequence[Wanted], now: datetime
) -> datetime:
    wishes = [each.requested_until for each in wanted]
    known = [wish for wish in wishes if wish is not None]
    bounds = [end, expires_by or end, max(known) if len(known) == len(wishes) else end]
    earliest = min(bounds)
    whole = whole_seconds(earliest)
    return whole if whole > now else earliest


def _told_of_emergency(wanted: Wanted) -> list[Notify]:
    path = wanted.workflow.emergency
    if not wanted.emergency or path is None:
        return []
    skipped = wanted.workflow.queues() | set(path.notify)
    return [Notify("skipped", queue=queue) for queue in sorted(skipped - {path.queue})]
