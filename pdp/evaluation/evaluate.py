"""One evaluation, from the question to the answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pdp.core.authzen import Evaluation
from pdp.core.values import JsonObject
from pdp.policy.authorizer import Answer, Authorizer
from pdp.policy.mapping import CedarRequest
from pdp.trust.callers import Caller


class Outcome(NamedTuple):
    """The answer to one evaluation, and what led to it."""

    allowed: bool
    context: JsonObject | None
    answer: Answer
    request: CedarRequest


def evaluate(
    evaluation: Evaluation, caller: Caller, authorizer: Authorizer, now: datetime
) -> Outcome:
    """Decide one evaluation against one snapshot of policies and entities.

    1. Map the AuthZEN names and values to Cedar's, coerced by the schema.
    2. Let the engine decide over the slices of policies and entities that can matter.

    A type or an action that no policy knows is a plain denial (AuthZEN 1.0, section 5.5).
    """
    request = authorizer.mapping.request(evaluation)
    answer = authorizer.decide(request, now=now, caller=caller.facts)
    return Outcome(answer.allowed, None, answer, request)


def evaluate_many(
    evaluations: Sequence[Evaluation], caller: Caller, authorizer: Authorizer, now: datetime
) -> list[Outcome]:
    """Decide several evaluations against one snapshot, in order, at a lower cost for each."""
    requests = [authorizer.mapping.request(evaluation) for evaluation in evaluations]
    answers = authorizer.decide_many(requests, now=now, caller=caller.facts)
    return [
        Outcome(answer.allowed, None, answer, request)
        for answer, request in zip(answers, requests, strict=True)
    ]
