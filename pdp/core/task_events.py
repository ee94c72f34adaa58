"""What people and operators do with a request besides voting on it."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from pdp.core.task import Status, Task
from pdp.core.task_clock import begin, escalate_leaf, remind_leaf
from pdp.core.task_draft import Draft
from pdp.core.task_effects import Change, Notify
from pdp.core.values import EntityUid


def cancel(
    task: Task, now: datetime, *, reason: str | None = None, comment: str | None = None
) -> Change:
    """End every pending item as `cancelled`; refused when none is."""
    return _end_all(task, "cancelled", now, None, reason, comment)


def deny(
    task: Task,
    now: datetime,
    *,
    reason: str | None = None,
    positions: Collection[int] | None = None,
) -> Change:
    """Deny pending items without a vote, because nothing could still make them allowed."""
    return _end_all(task, "denied", now, positions, reason, None)


def fail(
    task: Task,
    now: datetime,
    *,
    reason: str | None = None,
    positions: Collection[int] | None = None,
) -> Change:
    """End pending items as `failed`, because of an error on our side."""
    return _end_all(task, "failed", now, positions, reason, None)


def expire(task: Task, now: datetime) -> Change:
    """End every pending item as `expired` now, although its time is not over."""
    return _end_all(task, "expired", now, None, None, None)


def escalate(task: Task, step: str, queue: str, now: datetime) -> Change:
    """Add a queue to a step by hand; its people may then decide, as far as Cedar lets them."""
    draft = begin(task, now)
    found = False
    for item in draft.task.items:
        for leaf in list(item.open_leaves()):
            each = draft.task.step_of(item, leaf)
            if each.name == step and each.kind != "policy" and leaf.escalated_to != queue:
                escalate_leaf(draft, item.position, leaf, queue)
                found = True
    return draft.change() if found else _nothing_open(draft, step)


def remind(task: Task, now: datetime) -> Change:
    """Remind by hand whoever may decide what is under way; counts as one of the reminders."""
    draft = begin(task, now)
    if not draft.task.pending:
        return draft.refused("closed", f"the request is {draft.task.status}")
    for item in draft.task.items:
        for leaf in list(item.open_leaves()):
            remind_leaf(draft, item.position, leaf)
    return draft.change()


def claim(task: Task, person: EntityUid, now: datetime, *, eligible: bool) -> Change:
    """Have a person take the request on, for others to see; it binds nobody."""
    draft = begin(task, now)
    if not draft.task.pending:
        return draft.refused("closed", f"the request is {draft.task.status}")
    if not eligible:
        return draft.refused("not_eligible", "this person may not decide this")
    if draft.task.claimed_by not in (None, person):
        return draft.refused("claimed", "somebody else has claimed it")
    if draft.task.claimed_by is None:
        _hold(draft, person)
        draft.audit("task.claimed", person=_shown(person))
    return draft.change()


def release(task: Task, person: EntityUid | None, now: datetime) -> Change:
    """Let go of a claimed request; `person` None lets go of anybody's claim."""
    draft = begin(task, now)
    holder = draft.task.claimed_by
    if holder is None:
        return draft.change()
    if person not in (None, holder):
        return draft.refused("claimed", "somebody else has claimed it")
    draft.task = replace(draft.task, claimed_by=None, claimed_at=None)
    draft.audit("task.released", person=_shown(holder))
    return draft.change()


def reassign(task: Task, to: EntityUid, now: datetime, *, eligible: bool) -> Change:
    """Give the request to another person, whoever holds it; `eligible` is about that person."""
    draft = begin(task, now)
    if not draft.task.pending:
        return draft.refused("closed", f"the request is {draft.task.status}")
    if not eligible:
        return draft.refused("not_eligible", "that person may not decide this")
    before = draft.task.claimed_by
    if before != to:
        _hold(draft, to)
        draft.audit("task.reassigned", person=_shown(to), before=_shown(before))
        draft.add(Notify("assigned", person=to))
    return draft.change()


def _end_all(
    task: Task,
    status: Status,
    now: datetime,
    positions: Collection[int] | None,
    reason: str | None,
    comment: str | None,
) -> Change:
    draft = begin(task, now)
    pending = [
        item.position
        for item in draft.task.items
        if item.pending and (positions is None or item.position in positions)
    ]
    if not pending:
        return draft.refused("closed", f"the request is {draft.task.status}")
    if comment:
        draft.closing["comment"] = comment
    for position in pending:
        draft.resolve(position, status, reason)
    return draft.change()


def _hold(draft: Draft, person: EntityUid) -> None:
    draft.task = replace(draft.task, claimed_by=person, claimed_at=draft.at)


def _nothing_open(draft: Draft, step: str) -> Change:
    if not draft.task.pending:
        return draft.refused("closed", f"the request is {draft.task.status}")
    return draft.refused("not_open", f"the step `{step}` is not under way")


def _shown(person: EntityUid | None) -> dict[str, str] | None:
    return None if person is None else {"type": person[0], "id": person[1]}
