"""A task as it is kept, and as the pure core sees it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pdp.core.task import Task as CoreTask
from pdp.core.task_json import from_json, plans_from_json
from pdp.core.values import JsonObject
from pdp.store import task_items, tasks
from pdp.store.engine import Session
from pdp.store.task_items import TaskItem
from pdp.store.tasks import Task

MEMBERS = "binding_context_members"
"""Member of an item's `denial`: the context members that its own denial binds."""

_MOST_READ = 4096
_READ: dict[tuple[str, int, datetime], CoreTask] = {}


class Case(NamedTuple):
    """One request.

    Attributes:
        row: as it is kept.
        items: of a bundle, each item as it is kept; none otherwise.
        task: for the functions of `pdp.core.task_*`.
    """

    row: Task
    items: tuple[TaskItem, ...]
    task: CoreTask

    def resource(self, position: int) -> JsonObject:
        """The resource of an item, as submitted."""
        return self.items[position].resource if self.items else self.row.resource or {}

    def action(self, position: int) -> JsonObject:
        """The action of an item, as submitted."""
        return self.items[position].action if self.items else self.row.action or {}

    def members(self, position: int) -> Sequence[str]:
        """The context members that the denial of an item binds."""
        own = (self.items[position].denial or {}).get(MEMBERS) if self.items else None
        return self.row.binding_members if own is None else own

    def wishes(self, position: int) -> JsonObject:
        """The `requested_access` of an item."""
        own = self.items[position].requested_access if self.items else None
        return own or self.row.requested_access or {}


def load_case(session: Session, task_id: str) -> Case | None:
    """Read a request; None when there is no such task."""
    row = tasks.get(session, task_id)
    return None if row is None else case_of(session, row)


def case_of(session: Session, row: Task) -> Case:
    """The request of a row that was read."""
    items = task_items.of_task(session, row.id) if row.item_count else []
    return Case(row, tuple(items), _task_of(row))


def _task_of(row: Task) -> CoreTask:
    """The task of a row, which its id, version and moment of change name for good."""
    key = (row.id, row.version, row.updated_at)
    found = _READ.get(key)
    if found is None:
        found = from_json(row.state, plans_from_json(row.workflow))
        if len(_READ) >= _MOST_READ:
            _READ.clear()
        _READ[key] = found
    return found
