"""One round trip instead of two: an evaluation whose denial opens a request at once.

An authorization server that asks so, with `completion_mode` and `client` in the context, is given
the deferral code with the denial (contract, section 5).
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from pdp.access_request.order import UsedDenial
from pdp.core.authzen import Evaluation
from pdp.core.cause import Cause
from pdp.core.deferral import bound, wants_deferral
from pdp.core.moment import parse_moment
from pdp.core.values import JsonObject
from pdp.deferral.opening import Opened, Wish, open_and_give, order_of
from pdp.deferral.parts import Asker, Parts
from pdp.deferral.standing import state_of_case
from pdp.deferral.unit import Part, Unit, evaluate_unit
from pdp.deferral.wire import CODE_TYPE, Asked, client_from
from pdp.errors import OAuthFault
from pdp.evaluation.evaluate import Outcome
from pdp.ops.json_endpoint import Call

_SKEW = timedelta(minutes=2)


def deferring(parts: Parts) -> Callable[[Evaluation, Outcome, Call], Awaitable[Outcome]]:
    """What the evaluation endpoint is given to defer denials with."""

    async def defer(evaluation: Evaluation, outcome: Outcome, call: Call) -> Outcome:
        request_id = call.exchange.request_id or b""
        origin: JsonObject = {"request_id": request_id.decode("latin-1"), "transport": "oauth"}
        asker = Asker(call.caller, Cause("caller", call.caller.id, None, origin))
        return await defer_evaluation(parts, evaluation, outcome, asker)

    return defer


async def defer_evaluation(
    parts: Parts, evaluation: Evaluation, outcome: Outcome, asker: Asker
) -> Outcome:
    """The outcome with a deferral code; the very same where none was asked for or is possible.

    A request that policy approves at once is evaluated again, and allowed.
    """
    asked = _asked(evaluation, outcome, asker)
    if asked is None:
        return outcome
    now, desk = parts.desk.clock(), parts.desk
    authorizer = desk.authorizer()
    (wanted,) = asked.wanted(authorizer.mapping.names.oauth)
    unit = Unit((Part(wanted, evaluation, outcome),), authorizer)
    try:
        order = order_of(parts, asked, unit, asker, "dtr", Wish(), now)
        context = outcome.context or {}
        until = parse_moment(context["access_request"]["expires_at"]) + _SKEW
        name = str(context["evaluation_id"])
        used = UsedDenial("evaluation", desk.identifier, name, until, "/context")
        item = order.items[0]._replace(evaluation_id=name)
        order = order._replace(items=(item,), evaluation_id=name, used=(used,))
        opened: Opened = await desk.database.awrite(
            lambda s: open_and_give(s, parts, order, asked, asker, Wish(), now)
        )
    except OAuthFault:
        return outcome
    if opened.given is not None:
        told = {CODE_TYPE: opened.given.told(now)}
        return outcome._replace(context=(outcome.context or {}) | told)
    state = await desk.database.aread(lambda s: state_of_case(s, parts, opened.case, now))
    ids = [identifier for identifier, _ in state.approvals]
    again = (await evaluate_unit(parts, asked, asker.caller, now, ids)).parts[0].outcome
    return again if again.allowed else outcome


def _asked(evaluation: Evaluation, outcome: Outcome, asker: Asker) -> Asked | None:
    """The request that an evaluation is; None where no deferral is wanted or none is possible."""
    context = evaluation.context
    mode = context.get("completion_mode")
    if not isinstance(mode, str) or not wants_deferral(mode) or "as" not in asker.caller.roles:
        return None
    if "access_request" not in (outcome.context or {}):
        return None
    try:
        client = client_from(context)
    except OAuthFault:
        return None
    if not bound(client.key, public=client.public):
        return None
    kept = {name: value for name, value in context.items() if name != "approval"}
    question = {"resource": evaluation.resource.json, "action": evaluation.action.json}
    grant = context.get("grant_type")
    return Asked(
        client,
        grant if isinstance(grant, str) else "",
        evaluation.subject.json,
        None,
        None,
        (),
        kept,
        question=question,
    )
