"""A submission, from its body to an open request (ARAP, Access Request Submission).

Three parts, so that a database waits for nobody: what was answered before, what can be checked
without it, and the one transaction that keeps everything.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from pdp.access_request.actors import require_actor
from pdp.access_request.callback import callback_of
from pdp.access_request.case import Case, load_case
from pdp.access_request.catalog_check import check_catalogs
from pdp.access_request.denials import Proven, prove_denials
from pdp.access_request.desk import Desk
from pdp.access_request.forms import check_form, form_of
from pdp.access_request.idempotent import Key
from pdp.access_request.opening import open_request
from pdp.access_request.order import Order, OrderItem
from pdp.access_request.submission import AskedItem, Submission, wishes_of
from pdp.core.authzen import evaluation_from
from pdp.core.binding import bulk_binding_hash
from pdp.core.cause import Cause
from pdp.core.values import JsonObject, pointer
from pdp.core.workflow import Workflow
from pdp.errors import FORBIDDEN, INVALID_REQUEST, NOT_REQUESTABLE, Problem
from pdp.policy.authorizer import Authorizer
from pdp.policy.offered import offered
from pdp.store import idempotency
from pdp.store.engine import Session
from pdp.trust.callers import Caller

_JUSTIFICATIONS = ("justification", "business_justification", "business_reason")


class Look(NamedTuple):
    """Who looks at which policies, and when."""

    authorizer: Authorizer
    caller: Caller
    now: datetime


class Receipt(NamedTuple):
    """A request that is open, and the status that says so: 201 when it was settled at once."""

    case: Case
    status: int


def check_submission(desk: Desk, submission: Submission, caller: Caller, now: datetime) -> Order:
    """Check all of a submission that no transaction is needed for.

    1. every denial is one of ours or of a trusted PDP, for exactly this, and fresh (ARAP, Denial
       Binding and Binding Token Integrity);
    2. its template is still offered; 3. the wishes, the form and what was chosen from catalogs
    (ARAP, Machine-Readable Forms, Catalog References);
    4. the chain of actors is proven (ARAP, Delegation); 5. the callback is registered;
    6. whether anybody could approve it, which is noted and refuses nothing.

    Raises:
        Problem: naming the place of the fault; nothing was changed.
        InvalidRequest: likewise, for a shape.
    """
    authorizer = desk.authorizer()
    proven = prove_denials(desk, submission, caller.id, now)
    items = tuple(_items(submission, proven, Look(authorizer, caller, now)))
    _require_forms(submission, items, authorizer, caller.facts, now)
    actor = require_actor(submission.client, caller)
    callback = callback_of(submission, caller, [item.workflow for item in items])
    whole = proven.get("/denial") if submission.bundle else None
    order = Order(
        caller.id,
        caller.client_id,
        submission.subject,
        submission.context,
        items,
        submission.bundle,
        justification=justification_of(submission),
        wishes=submission.requested_access,
        actor=actor,
        client=submission.client,
        callback=callback,
        used=tuple(mark for each in proven.values() for mark in each.marks()),
        members=whole.accepted.members if whole else (),
        evaluation_id=whole.accepted.evaluation_id if whole else None,
        denial=whole.kept() if whole else None,
        binding_hash=_whole_hash(submission, whole),
        policy_version=authorizer.version,
    )
    return order._replace(unapprovable=desk.approvers.missing(order, authorizer, now))


def place_order(
    session: Session, desk: Desk, order: Order, key: Key | None, *, cause: Cause, now: datetime
) -> Receipt:
    """Open the request in the caller's transaction, or find what the same key opened before.

    Raises:
        Problem: 409 when the key came with something else, and as `open_request` does.
    """
    if key is not None:
        kept = key.begin(session, now)
        if kept is not None:
            return _found(session, kept)
    task_id = desk.new_id("arq_")
    case = open_request(session, desk, order, task_id, cause=cause, now=now)
    receipt = Receipt(case, 202 if case.task.pending else 201)
    if key is not None:
        key.finish(session, case.row, receipt.status)
    return receipt


def recognised(session: Session, key: Key, now: datetime) -> Receipt | None:
    """What the same key opened before; None when it is new.

    It is asked before the denial is looked at, which by now may be over or used (by this key).

    Raises:
        Problem: 409 when the key came with something else.
    """
    kept = key.find(session, now)
    return None if kept is None else _found(session, kept)


def require_subject(submission: Submission, caller: Caller, authorizer: Authorizer) -> None:
    """Let a caller pass that may submit for the subject; raises `Problem` 403."""
    kind = authorizer.mapping.entity_type(str(submission.subject["type"]))
    if not caller.may_act_for((kind, str(submission.subject["id"]))):
        detail = "this caller may not submit for that subject"
        raise Problem(FORBIDDEN, detail, errors=[{"pointer": "/subject", "detail": detail}])


def justification_of(submission: Submission) -> str | None:
    """Why access is wanted: the first member of such a name, of the wishes or of the context."""
    for place in (submission.requested_access, submission.context):
        for name in _JUSTIFICATIONS:
            found = place.get(name)
            if isinstance(found, str) and found.strip():
                return found
    return None


def _found(session: Session, kept: idempotency.KeptAnswer) -> Receipt:
    case = load_case(session, str(kept.task_id))
    if case is None:
        raise Problem(NOT_REQUESTABLE, "the request that this key opened is no longer kept")
    return Receipt(case, kept.status)


def _items(submission: Submission, proven: dict[str, Proven], look: Look) -> Iterator[OrderItem]:
    for position, asked in enumerate(submission.items):
        at = pointer("items", position, "denial") if asked.denial is not None else "/denial"
        own = proven[at]
        prefix = pointer("items", position) if submission.bundle else ""
        wishes = wishes_of(asked.requested_access, prefix + "/requested_access")
        yield OrderItem(
            asked.resource,
            asked.action,
            _workflow_of(own, submission, asked, look),
            own.accepted.members,
            own.accepted.evaluation_id,
            own.kept() if asked.denial is not None or not submission.bundle else None,
            asked.requested_access,
            wishes.until,
            wishes.emergency,
        )


def _workflow_of(proven: Proven, submission: Submission, asked: AskedItem, look: Look) -> Workflow:
    """The workflow that the denial names; where it names none, the one that would be offered."""
    template = proven.accepted.template
    authorizer = look.authorizer
    if template is not None:
        workflow = authorizer.bundle.workflows.get(template)
    else:
        body = {"subject": submission.subject, "resource": asked.resource, "action": asked.action}
        evaluation = evaluation_from(body | {"context": submission.context})
        request = authorizer.mapping.request(evaluation)
        answer = authorizer.decide(request, now=look.now, caller=look.caller.facts)
        workflow = None
        if not answer.allowed:
            workflow = offered(request, answer, authorizer, look.now, look.caller.facts)
    if workflow is None:
        at = f"{proven.at}/template"
        detail = "names nothing that can be requested here"
        errors = [{"pointer": at, "detail": detail}]
        raise Problem(NOT_REQUESTABLE, f"`{at}` {detail}", errors=errors)
    return workflow


def _require_forms(
    submission: Submission,
    items: tuple[OrderItem, ...],
    authorizer: Authorizer,
    facts: JsonObject,
    now: datetime,
) -> None:
    faults: list[JsonObject] = []
    for position, item in enumerate(items):
        form = form_of(authorizer.bundle.forms, item.workflow)
        faults += check_form(item.workflow, form, submission, position)
        faults += check_catalogs(item.workflow, submission, position, authorizer, now, facts)
    if faults:
        raise Problem(INVALID_REQUEST, "the form is not filled in as it asks", errors=faults)


def _whole_hash(submission: Submission, whole: Proven | None) -> str | None:
    if whole is None:
        return None
    pairs = [{"resource": item.resource, "action": item.action} for item in submission.items]
    return bulk_binding_hash(submission.subject, pairs, submission.context, whole.accepted.members)
