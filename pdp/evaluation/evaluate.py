"""One evaluation, from the question to the answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pdp.core.approval import DenialReason, guidance
from pdp.core.authzen import Evaluation
from pdp.core.values import JsonObject
from pdp.evaluation.reconsider import UNCHANGED, Approvals, Denied, Reconsidered
from pdp.evaluation.requestable import Asked, Issuer, offered_workflow, requestable_context
from pdp.policy.authorizer import Answer, Authorizer
from pdp.policy.mapping import CedarRequest
from pdp.trust.callers import Caller


class Offer(NamedTuple):
    """That denials may be requested, in whose name, and in which language to say so."""

    issuer: Issuer
    language: bytes | None = None


class Outcome(NamedTuple):
    """The answer to one evaluation, and what led to it."""

    allowed: bool
    context: JsonObject | None
    answer: Answer
    request: CedarRequest
    approval_ref: str | None = None


class Asking(NamedTuple):
    """Who asks, of which snapshot of policies and entities, when, and what beside may help.

    Attributes:
        offer: how denials may be requested; None where they may not.
        approvals: lets evaluations rest on approvals; None where there are none.
    """

    caller: Caller
    authorizer: Authorizer
    now: datetime
    offer: Offer | None = None
    approvals: Approvals | None = None


def evaluate(
    evaluation: Evaluation,
    caller: Caller,
    authorizer: Authorizer,
    now: datetime,
    offer: Offer | None = None,
) -> Outcome:
    """Decide one evaluation against one snapshot of policies and entities, without approvals."""
    asking = Asking(caller, authorizer, now, offer)
    request = authorizer.mapping.request(evaluation)
    answer = authorizer.decide(request, now=now, caller=caller.facts)
    outcome = Outcome(answer.allowed, None, answer, request)
    return outcome if answer.allowed else _offered(evaluation, outcome, UNCHANGED, asking)


async def evaluate_fully(evaluation: Evaluation, asking: Asking) -> Outcome:
    """Decide one evaluation, with the approvals that apply to it.

    1. Map the AuthZEN names and values to Cedar's, coerced by the schema.
    2. Let the engine decide over the slices of policies and entities that can matter.
    3. If denied and an approval is presented, or a standing one may fit: look it up, the only
       read of the store, and decide again with it (ARAP, Completion Semantics).
    4. If still denied, see whether a new approval would change that, and offer it (ARAP,
       Requestable Denial); where an approval did not help, say why and what to do.

    A type or an action that no policy knows is a plain denial (AuthZEN 1.0, section 5.5).
    """
    caller, authorizer, now, _, approvals = asking
    request = authorizer.mapping.request(evaluation)
    answer = authorizer.decide(request, now=now, caller=caller.facts)
    outcome = Outcome(answer.allowed, None, answer, request)
    if answer.allowed:
        return outcome
    again = UNCHANGED
    if approvals is not None and approvals.concern(evaluation, answer):
        denied = Denied(evaluation, request, answer, caller)
        again = (await approvals.reconsider([denied], authorizer, now))[0]
    return _offered(evaluation, outcome, again, asking)


def evaluate_many(
    evaluations: Sequence[Evaluation], caller: Caller, authorizer: Authorizer, now: datetime
) -> list[Outcome]:
    """Decide several evaluations against one snapshot, in order, at a lower cost for each.

    Approvals and offers are left to `finish_many`.
    """
    requests = authorizer.mapping.requests(evaluations)
    answers = authorizer.decide_many(requests, now=now, caller=caller.facts)
    return [
        Outcome(answer.allowed, None, answer, request)
        for request, answer in zip(requests, answers, strict=True)
    ]


async def finish_many(
    evaluations: Sequence[Evaluation], outcomes: Sequence[Outcome], asking: Asking
) -> list[Outcome]:
    """Steps 3 and 4 of `evaluate_fully`, with one read of the store for all together."""
    approvals = asking.approvals
    found = dict.fromkeys(range(len(outcomes)), UNCHANGED)
    concerned = {
        index: Denied(evaluation, outcome.request, outcome.answer, asking.caller)
        for index, (evaluation, outcome) in enumerate(zip(evaluations, outcomes, strict=True))
        if approvals is not None
        and not outcome.allowed
        and approvals.concern(evaluation, outcome.answer)
    }
    if approvals is not None and concerned:
        again = await approvals.reconsider(list(concerned.values()), asking.authorizer, asking.now)
        found.update(zip(concerned, again, strict=True))
    return [
        outcome if outcome.allowed else _offered(evaluation, outcome, found[index], asking)
        for index, (evaluation, outcome) in enumerate(zip(evaluations, outcomes, strict=True))
    ]


def _offered(
    evaluation: Evaluation, denied: Outcome, again: Reconsidered, asking: Asking
) -> Outcome:
    """The outcome of a denial after approvals were looked at."""
    if again.answer is not None:
        said = {"approval": again.approval}
        return Outcome(True, said, again.answer, denied.request, again.ref)
    if again.reason in ("grant_pending", "approval_unverifiable"):
        return denied._replace(context=guidance(again.reason, requestable=False).to_json())
    context = _requestable(evaluation, denied, asking)
    if again.reason is not None:
        context = _guided(context, again.reason)
    return denied if context is None else denied._replace(context=context)


def _requestable(evaluation: Evaluation, denied: Outcome, asking: Asking) -> JsonObject | None:
    caller, authorizer, now, offer, _ = asking
    if offer is None or not denied.answer.slice.templates:
        return None
    asked = Asked(evaluation, denied.request, denied.answer)
    workflow = offered_workflow(asked, caller, authorizer, now)
    if workflow is None:
        return None
    return requestable_context(asked, workflow, caller, offer.issuer, now, offer.language)


def _guided(context: JsonObject | None, reason: DenialReason) -> JsonObject:
    # Policy may want another approval than the one presented: then a new request does help.
    if reason == "policy_denied" and context is not None:
        reason = "out_of_scope"
    return (context or {}) | guidance(reason, requestable=context is not None).to_json()
