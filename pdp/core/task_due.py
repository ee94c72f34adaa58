"""When time changes a task by itself."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, NamedTuple

from pdp.core.task import Item, Leaf, Task
from pdp.core.workflow import Step

DueKind = Literal["expire", "deny", "escalate", "remind"]

# What ends comes before what only tells, should both fall on one moment.
_RANK: dict[DueKind, int] = {"expire": 0, "deny": 1, "escalate": 2, "remind": 3}


class Due(NamedTuple):
    """Something that happens at a moment, unless something else comes first."""

    at: datetime
    rank: int
    position: int
    leaf: int
    kind: DueKind


def next_due(task: Task) -> Due | None:
    """The next thing that time does; None when nothing is left to happen."""
    return min(_every_due(task), default=None)


def _every_due(task: Task) -> Iterator[Due]:
    for item in task.items:
        if not item.pending:
            continue
        yield _due(task.deadline_of(item), "expire", item)
        for leaf in item.open_leaves():
            step = task.step_of(item, leaf)
            if step.timeout is not None and step.on_timeout == "deny":
                yield _due(leaf.since + step.timeout, "deny", item, leaf)
            escalation = _escalation(step, leaf)
            if escalation is not None:
                yield _due(escalation, "escalate", item, leaf)
            reminder = _reminder(step, leaf)
            if reminder is not None:
                yield _due(reminder, "remind", item, leaf)


def _escalation(step: Step, leaf: Leaf) -> datetime | None:
    if step.escalate_to is None or leaf.escalated_to is not None:
        return None
    waits = [
        step.escalate_after,
        step.timeout if step.on_timeout == "escalate" else None,
    ]
    given = [wait for wait in waits if wait is not None]
    return leaf.since + min(given) if given else None


def _reminder(step: Step, leaf: Leaf) -> datetime | None:
    if step.remind_after is None or leaf.reminded >= step.remind_times:
        return None
    # The wait doubles: after 1, 3, 7, ... times the first one.
    times: int = 2 ** (leaf.reminded + 1) - 1
    return leaf.since + step.remind_after * times


def _due(at: datetime, kind: DueKind, item: Item, leaf: Leaf | None = None) -> Due:
    return Due(at, _RANK[kind], item.position, -1 if leaf is None else leaf.number, kind)
