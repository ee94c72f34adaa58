"""What time does to a task. Every event is preceded by it, so a late timer changes nothing."""

from datetime import datetime

from pdp.core.task import Leaf, Task
from pdp.core.task_draft import Draft
from pdp.core.task_due import Due, next_due
from pdp.core.task_effects import Change, Notify


def tick(task: Task, now: datetime) -> Change:
    """Let time pass until `now`: reminders, escalations, time-outs, expiry, each at its moment.

    A time-out escalates or denies; there is none that approves.
    """
    return begin(task, now).change()


def begin(task: Task, now: datetime) -> Draft:
    """A draft of the task in which time has passed until `now`."""
    draft = Draft(task, now)
    due = next_due(task)
    while due is not None and due.at <= now:
        draft.at = due.at
        _happen(draft, due)
        due = next_due(draft.task)
    draft.at = now
    return draft


def next_wake(task: Task) -> datetime | None:
    """When `tick` will next change the task; None when it never will."""
    due = next_due(task)
    return None if due is None else due.at


def escalate_leaf(draft: Draft, position: int, leaf: Leaf, queue: str) -> None:
    """Add a queue to a step of an item."""
    step = draft.task.step_of(draft.item(position), leaf)
    draft.put_leaf(position, leaf._replace(escalated_to=queue))
    draft.audit("step.escalated", position=position, step=step.name, queue=queue)
    draft.add(Notify("escalated", queue=queue, step=step.name))


def remind_leaf(draft: Draft, position: int, leaf: Leaf) -> None:
    """Remind everybody who may decide a step."""
    step = draft.task.step_of(draft.item(position), leaf)
    draft.put_leaf(position, leaf._replace(reminded=leaf.reminded + 1))
    draft.audit("step.reminded", position=position, step=step.name)
    for queue in (step.queue, leaf.escalated_to):
        if queue:
            draft.add(Notify("reminder", queue=queue, step=step.name))


def _happen(draft: Draft, due: Due) -> None:
    item = draft.item(due.position)
    if due.kind == "expire":
        draft.resolve(due.position, "expired")
        return
    leaf = next(leaf for leaf in item.leaves if leaf.number == due.leaf)
    step = draft.task.step_of(item, leaf)
    if due.kind == "deny":
        draft.audit("step.timed_out", position=due.position, step=step.name)
        draft.end_leaf(due.position, leaf, "refused", "timed_out")
    elif due.kind == "escalate":
        escalate_leaf(draft, due.position, leaf, step.escalate_to or step.queue)
    else:
        remind_leaf(draft, due.position, leaf)
