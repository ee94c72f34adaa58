"""A task as it goes over the wire: the Task Handle and the completion result (ARAP)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pdp.core.language import chosen
from pdp.core.moment import format_moment
from pdp.core.task import Item, Task
from pdp.core.values import JsonObject

SHORTEST_POLL = 5
LONGEST_POLL = 60


class Links(NamedTuple):
    """Absolute URLs of a task; None where there is none, or none for this viewer."""

    status: str
    cancel: str | None = None
    ticket: str | None = None
    review: str | None = None


class Viewer(NamedTuple):
    """What the caller may see besides the status; each is a right of its own.

    Attributes:
        result: the enforceable result.
        cancel: that the task can be cancelled.
        awaiting: who is expected to act.
        review: where approvers act.
        properties: more of a resource and action than type, id and name.
    """

    result: bool = True
    cancel: bool = True
    awaiting: bool = False
    review: bool = False
    properties: bool = True


class ApprovalResult(NamedTuple):
    """The approval of an item as its requester gets it; `state` is the signed form."""

    id: str
    approved_at: datetime
    approved_until: datetime
    state: str | None = None


def task_handle(
    task: Task,
    task_id: str,
    links: Links,
    viewer: Viewer,
    *,
    asked: Sequence[JsonObject] = (),
    results: Mapping[int, ApprovalResult] | None = None,
    awaiting: Sequence[str] = (),
    languages: Sequence[str] = (),
) -> JsonObject:
    """The response body: `task`, and `result` where a single request was approved.

    Args:
        asked: of a bundle, each item's `resource` and `action` as submitted.
        results: the approvals of the approved items, by position.
        awaiting: identifiers of those expected to act; shown only to who may see them.
        languages: what the viewer reads, best first.
    """
    found = results or {}
    shown: JsonObject = {
        "id": task_id,
        "status": task.status,
        "status_endpoint": links.status,
        "progress": _progress(task, awaiting if viewer.awaiting else ()),
        "expires_at": format_moment(task.expires_at),
        "display": _display(task, languages) or None,
        "links": _links(task, links, viewer) or None,
    }
    body: JsonObject = {"task": {name: each for name, each in shown.items() if each is not None}}
    if task.bundle:
        body["task"]["items"] = [
            _item(item, asked[item.position], found.get(item.position), viewer)
            for item in task.items
        ]
    elif task.status == "approved" and viewer.result and 0 in found:
        body["result"] = _result(found[0])
    return body


def poll_after(task: Task, now: datetime) -> int | None:
    """Seconds after which a poll is worth while: a tenth of the task's age; None once closed."""
    if not task.pending:
        return None
    age = int((now - task.created_at).total_seconds())
    left = int((task.expires_at - now).total_seconds()) + 1
    return max(1, min(left, LONGEST_POLL, max(SHORTEST_POLL, age // 10)))


def _progress(task: Task, awaiting: Sequence[str]) -> JsonObject | None:
    current = _behind(task)
    if current is None:
        return None
    steps = task.plan_of(current).workflow.steps
    progress: JsonObject = {
        "current_step": current.step + 1,
        "total_steps": len(steps),
        "step_name": steps[current.step].name,
    }
    return progress | {"awaiting": list(awaiting)} if awaiting else progress


def _behind(task: Task) -> Item | None:
    """The pending item that has come least far."""
    pending = [item for item in task.items if item.pending]
    return min(pending, key=lambda item: item.step, default=None)


def _display(task: Task, languages: Sequence[str]) -> JsonObject:
    current = _behind(task) or task.items[0]
    workflow = task.plan_of(current).workflow
    step = workflow.steps[current.step]
    texts = {
        "title": chosen(workflow.title, languages),
        "description": chosen(step.title, languages) if current.pending else None,
    }
    return {name: text for name, text in texts.items() if text}


def _links(task: Task, links: Links, viewer: Viewer) -> JsonObject:
    shown = {
        "cancel": links.cancel if viewer.cancel and task.pending else None,
        "ticket": links.ticket,
        "review": links.review if viewer.review else None,
    }
    return {name: url for name, url in shown.items() if url}


def _item(
    item: Item, asked: JsonObject, result: ApprovalResult | None, viewer: Viewer
) -> JsonObject:
    shown: JsonObject = {
        "resource": _seen(asked["resource"], viewer),
        "action": _seen(asked["action"], viewer),
        "status": item.status,
    }
    if item.status == "approved" and result is not None and viewer.result:
        shown["result"] = _result(result)
    return shown


def _seen(entity: Any, viewer: Viewer) -> Any:
    if viewer.properties or not isinstance(entity, dict):
        return entity
    return {name: entity[name] for name in ("type", "id", "name") if name in entity}


def _result(result: ApprovalResult) -> JsonObject:
    approval: JsonObject = {
        "id": result.id,
        "approved_at": format_moment(result.approved_at),
        "approved_until": format_moment(result.approved_until),
    }
    if result.state is not None:
        approval["state"] = result.state
    return {"mode": "reevaluate", "approval": approval}
