"""Many evaluations in one call (AuthZEN 1.0, section 7): a loop over the single evaluation."""

from collections.abc import AsyncIterator
from typing import Any, Literal, NamedTuple, get_args

import anyio.lowlevel

from pdp.core.authzen import Evaluation, InvalidRequest, evaluation_from, object_from
from pdp.core.values import JsonObject, pointer
from pdp.evaluation.evaluate import Asking, Outcome, evaluate_many, finish_many

Semantic = Literal["execute_all", "deny_on_first_deny", "permit_on_first_permit"]
SEMANTICS: tuple[Semantic, ...] = get_args(Semantic)
_DEFAULTED = ("subject", "action", "resource", "context")
_CHUNK = 64


class Batch(NamedTuple):
    """The items of a call, defaults filled in; a fault stands where an item cannot be read."""

    items: list[Evaluation | InvalidRequest]
    semantic: Semantic


class ItemResult(NamedTuple):
    """What became of one item: an outcome, or the fault that made it a denial."""

    evaluation: Evaluation | None
    outcome: Outcome | None
    fault: InvalidRequest | None

    @property
    def allowed(self) -> bool:
        """Whether this item is permitted; an item with a fault never is."""
        return self.outcome is not None and self.outcome.allowed


def batch_from(body: JsonObject) -> Batch | None:
    """Read a batch; None when the call is to be treated as a single evaluation.

    Raises:
        InvalidRequest: the call as a whole is malformed.
    """
    evaluations = body.get("evaluations")
    options = object_from(body, "options", "")
    semantic = options.get("evaluations_semantic", "execute_all")
    if semantic not in SEMANTICS:
        raise InvalidRequest(
            "/options/evaluations_semantic", f"must be one of {', '.join(SEMANTICS)}"
        )
    if evaluations is None or evaluations == []:
        return None
    if type(evaluations) is not list:
        raise InvalidRequest("/evaluations", "must be an array")
    defaults = {name: body[name] for name in _DEFAULTED if name in body}
    for name in defaults:
        object_from(defaults, name, "")
    return Batch(
        [_item(value, defaults, index) for index, value in enumerate(evaluations)], semantic
    )


def _item(value: Any, defaults: JsonObject, index: int) -> Evaluation | InvalidRequest:
    at = pointer("evaluations", index)
    if type(value) is not dict:
        return InvalidRequest(at, "must be an object")
    try:
        return evaluation_from({**defaults, **value}, at)
    except InvalidRequest as fault:
        return fault


async def evaluate_batch(batch: Batch, asking: Asking) -> AsyncIterator[ItemResult]:
    """Evaluate the items in order against one snapshot, ending where the semantic says so.

    Between chunks other calls get their turn, so that a long batch delays nobody. What an item
    after the end would have spent is not spent.
    """
    ends_on = {"execute_all": None, "deny_on_first_deny": False, "permit_on_first_permit": True}
    end = ends_on[batch.semantic]
    size = _CHUNK if end is None else 8
    for first in range(0, len(batch.items), size):
        if first:
            await anyio.lowlevel.checkpoint()
        chunk = batch.items[first : first + size]
        readable = [item for item in chunk if isinstance(item, Evaluation)]
        outcomes = evaluate_many(readable, asking.caller, asking.authorizer, asking.now)
        if end is None:
            outcomes = await finish_many(readable, outcomes, asking)
        waiting = iter(outcomes)
        for item in chunk:
            if isinstance(item, InvalidRequest):
                result = ItemResult(None, None, item)
            else:
                outcome = next(waiting)
                if end is not None and not outcome.allowed:
                    (outcome,) = await finish_many([item], [outcome], asking)
                result = ItemResult(item, outcome, None)
            yield result
            if end is not None and result.allowed is end:
                return
