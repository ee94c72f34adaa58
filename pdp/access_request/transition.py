"""Writing a change of a task: the row by compare-and-set, then all that follows from it.

Every change goes through here, in the caller's transaction: it is kept whole or not at all.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from pdp.access_request.case import Case
from pdp.access_request.desk import Desk
from pdp.access_request.grant import grant_approval
from pdp.access_request.policy_steps import settle_policy_steps
from pdp.core.cause import Cause
from pdp.core.task import Task as CoreTask
from pdp.core.task_effects import ApprovalGranted, Change, ItemResolved, VoteCast
from pdp.core.task_json import to_json
from pdp.core.values import EntityUid, JsonObject
from pdp.errors import UNAVAILABLE, Problem
from pdp.store import task_items, tasks, votes
from pdp.store.engine import Session
from pdp.store.tasks import Task
from pdp.store.votes import Vote

T = TypeVar("T")


class BallotNote(NamedTuple):
    """What is kept with the votes of one decision beside what the core knows of them."""

    comment: str | None = None
    caller: str | None = None


def keep(
    session: Session,
    desk: Desk,
    case: Case,
    change: Change,
    *,
    cause: Cause,
    now: datetime,
    note: BallotNote = BallotNote(),  # noqa: B008 - a frozen value
) -> Case | None:
    """Write what a change of `case` says; policy steps that it began are answered first.

    A change that changes nothing is written nowhere.

    Returns:
        The request as it is now; None when somebody else changed it meanwhile: the caller reads
        it again and decides again, in a transaction of its own.
    """
    change = settle_policy_steps(desk, case, change, now)
    after = change.task
    if after == case.task and not change.effects:
        return case
    row = _moved(session, case.row, after, now)
    if row is None:
        return None
    for effect in change.effects:
        if isinstance(effect, VoteCast) and not votes.cast(session, _vote(desk, row, effect, note)):
            raise VoteKeptBefore(row.id)
    items = resolve_items(session, case, change, now)
    moved = Case(row, items, after)
    grant_approvals(session, desk, moved, change)
    desk.consequences(session, change.effects, row, after.queues(), cause, now)
    return moved


class VoteKeptBefore(Exception):
    """The state has no vote that the table has: the caller's transaction must not be kept."""


def retrying(once: Callable[[], T | None], times: int = 64) -> T:
    """Run `once` until it was not lost to another writer; raises `Problem` 503 if it always is."""
    for _ in range(times):
        found = once()
        if found is not None:
            return found
    raise Problem(UNAVAILABLE, "others keep changing the request", headers={"Retry-After": "1"})


def columns_of(task: CoreTask) -> dict[str, Any]:
    """The columns of a row that follow from the state of its task."""
    first = min(
        (item for item in task.items if item.pending),
        key=lambda item: item.step,
        default=task.items[0],
    )
    holder: EntityUid | tuple[None, None] = task.claimed_by or (None, None)
    return {
        "status": task.status,
        "state": to_json(task),
        "step": first.step,
        "step_name": task.plan_of(first).workflow.steps[first.step].name,
        "claimed_by_type": holder[0],
        "claimed_by_id": holder[1],
        "claimed_at": task.claimed_at,
        "closed_at": task.closed_at,
    }


def resolve_items(
    session: Session, case: Case, change: Change, now: datetime
) -> tuple[task_items.TaskItem, ...]:
    """Write the items of a bundle that left `pending`; all of them as they are now."""
    items = list(case.items)
    if not items:
        return ()
    for effect in change.effects:
        if isinstance(effect, ItemResolved):
            task_items.move(
                session, case.row.id, effect.position, "pending", effect.status, now=now
            )
            update: Mapping[str, Any] = {"status": effect.status, "updated_at": now}
            items[effect.position] = items[effect.position].model_copy(update=update)
    return tuple(items)


def grant_approvals(session: Session, desk: Desk, case: Case, change: Change) -> None:
    """Make the approvals that a change grants."""
    for effect in change.effects:
        if isinstance(effect, ApprovalGranted):
            item = case.items[effect.position] if case.items else None
            members = case.members(effect.position)
            grant_approval(session, case.row, effect, desk.keys, item=item, members=members)


def _moved(session: Session, row: Task, after: CoreTask, now: datetime) -> Task | None:
    columns = columns_of(after)
    if row.closed_at is not None:
        columns.pop("status")
    queues = after.queues()
    if not tasks.transition(session, row.id, row.version, columns, now=now, queues=queues):
        return None
    columns |= {"version": row.version + 1, "updated_at": now}
    return row.model_copy(update=columns)


def _vote(desk: Desk, row: Task, cast: VoteCast, note: BallotNote) -> Vote:
    vote = cast.vote
    behalf = vote.on_behalf_of
    return Vote(
        task_id=row.id,
        step=cast.slot,
        approver_type=vote.person[0],
        approver_id=vote.person[1],
        id=desk.new_id("vote_"),
        decision=vote.decision,
        at=vote.at,
        items=[cast.position] if row.item_count else None,
        reason_code=vote.reason_code,
        comment=note.comment,
        approved_until=vote.approved_until,
        scope=vote.scope.to_json() if vote.scope else None,
        on_behalf_of=_person(behalf),
        caller=note.caller,
        policies=list(vote.evidence),
    )


def _person(person: EntityUid | None) -> JsonObject | None:
    return None if person is None else {"type": person[0], "id": person[1]}
