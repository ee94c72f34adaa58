"""A person decides on a request (contract, the queue API)."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from pdp.access_request.approver import Approver, powers_of
from pdp.access_request.case import Case, case_of
from pdp.access_request.desk import Desk
from pdp.access_request.report import report, reportable, waits_for_report
from pdp.access_request.rights import Rights
from pdp.access_request.status import unknown_task
from pdp.access_request.transition import BallotNote, VoteKeptBefore, keep, retrying
from pdp.access_request.verdict import Verdict, scope_of
from pdp.core.cause import Cause
from pdp.core.task import open_questions
from pdp.core.task_ballot import Ballot
from pdp.core.task_clock import tick
from pdp.core.task_effects import Change, Reason, Refusal
from pdp.core.task_vote import vote
from pdp.core.values import EntityUid
from pdp.errors import (
    CONFLICT,
    FORBIDDEN,
    INVALID_REQUEST,
    PRECONDITION_FAILED,
    Kind,
    Problem,
)
from pdp.store import tasks
from pdp.store.engine import Session

Sees = Callable[[Session, Case], bool]
"""Whether whoever asks may know of a request at all."""

_KINDS: dict[Reason, Kind] = {
    "not_eligible": FORBIDDEN,
    "not_named": FORBIDDEN,
    "no_such_item": INVALID_REQUEST,
    "no_such_step": INVALID_REQUEST,
    "passed": INVALID_REQUEST,
    "narrowing": INVALID_REQUEST,
    "scope": INVALID_REQUEST,
}


class Decided(NamedTuple):
    """The request afterwards; a refusal is answered after the transaction, which keeps the time."""

    case: Case
    refusal: Refusal | None = None


def decide(
    session: Session,
    desk: Desk,
    task_id: str,
    approver: Approver,
    verdict: Verdict,
    *,
    sees: Sees,
    cause: Cause,
    now: datetime,
    expected: int | None = None,
) -> Decided:
    """Count a person's decision, in the caller's transaction.

    1. read the request, as far as the asker may see it, at the version expected if any;
    2. let time pass; 3. ask Cedar, at this moment, for every step that is open: for the person,
    else for whom the person stands in; 4. count the vote; 5. keep it with all that follows.
    Where nothing waits for people, a third party may report the outcome of its step.

    Raises:
        Problem: 404 for a request that the asker may not see, 412 for another version than
            expected, 400 for a scope that cannot be, 403 for a third party's step that no policy
            lets this person report on.
    """

    def change_of(case: Case) -> Change:
        authorizer = desk.authorizer()
        rights = Rights(authorizer, now)
        questions = open_questions(tick(case.task, now).task)
        powers = powers_of(session, rights, case, approver, questions, now)
        ballot = Ballot(
            approver.person,
            verdict.decision,
            powers.on_behalf_of,
            verdict.step,
            verdict.items,
            verdict.approved_until,
            scope_of(verdict.scope, case, authorizer, rights),
            verdict.reason_code,
            verdict.rest,
        )
        return vote(case.task, ballot, powers.permitted, now)

    reported = _reported(
        session, desk, task_id, approver, verdict, sees=sees, cause=cause, now=now,
        expected=expected,
    )  # fmt: skip
    if reported is not None:
        return reported
    note = BallotNote(verdict.comment, approver.caller)
    return changed(
        session, desk, task_id, change_of, sees=sees, cause=cause, now=now, expected=expected,
        note=note,
    )  # fmt: skip


def _reported(
    session: Session,
    desk: Desk,
    task_id: str,
    approver: Approver,
    verdict: Verdict,
    *,
    sees: Sees,
    cause: Cause,
    now: datetime,
    expected: int | None,
) -> Decided | None:
    case = seen_case(session, task_id, sees)
    require_version(case, expected)
    rights = Rights(desk.authorizer(), now)
    if open_questions(tick(case.task, now).task):
        return None
    found = reportable(rights, case, approver, verdict, now)
    if found is None:
        if waits_for_report(case, verdict, now):
            raise Problem(
                FORBIDDEN,
                "no policy lets this person report on that step",
                extra={"refusal": {"reason": "not_eligible", "status": case.task.status}},
            )
        return None
    return Decided(report(session, desk, case, found, verdict, cause=cause, now=now))


def require_version(case: Case, expected: int | None) -> None:
    """Let pass a request that nobody changed since it was read; raises `Problem` 412."""
    if expected is not None and case.row.version != expected:
        raise Problem(PRECONDITION_FAILED, "the request has changed since it was read")


def changed(
    session: Session,
    desk: Desk,
    task_id: str,
    change_of: Callable[[Case], Change],
    *,
    sees: Sees,
    cause: Cause,
    now: datetime,
    expected: int | None = None,
    note: BallotNote = BallotNote(),  # noqa: B008 - a frozen value
) -> Decided:
    """Change a request that the asker may see, by compare-and-set; raises as `decide`."""

    def once() -> Decided | None:
        case = seen_case(session, task_id, sees)
        require_version(case, expected)
        change = change_of(case)
        try:
            kept = keep(session, desk, case, change, cause=cause, now=now, note=note)
        except VoteKeptBefore:
            raise Problem(CONFLICT, "this person has decided already") from None
        return None if kept is None else Decided(kept, change.refusal)

    return retrying(once)


def seen_case(session: Session, task_id: str, sees: Sees) -> Case:
    """A request that the asker may see; raises `Problem` 404 for any other alike."""
    row = tasks.get(session, task_id)
    case = None if row is None else case_of(session, row)
    if case is None or not sees(session, case):
        raise unknown_task()
    return case


def require_accepted(decided: Decided) -> Case:
    """The request as decided; raises `Problem` 403, 400 or 409 for a refusal, which it names."""
    refusal = decided.refusal
    if refusal is None:
        return decided.case
    kind = _KINDS.get(refusal.reason, CONFLICT)
    extra = {"reason": refusal.reason, "status": decided.case.task.status}
    raise Problem(kind, refusal.detail, extra={"refusal": extra})


def may_decide(session: Session, desk: Desk, case: Case, person: EntityUid, now: datetime) -> bool:
    """Whether a person may decide anything of a request now."""
    task = tick(case.task, now).task
    rights = Rights(desk.authorizer(), now)
    approver = Approver(person, "")
    return bool(powers_of(session, rights, case, approver, open_questions(task), now).permitted)
