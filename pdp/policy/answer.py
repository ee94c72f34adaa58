"""The answer to one request, and the passage to the engine and back."""

from typing import NamedTuple

import orjson

from pdp.core.values import JsonObject
from pdp.policy.engine import EngineAnswer, EngineRequest
from pdp.policy.mapping import CedarRequest
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


def engine_request(request: CedarRequest, chosen: Slice, context: JsonObject) -> EngineRequest:
    """A request for the engine, with the members of the context that its policies read."""
    principal, action, resource = request.principal_uid, request.action_uid, request.resource_uid
    found: EngineRequest = {
        "principal": {"type": principal[0], "id": principal[1]},
        "action": {"type": action[0], "id": action[1]},
        "resource": {"type": resource[0], "id": resource[1]},
    }
    members = chosen.context_members
    if context and members is not None:
        context = {name: context[name] for name in members if name in context}
    if context:
        # The engine takes 3 us even for an empty context.
        found["context"] = orjson.dumps(context).decode()
    return found


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
