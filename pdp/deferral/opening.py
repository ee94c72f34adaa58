"""Opening a request for what a client was denied, whichever way it asked."""

import dataclasses
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pdp.access_request.case import MEMBERS, Case
from pdp.access_request.opening import open_request
from pdp.access_request.order import Order, OrderItem
from pdp.core.deferral import Skin
from pdp.core.evaluation_id import RANDOM_BYTES, new_evaluation_id
from pdp.core.jcs import NotCanonical
from pdp.core.moment import parse_moment
from pdp.core.values import JsonObject
from pdp.core.workflow import Step, Workflow
from pdp.deferral.handles import Given, Terms, give
from pdp.deferral.parts import Asker, Parts
from pdp.deferral.unit import Part, Unit, context_of, members_of, offered, refusal
from pdp.deferral.wire import Asked, Contact
from pdp.errors import OAuthFault, Problem
from pdp.store.engine import Session

_JUSTIFICATIONS = ("binding_message", "justification", "business_justification", "business_reason")


class Opened(NamedTuple):
    """A request that was opened; `given` is None when it was settled at once."""

    case: Case
    given: Given | None


class Wish(NamedTuple):
    """What the client wants of the waiting.

    Attributes:
        seconds: the longest that the handle may live.
    """

    contact: Contact = Contact()
    seconds: int | None = None
    challenge: str | None = None


def order_of(
    parts: Parts, asked: Asked, unit: Unit, asker: Asker, skin: Skin, wish: Wish, now: datetime
) -> Order:
    """The order for the denied parts of a unit, each of which an approval must be able to lift.

    Raises:
        OAuthFault: an approval would not help; of the refused parts the first is named.
    """
    authorizer, caller = unit.authorizer, asker.caller
    kind = authorizer.mapping.entity_type(str((asked.subject or {})["type"]))
    if not caller.may_act_for((kind, str((asked.subject or {})["id"]))):
        raise OAuthFault("unauthorized_client", "not for that subject", status=403)
    workflows: list[tuple[Part, Workflow]] = []
    for part in unit.denied:
        workflow = offered(part, caller, authorizer, now)
        if workflow is None:
            raise refusal(part)
        workflows.append((part, _no_longer(workflow, wish.seconds)))
    items = tuple(_item(part, workflow, now) for part, workflow in workflows)
    context = context_of(asked)
    order = Order(
        caller.id,
        asked.client.id,
        asked.subject or {},
        context,
        items,
        bundle=len(items) > 1,
        transport=skin,
        justification=_justification(context),
        client=asked.client.json,
        evaluation_id=items[0].evaluation_id,
        policy_version=authorizer.version,
    )
    return order._replace(unapprovable=parts.desk.approvers.missing(order, authorizer, now))


def open_and_give(
    session: Session,
    parts: Parts,
    order: Order,
    asked: Asked,
    asker: Asker,
    wish: Wish,
    now: datetime,
) -> Opened:
    """Open the request and give out its handle, in the caller's transaction.

    Raises:
        OAuthFault: the request cannot be opened.
    """
    desk, skin = parts.desk, _skin(order)
    try:
        case = open_request(session, desk, order, desk.new_id("arq_"), cause=asker.cause, now=now)
    except (Problem, NotCanonical) as fault:
        raise OAuthFault("invalid_request", str(fault)) from None
    if not case.task.pending:
        return Opened(case, None)
    terms = Terms(skin, case.row.expires_at, wish.challenge)
    owner = asker.caller.id
    given = give(session, parts.keys, asked, owner, case.row.id, terms, wish.contact, now)
    details: JsonObject = {"deferral": given.deferral.ref, "skin": skin}
    desk.record(session, "deferral.given", details, case.row, asker.cause, now)
    return Opened(case, given)


def _item(part: Part, workflow: Workflow, now: datetime) -> OrderItem:
    members = members_of(part)
    until = part.evaluation.context.get("requested_until")
    try:
        moment = parse_moment(until) if isinstance(until, str) else None
    except ValueError:
        raise OAuthFault("invalid_request", "`requested_until` is no moment") from None
    return OrderItem(
        part.wanted.resource,
        part.wanted.action,
        workflow,
        members,
        str(new_evaluation_id(now, secrets.token_bytes(RANDOM_BYTES))),
        {MEMBERS: list(members)},
        until=moment,
    )


def _no_longer(workflow: Workflow, seconds: int | None) -> Workflow:
    if seconds is None or timedelta(seconds=seconds) >= workflow.task_ttl:
        return workflow
    ttl = timedelta(seconds=seconds)
    steps = tuple(_within(step, ttl) for step in workflow.steps)
    return dataclasses.replace(workflow, task_ttl=ttl, steps=steps)


def _within(step: Step, ttl: timedelta) -> Step:
    """A step without what could only happen after the end of its request."""
    changes: dict[str, Any] = {
        name: None
        for name in ("remind_after", "escalate_after", "timeout")
        if (getattr(step, name) or timedelta()) >= ttl
    }
    if "escalate_after" in changes:
        changes |= {"escalate_to": None, "on_timeout": "deny"}
    for name in ("any_of", "all_of"):
        changes[name] = tuple(_within(part, ttl) for part in getattr(step, name))
    return dataclasses.replace(step, **changes)


def _justification(context: JsonObject) -> str | None:
    found: Sequence[object] = [context.get(name) for name in _JUSTIFICATIONS]
    return next((each for each in found if isinstance(each, str) and each.strip()), None)


def _skin(order: Order) -> Skin:
    skins: dict[str, Skin] = {"dtr": "dtr", "ciba": "ciba", "txn": "txn"}
    return skins[order.transport]
