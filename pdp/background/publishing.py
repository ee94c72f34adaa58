"""Telling those who follow tasks: an event for the event log, and a webhook for each subscription.

The kinds of events are `created`, `step`, what the task ended as (`approved`, `denied`, `expired`,
`cancelled`, `failed`, `partial`), `revoked`, and for approvers `reminder`, `escalated`, `assigned`
and `emergency`. They say which task and what happened, never what was written in it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from pdp.background.wake import put
from pdp.core.moment import format_moment
from pdp.core.task_effects import (
    AskInteraction,
    AskPolicy,
    AuditEvent,
    CallExternal,
    Effect,
    Notify,
    StepEnded,
    TaskResolved,
)
from pdp.core.values import JsonObject
from pdp.store import events, subscriptions
from pdp.store.engine import Session
from pdp.store.events import NewEvent
from pdp.store.outbox import Job
from pdp.store.subscriptions import Subscription
from pdp.store.tasks import Task

WEBHOOK = "webhook"
MayFollow = Callable[[str, Task], bool]
_TOLD_AS_THEMSELVES = ("reminder", "escalated", "assigned", "emergency")


def only_its_requester(owner: str, task: Task) -> bool:
    """The rule for whom nothing more is known: a caller follows the tasks it submitted."""
    return owner == task.requester


def publish_effects(
    session: Session,
    effects: Sequence[Effect],
    task: Task,
    queues: Sequence[str],
    now: datetime,
    may_follow: MayFollow = only_its_requester,
) -> None:
    """Publish each kind of event that the effects of one transition amount to, once."""
    published: dict[str, JsonObject] = {}
    for effect in effects:
        kind, data = _told_by(effect)
        if kind is not None:
            published[kind] = data | published.get(kind, {})
    for kind, data in published.items():
        publish(session, kind, task, queues, now, data, may_follow)


def publish(
    session: Session,
    kind: str,
    task: Task,
    queues: Sequence[str],
    now: datetime,
    data: JsonObject | None = None,
    may_follow: MayFollow = only_its_requester,
) -> None:
    """Put one event into the log, and a webhook job for each subscription that asks for it."""
    event = NewEvent(
        at=now,
        kind=kind,
        task_id=task.id,
        task_version=task.version,
        requester=task.requester,
        client_id=task.client_id,
        queues=list(queues),
        data={"task": summary(task), **(data or {})},
    )
    events.append(session, event)
    for subscription in subscriptions.enabled(session):
        if asks_for(subscription, kind, queues) and may_follow(subscription.owner, task):
            put(session, _webhook(subscription, event))


def asks_for(subscription: Subscription, kind: str, queues: Sequence[str]) -> bool:
    """Whether a subscription names this kind of event and one of these queues."""
    if kind not in subscription.events and "*" not in subscription.events:
        return False
    return subscription.queues is None or not set(subscription.queues).isdisjoint(queues)


def summary(task: Task) -> JsonObject:
    """A task as those who follow it are told of it."""
    told: JsonObject = {
        "id": task.id,
        "status": task.status,
        "template": task.template,
        "subject": {"type": task.subject_type, "id": task.subject_id},
    }
    if task.resource_type is not None:
        told["resource"] = {"type": task.resource_type, "id": task.resource_id}
    if task.action_name is not None:
        told["action"] = {"name": task.action_name}
    if task.item_count:
        told["items"] = task.item_count
    return told


def _told_by(effect: Effect) -> tuple[str | None, JsonObject]:
    match effect:
        case AuditEvent(event="task.created"):
            return "created", {}
        case TaskResolved():
            return effect.status, {}
        case StepEnded():
            return "step", {"ended": effect.step, "outcome": effect.outcome}
        case AskPolicy() | CallExternal() | AskInteraction():
            return "step", {"step": effect.step}
        case Notify(kind="approval_needed"):
            return "step", {"step": effect.step}
        case Notify() if effect.kind in _TOLD_AS_THEMSELVES:
            return effect.kind, {"step": effect.step} if effect.step else {}
    return None, {}


def _webhook(subscription: Subscription, event: NewEvent) -> Job:
    body = {"type": event.kind, "timestamp": format_moment(event.at), "data": event.data}
    about = f"{subscription.id}:{event.task_id}"
    return Job(
        kind=WEBHOOK,
        key=f"{WEBHOOK}:{about}:{event.task_version}:{event.kind}",
        ordering_key=f"{WEBHOOK}:{about}",
        task_id=event.task_id,
        payload={"subscription": subscription.id, "body": body},
        created_at=event.at,
        run_at=event.at,
    )
