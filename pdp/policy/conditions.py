"""Which conditions of a policy held for a request: each part of its `when` and `unless` on its own."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pdp.core.values import JsonObject
from pdp.policy.access_paths import access_paths
from pdp.policy.authorizer import Authorizer
from pdp.policy.engine import parse_policies, text_of
from pdp.policy.mapping import CedarRequest
from pdp.policy.policy import Policy, Shared, scope_of
from pdp.policy.slice import Slice

Verdict = Literal["held", "failed", "error"]

_HEAD: JsonObject = {
    "effect": "permit",
    "principal": {"op": "All"},
    "action": {"op": "All"},
    "resource": {"op": "All"},
}


class Condition(NamedTuple):
    """One part of a policy's conditions and how it fared.

    Attributes:
        kind: `when` or `unless`; of an `unless`, `held` means that it was false.
        text: the part in Cedar.
        verdict: whether the policy got past it.
        error: why it could not be evaluated.
    """

    kind: str
    text: str
    verdict: Verdict
    error: str | None = None


class Given(NamedTuple):
    """What only the server says in the context, as `Authorizer.decide` takes it."""

    now: datetime
    caller: JsonObject | None = None
    approval: JsonObject | None = None
    request: JsonObject | None = None


def conditions_of(
    policy: Policy, request: CedarRequest, authorizer: Authorizer, given: Given
) -> list[Condition]:
    """Evaluate each part of a policy's conditions; parts joined by `&&` are looked at one by one."""
    est = parse_policies(policy.text)[0].est
    return [
        _evaluated(kind, part, request, authorizer, given)
        for kind, part in _parts(est.get("conditions") or [])
    ]


def _parts(conditions: list[JsonObject]) -> Iterator[tuple[str, Any]]:
    for condition in conditions:
        kind, body = str(condition["kind"]), condition["body"]
        if kind == "when":
            yield from (("when", part) for part in _split(body, "&&"))
        else:
            yield from (("unless", part) for part in _split(body, "||"))


def _split(body: Any, operator: str) -> Iterator[Any]:
    if isinstance(body, dict) and operator in body:
        yield from _split(body[operator]["left"], operator)
        yield from _split(body[operator]["right"], operator)
    else:
        yield body


def _evaluated(
    kind: str, part: Any, request: CedarRequest, authorizer: Authorizer, given: Given
) -> Condition:
    est = {**_HEAD, "conditions": [{"kind": kind, "body": part}]}
    text = text_of(est)
    alone = Policy(
        id="condition",
        text=text,
        effect="permit",
        file="",
        line=1,
        column=1,
        annotations=(),
        scope=scope_of(est, Shared()),
        template=None,
        is_template=False,
        access=access_paths(est),
    )
    answer = authorizer.decide_in(Slice([alone], {}), request, *given)
    shown = _shown(text, kind)
    if answer.errors:
        return Condition(kind, shown, "error", answer.errors[0][1])
    return Condition(kind, shown, "held" if answer.allowed else "failed")


def _shown(text: str, kind: str) -> str:
    """The part between the braces of the policy that was made around it."""
    inner = text.split(kind, 1)[1]
    return inner[inner.index("{") + 1 : inner.rindex("}")].strip()
