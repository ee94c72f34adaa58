"""From an order to an open request: the task, its items, and all that follows, at once.

Whatever way a request came in, it is opened here.
"""

from collections.abc import Iterator
from datetime import datetime

from pdp.access_request.approvers import nobody_named
from pdp.access_request.case import MEMBERS, Case
from pdp.access_request.desk import Desk
from pdp.access_request.order import Order, OrderItem
from pdp.access_request.policy_steps import approve_by_policy, settle_policy_steps
from pdp.access_request.transition import columns_of, grant_approvals, resolve_items
from pdp.core.binding import binding_hash
from pdp.core.cause import Cause
from pdp.core.task import Task as CoreTask
from pdp.core.task_effects import AuditEvent, Change, Effect
from pdp.core.task_json import plans_to_json
from pdp.core.task_open import Wanted, emergency_fault, open_task
from pdp.core.values import JsonObject, pointer
from pdp.errors import CONFLICT, INVALID_DENIAL_BINDING, INVALID_REQUEST, Kind, Problem
from pdp.store import denials_used, reviews, task_items, tasks
from pdp.store.engine import Session
from pdp.store.task_items import TaskItem
from pdp.store.tasks import Task, searchable

NOBODY_MAY_APPROVE = "nobody_may_approve"
"""Member of a row's `extra` and of its first audit event: steps that nobody known could pass."""
_URGENT = 10


def open_request(
    session: Session, desk: Desk, order: Order, task_id: str, *, cause: Cause, now: datetime
) -> Case:
    """Open a request in the caller's transaction.

    1. use up its denials, each of which opens one request only (ARAP, `jti`);
    2. the emergency path, where it is asked for, unless a review is overdue;
    3. begin the workflows; 4. what policy approves or decides at once; 5. keep all of it.

    Raises:
        Problem: 400 for a denial that was used or a wish that cannot be, 409 for an emergency
            path that an overdue review blocks. The transaction must then be rolled back.
    """
    _use_up(session, order, task_id, now)
    _see_to_emergencies(session, desk, order, now)
    change = _begun(order, now)
    row = _row(order, change.task, task_id, desk, now)
    items = tuple(_items(order, change.task, task_id, now))
    case = Case(row, items, change.task)
    change = approve_by_policy(desk, case, change, now)
    change = settle_policy_steps(desk, case, change, now)
    row = row.model_copy(update=columns_of(change.task))
    tasks.create(session, row, change.task.queues())
    task_items.add(session, items)
    kept = Case(row, items, change.task)
    kept = kept._replace(items=resolve_items(session, kept, change, now))
    grant_approvals(session, desk, kept, change)
    effects = [_told_whole(effect, order, change.task) for effect in change.effects]
    desk.consequences(session, effects, row, change.task.queues(), cause, now)
    return kept


def _use_up(session: Session, order: Order, task_id: str, now: datetime) -> None:
    for used in order.used:
        mark = denials_used.UsedDenial(
            kind=used.kind,
            issuer=used.issuer,
            value=used.value,
            task_id=task_id,
            used_at=now,
            expires_at=used.until,
        )
        if not denials_used.use(session, mark):
            detail = "was used for another request: evaluate again"
            errors = [{"pointer": used.at, "detail": detail}]
            raise Problem(INVALID_DENIAL_BINDING, f"`{used.at}` {detail}", errors=errors)


def _see_to_emergencies(session: Session, desk: Desk, order: Order, now: datetime) -> None:
    for position, item in enumerate(order.items):
        if not item.emergency:
            continue
        name = item.workflow.name
        subject = (str(order.subject["type"]), str(order.subject["id"]))
        overdue = bool(reviews.overdue(session, now, name, subject))
        fault = emergency_fault(item.workflow, order.justification, review_overdue=overdue)
        if fault is not None:
            kind = CONFLICT if overdue else INVALID_REQUEST
            raise _refused(order, position, "emergency", fault, kind)
        if nobody_named(order, item, desk.authorizer(), now):
            fault = "policy permits none of those who may approve an emergency"
            raise _refused(order, position, "emergency", fault)


def _begun(order: Order, now: datetime) -> Change:
    wanted = [Wanted(item.workflow, item.until, item.emergency) for item in order.items]
    change = open_task(wanted, bundle=order.bundle, now=now)
    if change.refusal is not None:
        late = next(
            (n for n, item in enumerate(order.items) if item.until and item.until <= now), 0
        )
        raise _refused(order, late, "requested_until", change.refusal.detail)
    return change


def _refused(
    order: Order, position: int, member: str, detail: str, kind: Kind = INVALID_REQUEST
) -> Problem:
    at = pointer(*(("items", position) if order.bundle else ()), "requested_access", member)
    return Problem(kind, f"`{at}`: {detail}", errors=[{"pointer": at, "detail": detail}])


def _row(order: Order, task: CoreTask, task_id: str, desk: Desk, now: datetime) -> Task:
    first, single = order.items[0], None if order.bundle else order.items[0]
    urgent = any(item.emergency for item in order.items)
    untils = [item.until for item in order.items if item.until is not None]
    return Task(
        id=task_id,
        template=first.workflow.name,
        transport=order.transport,
        subject_type=str(order.subject["type"]),
        subject_id=str(order.subject["id"]),
        resource_type=single and str(single.resource["type"]),
        resource_id=single and str(single.resource["id"]),
        action_name=single and str(single.action["name"]),
        requester=order.requester,
        client_id=order.client_id,
        evaluation_id=order.evaluation_id or (single and single.evaluation_id),
        policy_version=order.policy_version,
        workflow_version=first.workflow.version,
        binding_hash=order.binding_hash or _hash_of(order, first),
        justification=order.justification,
        requested_until=max(untils, default=None),
        emergency=urgent,
        priority=_URGENT if urgent else 0,
        item_count=len(order.items) if order.bundle else 0,
        created_at=now,
        updated_at=now,
        expires_at=task.expires_at,
        search_text=_words(order),
        subject=order.subject,
        resource=single and single.resource,
        action=single and single.action,
        context=order.context,
        binding_members=list(order.members or first.members),
        denial=order.denial or (single and single.denial),
        requested_access=order.wishes,
        actor=order.actor,
        callback=order.callback,
        workflow=plans_to_json(task.plans),
        extra=_extra(order, task),
        **columns_of(task),
    )


def _items(order: Order, task: CoreTask, task_id: str, now: datetime) -> Iterator[TaskItem]:
    if not order.bundle:
        return
    for position, item in enumerate(order.items):
        yield TaskItem(
            task_id=task_id,
            position=position,
            status=task.items[position].status,
            template=item.workflow.name,
            resource_type=str(item.resource["type"]),
            resource_id=str(item.resource["id"]),
            action_name=str(item.action["name"]),
            evaluation_id=item.evaluation_id,
            binding_hash=_hash_of(order, item),
            updated_at=now,
            resource=item.resource,
            action=item.action,
            denial={**(item.denial or {}), MEMBERS: list(item.members)},
            requested_access=item.wishes,
        )


def _extra(order: Order, task: CoreTask) -> JsonObject | None:
    lacking = _lacking(order, task)
    found: JsonObject = {"client": order.client} if order.client else {}
    return (found | ({NOBODY_MAY_APPROVE: lacking} if lacking else {})) or None


def _lacking(order: Order, task: CoreTask) -> list[JsonObject]:
    """The steps of what is still pending that nobody known could approve."""
    return [
        {"position": position, "step": step}
        for position, step in order.unapprovable
        if task.items[position].pending
    ]


def _hash_of(order: Order, item: OrderItem) -> str:
    return binding_hash(order.subject, item.resource, item.action, order.context, item.members)


def _words(order: Order) -> str:
    words = [str(order.subject["id"]), order.justification]
    for item in order.items:
        words += [str(item.resource["id"]), str(item.action["name"]), item.workflow.name]
    return searchable(*words)


def _told_whole(effect: Effect, order: Order, task: CoreTask) -> Effect:
    """The audit of the beginning says all that the request is bound to (ARAP, Audit)."""
    if not isinstance(effect, AuditEvent) or effect.event != "task.created":
        return effect
    asked: JsonObject = {
        "subject": order.subject,
        "items": [
            {"resource": item.resource, "action": item.action, "denial": item.denial}
            for item in order.items
        ],
        "context": order.context,
        "denial": order.denial,
        "requester": order.requester,
        "client_id": order.client_id,
        "client": order.client or None,
        "justification": order.justification,
        "transport": order.transport,
        "emergency": any(item.emergency for item in order.items) or None,
    }
    if not order.bundle:
        asked |= asked.pop("items")[0]
    if lacking := _lacking(order, task):
        asked[NOBODY_MAY_APPROVE] = lacking
    told = {name: value for name, value in asked.items() if value is not None}
    return effect._replace(details=effect.details | told)
