"""What the steps of a workflow come to, and what their beginning calls for."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from pdp.core.task import Leaf, Outcome
from pdp.core.task_effects import AskInteraction, AskPolicy, CallExternal, Effect, Notice, Notify
from pdp.core.workflow import External, Interaction, Step, Workflow


class Verdict(NamedTuple):
    """What a step has come to.

    Attributes:
        outcome: None while it is undecided.
        open: the leaves below it that are still under way.
        moot: those of them that decide nothing any more.
    """

    outcome: Outcome | None
    open: tuple[int, ...]
    moot: tuple[int, ...]


def verdict_of(workflow: Workflow, index: int, leaves: Sequence[Leaf]) -> Verdict:
    """What the step at `index` has come to.

    A person's denial anywhere in a group ends it: who may decide may also stop. A branch that a
    policy, a third party or time refused only counts as lost.
    """
    by_number = {leaf.number: leaf for leaf in leaves}
    return _verdict(workflow.steps[index], iter([by_number[n] for n in workflow.spans[index]]))


def _verdict(step: Step, leaves: Iterator[Leaf]) -> Verdict:
    if not step.parts:
        leaf = next(leaves)
        return Verdict(leaf.outcome, () if leaf.outcome else (leaf.number,), ())
    parts = [_verdict(part, leaves) for part in step.parts]
    outcomes = [part.outcome for part in parts]
    outcome = _any_of(outcomes) if step.any_of else _all_of(outcomes)
    under_way = tuple(number for part in parts for number in part.open)
    moot = tuple(number for part in parts for number in part.moot)
    return Verdict(outcome, under_way, under_way if outcome else moot)


def _any_of(outcomes: Sequence[Outcome | None]) -> Outcome | None:
    if "denied" in outcomes:
        return "denied"
    if "approved" in outcomes:
        return "approved"
    if None in outcomes:
        return None
    return "refused" if "refused" in outcomes else "failed"


def _all_of(outcomes: Sequence[Outcome | None]) -> Outcome | None:
    bad: tuple[Outcome, ...] = ("denied", "refused", "failed")
    for outcome in bad:
        if outcome in outcomes:
            return outcome
    return None if None in outcomes else "approved"


def begun_effects(
    step: Step, leaf: int, positions: tuple[int, ...], until: datetime, emergency: bool
) -> list[Effect]:
    """What the beginning of a step calls for; `until` is when the items expire."""
    if step.kind == "policy":
        return [AskPolicy(step.name, leaf, positions)]
    if step.kind == "external":
        external = step.external or External()
        return [CallExternal(step.name, leaf, positions, external, until)]
    if step.kind == "interaction":
        page = step.interaction or Interaction()
        return [AskInteraction(step.name, leaf, positions, page, until)]
    kind: Notice = "emergency" if emergency else "approval_needed"
    return [Notify(kind, queue=step.queue, step=step.name, positions=positions)]
