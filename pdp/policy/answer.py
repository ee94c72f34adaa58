"""The answer to one request."""

from typing import NamedTuple

from pdp.policy.engine import EngineAnswer
from pdp.policy.policy import Policy
from pdp.policy.slice import Slice

NO_POLICY = Slice((), {})
"""The slice of a request that no policy can match."""


class Answer(NamedTuple):
    """A decision and what led to it.

    Attributes:
        allowed: whether the request is permitted.
        determining: the policies that decided: permits, or the forbids that overrode them.
        errors: conditions that could not be evaluated; such a policy did not count.
        slice: the policies that could have decided.
    """

    allowed: bool
    determining: tuple[Policy, ...]
    errors: tuple[tuple[Policy | None, str], ...]
    slice: Slice


NO_ANSWER = Answer(False, (), (), NO_POLICY)


def answer_of(answer: EngineAnswer, chosen: Slice) -> Answer:
    """The engine's answer with its policies by name."""
    policies = chosen.policies
    errors = answer.errors
    return Answer(
        answer.allowed,
        tuple([policies[position] for position in answer.reasons]),
        tuple([(None if at is None else policies[at], text) for at, text in errors])
        if errors
        else (),
        chosen,
    )
