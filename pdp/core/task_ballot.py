"""What a person wants to decide, and whether that can be."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from pdp.core.scope import Scope
from pdp.core.task import Decision, Item, Leaf, Question, Task, votable
from pdp.core.task_effects import Reason, Refusal
from pdp.core.values import EntityUid
from pdp.core.workflow import SCOPES, Emergency, ScopeKind

Permitted = Mapping[Question, tuple[str, ...]]
"""The questions of `open_questions` that Cedar permits the person now, with the policies' ids."""


class Ballot(NamedTuple):
    """What a person decides.

    Attributes:
        on_behalf_of: whom the person stands in for, by delegation or absence.
        step: of several steps under way, which one; None the first that the person may decide.
        positions: which items of a bundle; None all that the person may decide.
        approved_until: an earlier or, within what the workflow allows, a later end.
        scope: a wider scope, if the workflow allows it.
        rest: of items left out of an approval that the person could decide: denied, or left.
    """

    person: EntityUid
    decision: Decision
    on_behalf_of: EntityUid | None = None
    step: str | None = None
    positions: tuple[int, ...] | None = None
    approved_until: datetime | None = None
    scope: Scope | None = None
    reason_code: str | None = None
    rest: Literal["deny", "leave"] = "deny"


class Choice(NamedTuple):
    """The step of an item that a ballot is for, or why there is none."""

    leaf: Leaf | None
    refusal: Reason | None


def choice_of(task: Task, item: Item, ballot: Ballot, permitted: Permitted) -> Choice:
    """The step of an item that the ballot is for, or why there is none."""
    if not item.pending:
        return Choice(None, "closed")
    plan = task.plan_of(item)
    best: Reason = "not_open"
    for leaf in item.open_leaves():
        step = task.step_of(item, leaf)
        if not votable(step, leaf) or ballot.step not in (None, step.name):
            continue
        if Question(item.position, leaf.number) not in permitted:
            best = "not_eligible" if best == "not_open" else best
        elif plan.emergency and not _is_named(plan.workflow.emergency, ballot.person):
            best = "not_named"
        elif _has_spoken(item, leaf, ballot, plan.workflow.distinct_approvers):
            best = "already_voted"
        else:
            return Choice(leaf, None)
    return Choice(None, best)


def _is_named(path: Emergency | None, person: EntityUid) -> bool:
    return path is not None and person in path.approvers


def _has_spoken(item: Item, leaf: Leaf, ballot: Ballot, distinct: bool) -> bool:
    speaking = {ballot.person, ballot.on_behalf_of} - {None}
    return any(
        vote.people & speaking for vote in item.votes if distinct or vote.leaf == leaf.number
    )


_WHY: dict[Reason, str] = {
    "closed": "the item is decided",
    "not_eligible": "this person may not decide this",
    "not_named": "only the named people may approve an emergency",
    "already_voted": "this person has decided already",
    "not_open": "nothing of it waits for a person's decision",
}
# The refusal that tells a person most: who has voted is told so, not that others may not.
_TELLING: tuple[Reason, ...] = ("already_voted", "not_named", "not_eligible", "not_open", "closed")


def wanted_positions(
    task: Task, ballot: Ballot, choices: Mapping[int, Choice]
) -> Sequence[int] | Refusal:
    """The items that a ballot is about: those named, or all that the person may decide."""
    if ballot.step is not None and not _knows_step(task, ballot.step):
        return Refusal("no_such_step", f"there is no step `{ballot.step}`")
    if ballot.positions is None:
        found = [position for position, choice in choices.items() if choice.leaf is not None]
        if found:
            return found
        reasons = {choice.refusal for choice in choices.values()}
        reason = next(each for each in _TELLING if each in reasons)
        return Refusal(reason, _WHY[reason])
    for position in ballot.positions:
        if position not in choices:
            return Refusal("no_such_item", f"there is no item {position}")
    if not ballot.positions:
        return Refusal("no_such_item", "no item is named")
    for position in ballot.positions:
        refusal = choices[position].refusal
        if refusal is not None:
            return Refusal(refusal, f"item {position}: {_WHY[refusal]}")
    return sorted(set(ballot.positions))


def _knows_step(task: Task, name: str) -> bool:
    return any(leaf.name == name for plan in task.plans for leaf in plan.workflow.leaves())


def terms_fault(
    task: Task,
    ballot: Ballot,
    wanted: Sequence[int],
    choices: Mapping[int, Choice],
    now: datetime,
) -> Refusal | None:
    """What is wrong with the terms of an approval."""
    if ballot.decision == "deny":
        return None
    if ballot.approved_until is not None and ballot.approved_until <= now:
        return Refusal("passed", "`approved_until` has passed")
    could = sum(choice.leaf is not None for choice in choices.values())
    for position in wanted:
        workflow = task.plan_of(task.items[position]).workflow
        if ballot.scope is not None and _wider(ballot.scope, workflow.scope):
            return Refusal("scope", f"the workflow allows no scope wider than `{workflow.scope}`")
        if workflow.narrowing:
            continue
        usual = now + workflow.approval_ttl
        usual = min(usual, task.items[position].requested_until or usual)
        shorter = ballot.approved_until is not None and ballot.approved_until < usual
        if shorter or len(wanted) < could:
            return Refusal("narrowing", "the workflow does not allow to approve for less")
    return None


def _wider(chosen: Scope, allowed: ScopeKind) -> bool:
    return SCOPES.index(chosen.kind) > SCOPES.index(allowed)
