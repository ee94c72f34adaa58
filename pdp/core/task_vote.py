"""People decide: one vote for each person and step, none without Cedar's permission."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, NamedTuple

from pdp.core.moment import format_moment
from pdp.core.scope import Scope
from pdp.core.task import Decision, Item, Leaf, Question, Task, Vote, slot_of, votable
from pdp.core.task_clock import begin
from pdp.core.task_draft import Draft
from pdp.core.task_effects import Change, Reason, Refusal, VoteCast
from pdp.core.values import EntityUid
from pdp.core.workflow import SCOPES

Permitted = Mapping[Question, tuple[str, ...]]
"""The questions of `open_questions` that Cedar permits the person now, with the policies' ids."""

NOT_INCLUDED = "not_included"


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


class _Choice(NamedTuple):
    leaf: Leaf | None
    refusal: Reason | None


def vote(task: Task, ballot: Ballot, permitted: Permitted, now: datetime) -> Change:
    """Count a person's decision on every item that it is about, or on none.

    Args:
        permitted: what Cedar permits this person at this moment, and why.
    """
    draft = begin(task, now)
    if not draft.task.pending:
        expired = task.pending and draft.task.status == "expired"
        reason: Reason = "expired" if expired else "closed"
        return draft.refused(reason, f"the request is {draft.task.status}")
    choices = {
        item.position: _choice(draft.task, item, ballot, permitted) for item in draft.task.items
    }
    wanted = _wanted(draft.task, ballot, choices)
    if isinstance(wanted, Refusal):
        return draft.change(wanted)
    fault = _fault(draft.task, ballot, wanted, choices, now)
    if fault is not None:
        return draft.change(fault)
    for position in wanted:
        _count(draft, position, choices[position].leaf, ballot, permitted)
    if ballot.positions is not None and ballot.decision == "approve" and ballot.rest == "deny":
        left = ballot._replace(decision="deny", reason_code=NOT_INCLUDED)
        for position, choice in choices.items():
            if position not in wanted and choice.leaf is not None:
                _count(draft, position, choice.leaf, left, permitted)
    return draft.change()


def _choice(task: Task, item: Item, ballot: Ballot, permitted: Permitted) -> _Choice:
    """The step of an item that the ballot is for, or why there is none."""
    if not item.pending:
        return _Choice(None, "closed")
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
            return _Choice(leaf, None)
    return _Choice(None, best)


def _is_named(path: object, person: EntityUid) -> bool:
    return person in getattr(path, "approvers", ())


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


def _wanted(task: Task, ballot: Ballot, choices: Mapping[int, _Choice]) -> Sequence[int] | Refusal:
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


def _fault(
    task: Task,
    ballot: Ballot,
    wanted: Sequence[int],
    choices: Mapping[int, _Choice],
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
        usual = min(now + workflow.approval_ttl, task.items[position].requested_until or _NEVER)
        shorter = ballot.approved_until is not None and ballot.approved_until < usual
        if shorter or len(wanted) < could:
            return Refusal("narrowing", "the workflow does not allow to approve for less")
    return None


_NEVER = datetime.max


def _wider(chosen: Scope, allowed: str) -> bool:
    return SCOPES.index(chosen.kind) > [*SCOPES].index(allowed)  # type: ignore[arg-type]


def _count(
    draft: Draft, position: int, leaf: Leaf | None, ballot: Ballot, permitted: Permitted
) -> None:
    assert leaf is not None
    item = draft.item(position)
    approves = ballot.decision == "approve"
    cast = Vote(
        leaf.number,
        ballot.person,
        ballot.decision,
        draft.at,
        ballot.on_behalf_of,
        ballot.approved_until if approves else None,
        ballot.scope if approves else None,
        ballot.reason_code,
        permitted[Question(position, leaf.number)],
    )
    item = replace(item, votes=(*item.votes, cast))
    draft.put(item)
    draft.add(VoteCast(position, slot_of(position, leaf.number), cast))
    _record(draft, item, leaf, cast)
    if not approves:
        draft.end_leaf(position, leaf, "denied", ballot.reason_code)
        return
    step = draft.task.step_of(item, leaf)
    for_it = [each for each in item.votes if each.leaf == leaf.number]
    if len(for_it) >= (step.approvals if step.kind == "human" else 1):
        draft.end_leaf(position, leaf, "approved")


def _record(draft: Draft, item: Item, leaf: Leaf, cast: Vote) -> None:
    until = cast.approved_until
    draft.audit(
        "vote.approve" if cast.decision == "approve" else "vote.deny",
        position=item.position,
        step=draft.task.step_of(item, leaf).name,
        person=_shown(cast.person),
        on_behalf_of=_shown(cast.on_behalf_of),
        approved_until=until and format_moment(until),
        scope=cast.scope and cast.scope.to_json(),
        reason=cast.reason_code,
        policies=list(cast.evidence),
    )


def _shown(person: EntityUid | None) -> dict[str, str] | None:
    return None if person is None else {"type": person[0], "id": person[1]}
