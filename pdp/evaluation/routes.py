"""`POST /access/v1/evaluation` and `/access/v1/evaluations`."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import orjson

from pdp.core.authzen import Evaluation, evaluation_from
from pdp.core.values import JsonObject
from pdp.errors import UNAVAILABLE, Problem
from pdp.evaluation.batch import ItemResult, batch_from, evaluate_batch
from pdp.evaluation.decision_log import DecisionLog, DecisionNote
from pdp.evaluation.evaluate import Asking, Offer, Outcome, evaluate_fully
from pdp.evaluation.explanation import explain
from pdp.evaluation.reconsider import Approvals
from pdp.evaluation.requestable import Issuer
from pdp.ops.dependencies import invalid_request
from pdp.ops.json_endpoint import Call, too_many
from pdp.ops.metrics import Metrics
from pdp.policy.authorizer import Authorizer
from pdp.store.engine import CommitUnknown, StoreUnavailable

Defer = Callable[[Evaluation, Outcome, Call], Awaitable[Outcome]]
"""Gives the outcome of a denial for which a request was opened at once, where that was asked."""
_PERMIT = b'{"decision":true}'
_DENY = b'{"decision":false}'


class EvaluationRoutes:
    """The handlers of flow 1, for one server.

    Args:
        authorizer: gives the snapshot of policies and entities in force.
        log: takes a note of every decision.
        metrics: counts every decision.
        most_items: most items of one batch.
        clock: the present time.
        issuer: in whose name denials are requestable; None where they are not.
        approvals: lets evaluations rest on approvals; None where they never do.
        defer: what an authorization server gets for a denial that it wants deferred.
    """

    def __init__(
        self,
        authorizer: Callable[[], Authorizer],
        log: DecisionLog,
        metrics: Metrics,
        most_items: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        issuer: Issuer | None = None,
        approvals: Approvals | None = None,
        defer: Defer | None = None,
    ) -> None:
        self._defer = defer
        self._issuer = issuer
        self._approvals = approvals
        self._authorizer = authorizer
        self._log = log
        self._metrics = metrics
        self._most_items = most_items
        self._clock = clock

    async def evaluation(self, call: Call) -> bytes:
        """Answer one evaluation (AuthZEN 1.0, section 6)."""
        now = self._clock()
        authorizer = self._authorizer()
        question = evaluation_from(call.body)
        try:
            outcome = await evaluate_fully(question, self._asking(call, authorizer, now))
            if self._defer is not None and not outcome.allowed and "client" in question.context:
                outcome = await self._defer(question, outcome, call)
        except (StoreUnavailable, CommitUnknown) as error:
            raise _unavailable(error) from None
        explained = bool(call.query) and wants_explanation(call)
        self._note(call, question, outcome, authorizer, now)
        if explained:
            explanation = explain(outcome, authorizer, call.caller, now)
            return orjson.dumps(response_body(outcome) | {"explanation": explanation})
        if outcome.context is None:
            return _PERMIT if outcome.allowed else _DENY
        return orjson.dumps(response_body(outcome))

    async def evaluations(self, call: Call) -> bytes:
        """Answer many evaluations (AuthZEN 1.0, section 7)."""
        items = call.body.get("evaluations")
        if type(items) is list and len(items) > self._most_items:
            raise too_many("/evaluations", self._most_items, len(items))
        batch = batch_from(call.body)
        if batch is None:
            return await self.evaluation(call)
        now = self._clock()
        authorizer = self._authorizer()
        results: list[JsonObject] = []
        try:
            async for item in evaluate_batch(batch, self._asking(call, authorizer, now)):
                results.append(_item_body(item))
                if item.outcome is None or item.evaluation is None:
                    self._metrics.failed()
                else:
                    self._note(call, item.evaluation, item.outcome, authorizer, now)
        except (StoreUnavailable, CommitUnknown) as error:
            raise _unavailable(error) from None
        return orjson.dumps({"evaluations": results})

    def _asking(self, call: Call, authorizer: Authorizer, now: datetime) -> Asking:
        offer = None if self._issuer is None else Offer(self._issuer, call.exchange.language)
        return Asking(call.caller, authorizer, now, offer, self._approvals)

    def _note(
        self,
        call: Call,
        question: Evaluation,
        outcome: Outcome,
        authorizer: Authorizer,
        now: datetime,
    ) -> None:
        notes = call.exchange.notes
        notes["decision"] = outcome.allowed
        notes["policy_version"] = authorizer.version
        if outcome.request.dropped:
            notes["dropped"] = outcome.request.dropped
        evaluation_id = outcome.context.get("evaluation_id") if outcome.context else None
        if outcome.allowed:
            self._metrics.permitted()
            if outcome.approval_ref is not None:
                notes["approval"] = outcome.approval_ref
        elif evaluation_id is not None:
            self._metrics.requestable()
            notes["evaluation_id"] = evaluation_id
        else:
            self._metrics.denied()
        self._log.add(
            DecisionNote(
                now,
                call.exchange.request_id or b"",
                call.caller.id,
                question,
                outcome.allowed,
                tuple([policy.id for policy in outcome.answer.determining]),
                authorizer.version,
                authorizer.entity_version,
                evaluation_id,
                outcome.approval_ref,
            )
        )


def response_body(outcome: Outcome) -> JsonObject:
    """The AuthZEN response of one outcome."""
    if outcome.context is None:
        return {"decision": outcome.allowed}
    return {"decision": outcome.allowed, "context": outcome.context}


def wants_explanation(call: Call) -> bool:
    """Whether `?explain=true` was asked; only an admin or auditor may, others get a 403."""
    if b"explain=true" not in call.query.split(b"&"):
        return False
    call.caller.require_any("admin", "auditor")
    return True


def _unavailable(error: Exception) -> Problem:
    """The store could not say how an approval stands; asked again, nothing is used up twice."""
    return Problem(UNAVAILABLE, str(error), headers={"Retry-After": "1"})


def _item_body(item: ItemResult) -> JsonObject:
    if item.outcome is not None:
        return response_body(item.outcome)
    assert item.fault is not None
    problem = invalid_request(item.fault)
    return {"decision": False, "context": {"error": problem.document()}}
