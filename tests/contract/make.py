"""Small records for the tests, and threads that race."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pdp.store.approvals import Approval, hash_of
from pdp.store.audit import AuditEvent
from pdp.store.outbox import Job
from pdp.store.records import Cursor, Page
from pdp.store.tasks import Task, searchable

T = TypeVar("T")
NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def task(name: str = "arq_1", **changes: Any) -> Task:
    """A pending task."""
    values: dict[str, Any] = {
        "id": name, "status": "pending", "template": "manager_approval", "transport": "arap",
        "subject_type": "user", "subject_id": "alice", "resource_type": "document",
        "resource_id": "plan", "action_name": "read", "requester": "pep-1",
        "created_at": NOW, "updated_at": NOW, "expires_at": NOW + 3 * DAY,
        "search_text": searchable("Alice", "plan"), "subject": {"type": "user", "id": "alice"},
        "context": {}, "binding_members": [], "workflow": {"steps": []}, "state": {},
    }  # fmt: skip
    return Task(**(values | changes))


def approval(ref: str = "ref-1", secret: str = "apr_1", **changes: Any) -> Approval:
    """An approval for an hour, its secret id `secret`."""
    values: dict[str, Any] = {
        "ref": ref, "id_hash": hash_of(secret), "task_id": "arq_1", "template": "manager_approval",
        "transport": "arap", "subject_type": "user", "subject_id": "alice",
        "resource_type": "document", "resource_id": "plan", "action_name": "read",
        "scope": "exact", "requester": "pep-1", "approved_at": NOW,
        "approved_until": NOW + 60 * MINUTE, "binding_hash": "hash", "binding_members": [],
        "subject": {}, "resource": {}, "action": {}, "context": {},
        "approvers": [{"type": "user", "id": "bob"}],
    }  # fmt: skip
    return Approval(**(values | changes))


def job(key: str | None = None, **changes: Any) -> Job:
    """A job that is due."""
    values: dict[str, Any] = {
        "kind": "mail", "key": key, "payload": {"key": key}, "created_at": NOW, "run_at": NOW,
    }  # fmt: skip
    return Job(**(values | changes))


def audit_event(event: str = "task.submitted", **changes: Any) -> AuditEvent:
    """An event by Bob."""
    values: dict[str, Any] = {
        "at": NOW, "event": event, "task_id": "arq_1", "actor_type": "user", "actor_id": "bob",
        "details": {"why": "because"},
    }  # fmt: skip
    return AuditEvent(**(values | changes))


def race(work: Callable[[int], T], threads: int) -> list[T]:
    """Run `work` in many threads that start together; gives what they returned."""
    start = threading.Barrier(threads)
    results: list[T] = []
    faults: list[BaseException] = []

    def run(number: int) -> None:
        start.wait()
        try:
            results.append(work(number))
        except BaseException as fault:  # noqa: BLE001 - told to the test below
            faults.append(fault)

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if faults:
        raise faults[0]
    return results


def all_pages(page_at: Callable[[Cursor | None], Page[T]]) -> list[T]:
    """Every item of a list, page after page."""
    items: list[T] = []
    cursor: Cursor | None = None
    while True:
        page = page_at(cursor)
        items += page.items
        cursor = page.next
        if cursor is None:
            return items
