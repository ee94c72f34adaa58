"""A request is one unit: all of its questions are allowed, or nothing is granted.

Every question is asked of current policy, with the approvals that there are: when a token is asked
for, and again before each grant, refresh and exchange (AROP, Completion).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pdp.core.authzen import Evaluation, action_from, entity_from
from pdp.core.moment import parse_moment
from pdp.core.rar import Wanted
from pdp.core.values import JsonObject
from pdp.core.workflow import Workflow
from pdp.deferral.parts import Parts
from pdp.deferral.wire import Asked
from pdp.errors import OAuthFault
from pdp.evaluation.evaluate import Asking, Outcome, evaluate_fully
from pdp.evaluation.requestable import Asked as Denied
from pdp.evaluation.requestable import bound_members, offered_workflow
from pdp.policy.authorizer import Authorizer
from pdp.trust.callers import Caller

_ERRORS = {
    "authorization_details": "invalid_authorization_details",
    "scope": "invalid_scope",
    "resource": "invalid_target",
}


class Part(NamedTuple):
    """One question, and its answer."""

    wanted: Wanted
    evaluation: Evaluation
    outcome: Outcome

    @property
    def until(self) -> datetime | None:
        """Until when the approval lasts that the answer rests on."""
        approval = (self.outcome.context or {}).get("approval") or {}
        found = approval.get("approved_until")
        return None if found is None else parse_moment(found)

    @property
    def pending(self) -> bool:
        """Whether it is approved, but not in force yet."""
        return (self.outcome.context or {}).get("reason") == "grant_pending"


class Unit(NamedTuple):
    """All questions of a request with their answers."""

    parts: tuple[Part, ...]
    authorizer: Authorizer

    @property
    def allowed(self) -> bool:
        """Whether everything is."""
        return all(part.outcome.allowed for part in self.parts)

    @property
    def denied(self) -> tuple[Part, ...]:
        """What is not allowed."""
        return tuple(part for part in self.parts if not part.outcome.allowed)

    @property
    def until(self) -> datetime | None:
        """The earliest end of the approvals that it rests on; None where it rests on none."""
        return min((part.until for part in self.parts if part.until), default=None)


async def evaluate_unit(
    parts: Parts, asked: Asked, caller: Caller, now: datetime, approvals: Sequence[str] = ()
) -> Unit:
    """Ask every question, each with the first of the approvals that makes policy allow.

    Raises:
        OAuthFault: for a request that cannot be read.
    """
    authorizer = parts.desk.authorizer()
    asking = Asking(caller, authorizer, now, None, parts.approvals)
    wanted = asked.wanted(authorizer.mapping.names.oauth)
    return Unit(
        tuple([await _answered(parts, asked, each, asking, approvals) for each in wanted]),
        authorizer,
    )


def evaluation_of(asked: Asked, wanted: Wanted, approval: str | None = None) -> Evaluation:
    """A question as AuthZEN has it."""
    context = context_of(asked)
    if approval is not None:
        context["approval"] = {"id": approval}
    return Evaluation(
        entity_from(asked.subject, "/subject"),
        action_from(wanted.action, "/action"),
        entity_from(wanted.resource, "/resource"),
        context,
    )


def context_of(asked: Asked) -> JsonObject:
    """What policy sees beside subject, action and resource."""
    if asked.question is not None:
        return dict(asked.context)
    found = asked.context | {"client": asked.client.json, "grant_type": asked.grant_type}
    if asked.scope is not None:
        found["scope"] = asked.scope
    if asked.resource:
        found["resource"] = list(asked.resource)
    return found


def offered(part: Part, caller: Caller, authorizer: Authorizer, now: datetime) -> Workflow | None:
    """The workflow that could lift a denial."""
    return offered_workflow(_denied(part), caller, authorizer, now)


def members_of(part: Part) -> tuple[str, ...]:
    """The members of the context that a request for this denial binds."""
    return bound_members(_denied(part))


def refusal(part: Part) -> OAuthFault:
    """The error that the client is given, by the part of its request that is refused."""
    name = part.wanted.part
    return OAuthFault(_ERRORS[name], f"what `{name}` asks for is not allowed")


async def _answered(
    parts: Parts, asked: Asked, wanted: Wanted, asking: Asking, approvals: Sequence[str]
) -> Part:
    found: Part | None = None
    for approval in approvals or (None,):
        evaluation = evaluation_of(asked, wanted, approval)
        outcome = await evaluate_fully(evaluation, asking)
        part = Part(wanted, evaluation, outcome)
        if outcome.allowed or found is None or part.pending:
            found = part
        if outcome.allowed:
            break
    assert found is not None
    parts.note(found.evaluation, found.outcome, asking.caller, asking.authorizer, asking.now)
    return found


def _denied(part: Part) -> Denied:
    return Denied(part.evaluation, part.outcome.request, part.outcome.answer)
