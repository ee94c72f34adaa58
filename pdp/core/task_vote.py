"""People decide: one vote for each person and step, none without Cedar's permission."""

from dataclasses import replace
from datetime import datetime

from pdp.core.moment import format_moment
from pdp.core.task import Item, Leaf, Question, Task, Vote, slot_of
from pdp.core.task_ballot import Ballot, Permitted, choice_of, terms_fault, wanted_positions
from pdp.core.task_clock import begin
from pdp.core.task_draft import Draft
from pdp.core.task_effects import Change, Reason, Refusal, VoteCast
from pdp.core.values import EntityUid

__all__ = ["Ballot", "vote"]

NOT_INCLUDED = "not_included"
"""The reason code of items that an approval for fewer of them leaves out."""


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
        item.position: choice_of(draft.task, item, ballot, permitted) for item in draft.task.items
    }
    wanted = wanted_positions(draft.task, ballot, choices)
    if isinstance(wanted, Refusal):
        return draft.change(wanted)
    fault = terms_fault(draft.task, ballot, wanted, choices, now)
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
