"""What the pure core says must follow, written into the caller's transaction.

Audit events join the chain, timers and calls become jobs of the outbox, and those who follow the
task are told. What changes the task itself (votes, items, approvals) is for the caller to write.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pdp.background import callbacks, external_calls, publishing, timers
from pdp.background.credentials import Macs
from pdp.background.external_calls import reply_token
from pdp.background.wake import put
from pdp.core.cause import BY_TIME, Cause
from pdp.core.task_effects import (
    ApprovalGranted,
    AskInteraction,
    AuditEvent,
    Callback,
    CallExternal,
    Effect,
    TaskResolved,
    Timer,
)
from pdp.core.values import JsonObject
from pdp.store import audit, interactions, outbox
from pdp.store.engine import Session
from pdp.store.interactions import Interaction
from pdp.store.outbox import Job
from pdp.store.tasks import Task

__all__ = ["BY_TIME", "Cause", "Change", "interaction_id", "record", "reply_token", "write_effects"]


@dataclass(frozen=True, slots=True)
class Change:
    """The task that the effects are about, and how it came to them.

    Attributes:
        task: the row as this transaction leaves it, its new version included.
        queues: where it waits now.
        cause: who did it.
        now: the moment of the change.
        macs: derives the tokens by which interactions are answered.
        may_follow: whether the owner of a subscription, a caller's id, may hear of the task.
    """

    task: Task
    queues: Sequence[str]
    cause: Cause
    now: datetime
    macs: Macs
    may_follow: publishing.MayFollow = field(default=publishing.only_its_requester)


def write_effects(session: Session, effects: Sequence[Effect], change: Change) -> None:
    """Write what follows from a change of a task; call it once for each transition.

    Never call it twice for the same effects: audit events would be doubled.
    """
    _set_timer(session, effects, change)
    for effect in effects:
        write = _WRITERS.get(type(effect))
        if write is not None:
            write(session, effect, change)
    if any(isinstance(effect, TaskResolved) for effect in effects):
        interactions.end(session, change.task.id)
    publishing.publish_effects(
        session, effects, change.task, change.queues, change.now, change.may_follow
    )


def record(
    session: Session, event: str, details: JsonObject, change: Change, at: datetime | None = None
) -> None:
    """Have one more thing recorded in the audit, with the same task and cause."""
    cause = change.cause
    entry = audit.AuditEvent(
        at=at or change.now,
        event=event,
        task_id=change.task.id,
        actor_type=cause.actor_type,
        actor_id=cause.actor_id,
        actor=cause.actor,
        origin=cause.origin,
        details=details,
    )
    audit.append(session, entry)


def interaction_id(task_id: str, position: int, leaf: int) -> str:
    """The id of the wait that a step of an item began; a step begins once."""
    return f"{task_id}.{position}.{leaf}"


def _set_timer(session: Session, effects: Sequence[Effect], change: Change) -> None:
    """Leave the task with one timer, the last that is asked for; a closed task with none."""
    asked = [effect for effect in effects if isinstance(effect, Timer)]
    closed = any(isinstance(effect, TaskResolved) for effect in effects)
    if (asked or closed) and change.task.version > 1:
        outbox.cancel(session, change.task.id, change.now, [timers.TASK_TIMER])
    if asked and not closed:
        last = asked[-1]
        put(session, _job(change, timers.TASK_TIMER, {"due": last.kind}, run_at=last.at))


def _audit(session: Session, effect: AuditEvent, change: Change) -> None:
    record(session, effect.event, effect.details, change, effect.at)


def _review(session: Session, effect: ApprovalGranted, change: Change) -> None:
    if effect.review_by is not None:
        key = f"{timers.REVIEW_DUE}:{change.task.id}:{effect.position}"
        payload = {"position": effect.position}
        put(session, _job(change, timers.REVIEW_DUE, payload, key, run_at=effect.review_by))


def _callback(session: Session, effect: Callback, change: Change) -> None:
    task = change.task
    if callbacks.wants(task.callback, effect.event):
        key = f"{callbacks.KIND}:{task.id}"
        job = _job(change, callbacks.KIND, {"event": effect.event}, f"{key}:{effect.event}")
        put(session, job.model_copy(update={"ordering_key": key}))


def _call(session: Session, effect: CallExternal, change: Change) -> None:
    waiting = _wait(session, effect, change)
    url, secret = effect.external.url, effect.external.secret
    if url is not None:
        payload = {"interaction": waiting.id, "url": url, "secret": secret}
        put(session, _job(change, external_calls.KIND, payload, f"external:{waiting.id}"))


def _interaction(session: Session, effect: AskInteraction, change: Change) -> None:
    _wait(session, effect, change)


def _wait(session: Session, effect: CallExternal | AskInteraction, change: Change) -> Interaction:
    name = interaction_id(change.task.id, effect.positions[0], effect.leaf)
    waiting = Interaction(
        id=name,
        secret_hash=interactions.hash_of(reply_token(change.macs, name)),
        task_id=change.task.id,
        step=effect.leaf,
        kind="external" if isinstance(effect, CallExternal) else "interaction",
        created_at=change.now,
        expires_at=effect.until,
        data={"step": effect.step, "positions": list(effect.positions)},
    )
    interactions.add(session, waiting)
    return waiting


def _job(
    change: Change,
    kind: str,
    payload: JsonObject,
    key: str | None = None,
    run_at: datetime | None = None,
) -> Job:
    return Job(
        kind=kind,
        key=key,
        task_id=change.task.id,
        payload=payload,
        created_at=change.now,
        run_at=run_at or change.now,
    )


_WRITERS: dict[type, Callable[..., None]] = {
    AuditEvent: _audit,
    ApprovalGranted: _review,
    Callback: _callback,
    CallExternal: _call,
    AskInteraction: _interaction,
}
