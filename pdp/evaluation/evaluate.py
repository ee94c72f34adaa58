"""One evaluation, from the question to the answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pdp.core.authzen import Evaluation
from pdp.core.values import JsonObject
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


def evaluate(
    evaluation: Evaluation,
    caller: Caller,
    authorizer: Authorizer,
    now: datetime,
    offer: Offer | None = None,
) -> Outcome:
    """Decide one evaluation against one snapshot of policies and entities.

    1. Map the AuthZEN names and values to Cedar's, coerced by the schema.
    2. Let the engine decide over the slices of policies and entities that can matter.
    3. If denied, see whether an approval would change that, and offer it (ARAP, section 5).

    A type or an action that no policy knows is a plain denial (AuthZEN 1.0, section 5.5).
    """
    request = authorizer.mapping.request(evaluation)
    answer = authorizer.decide(request, now=now, caller=caller.facts)
    return _outcome(evaluation, request, answer, caller, authorizer, now, offer)


def evaluate_many(
    evaluations: Sequence[Evaluation],
    caller: Caller,
    authorizer: Authorizer,
    now: datetime,
    offer: Offer | None = None,
) -> list[Outcome]:
    """Decide several evaluations against one snapshot, in order, at a lower cost for each."""
    requests = [authorizer.mapping.request(evaluation) for evaluation in evaluations]
    answers = authorizer.decide_many(requests, now=now, caller=caller.facts)
    return [
        _outcome(evaluation, request, answer, caller, authorizer, now, offer)
        for evaluation, request, answer in zip(evaluations, requests, answers, strict=True)
    ]


def _outcome(
    evaluation: Evaluation,
    request: CedarRequest,
    answer: Answer,
    caller: Caller,
    authorizer: Authorizer,
    now: datetime,
    offer: Offer | None,
) -> Outcome:
    if answer.allowed or offer is None or not answer.slice.templates:
        return Outcome(answer.allowed, None, answer, request)
    asked = Asked(evaluation, request, answer)
    workflow = offered_workflow(asked, caller, authorizer, now)
    if workflow is None:
        return Outcome(False, None, answer, request)
    context = requestable_context(asked, workflow, caller, offer.issuer, now, offer.language)
    return Outcome(False, context, answer, request)
