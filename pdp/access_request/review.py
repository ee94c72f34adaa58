"""The review that every emergency approval calls for, by somebody who had no part in it.

While a review is overdue its subject gets nothing more on that emergency path: neither a new
request nor the use of an approval that is there.
"""

from datetime import datetime
from typing import Literal, NamedTuple, cast

from pdp.access_request.case import Case, load_case
from pdp.access_request.desk import Desk
from pdp.access_request.rights import RequestAction, Rights, facts_of
from pdp.core.authzen import InvalidRequest
from pdp.core.cause import Cause
from pdp.core.moment import format_moment
from pdp.core.values import EntityUid, JsonObject, JsonValue
from pdp.errors import CONFLICT, FORBIDDEN, NOT_FOUND, Problem
from pdp.store import approvals, reviews
from pdp.store.approval_records import approvers_of
from pdp.store.engine import Session
from pdp.store.reviews import Review
from pdp.trust.callers import Caller

Verdict = Literal["justified", "misused"]
VERDICTS: tuple[Verdict, ...] = ("justified", "misused")
LONGEST_COMMENT = 4000


class Finding(NamedTuple):
    """What a review came to; one of misuse also ends the approval."""

    verdict: Verdict
    comment: str | None = None


def finding_from(body: JsonValue) -> Finding:
    """Read `{"verdict", "comment"}`; raises `InvalidRequest`."""
    if not isinstance(body, dict):
        raise InvalidRequest("", "must be an object")
    verdict, comment = body.get("verdict"), body.get("comment")
    if verdict not in VERDICTS:
        raise InvalidRequest("/verdict", f"must be one of {', '.join(VERDICTS)}")
    if comment is not None and (type(comment) is not str or len(comment) > LONGEST_COMMENT):
        raise InvalidRequest("/comment", f"must be a text of at most {LONGEST_COMMENT} characters")
    return Finding(cast(Verdict, verdict), comment)


def close_review(
    session: Session,
    desk: Desk,
    review_id: str,
    finding: Finding,
    caller: Caller,
    person: EntityUid | None,
    *,
    cause: Cause,
    now: datetime,
) -> Review:
    """Close a review in the caller's transaction.

    Raises:
        Problem: 404 for one that is not there or not to be seen, 403 for whoever had a part in
            the emergency or may not end the approval, 409 for one that was closed before.
    """
    review = reviews.get(session, review_id)
    case = load_case(session, review.task_id) if review is not None else None
    if review is None or case is None:
        raise _unknown()
    _require_reviewer(session, desk, review, case, caller, person, now)
    reviewer = person or ("caller", caller.id)
    outcome = {"verdict": finding.verdict, "comment": finding.comment}
    if not reviews.close(session, review_id, reviewer, outcome, now):
        raise Problem(CONFLICT, "the review was closed before")
    told: JsonObject = {"review": review_id, "approval": review.approval_ref, **outcome}
    desk.record(session, "review.closed", told, case.row, cause, now)
    if finding.verdict == "misused" and review.approval_ref is not None:
        _end_misused(session, desk, review.approval_ref, reviewer, case, cause, now)
    return review.model_copy(
        update={
            "done_at": now,
            "reviewer_type": reviewer[0],
            "reviewer_id": reviewer[1],
            "outcome": outcome,
        }
    )


def may_see_review(
    session: Session, desk: Desk, review: Review, person: EntityUid, now: datetime
) -> bool:
    """Whether a person may see a review: whoever policy lets end the approval, or view it."""
    case = load_case(session, review.task_id)
    return case is not None and (
        _permitted(desk, case, person, "revoke", now) or _permitted(desk, case, person, "view", now)
    )


def review_json(review: Review, now: datetime) -> JsonObject:
    """A review as it is shown."""
    shown: JsonObject = {
        "id": review.id,
        "task": review.task_id,
        "approval": review.approval_ref,
        "template": review.template,
        "subject": {"type": review.subject_type, "id": review.subject_id},
        "opened_at": format_moment(review.opened_at),
        "due_at": format_moment(review.due_at),
        "overdue": review.done_at is None and review.due_at <= now,
    }
    if review.done_at is not None:
        shown["done_at"] = format_moment(review.done_at)
        shown["reviewer"] = {"type": review.reviewer_type, "id": review.reviewer_id}
        shown |= {name: each for name, each in (review.outcome or {}).items() if each is not None}
    return shown


def _require_reviewer(
    session: Session,
    desk: Desk,
    review: Review,
    case: Case,
    caller: Caller,
    person: EntityUid | None,
    now: datetime,
) -> None:
    if person is None:
        if "admin" not in caller.roles:
            raise _unknown()
        return
    row = approvals.by_ref(session, review.approval_ref or "")
    subject = Rights(desk.authorizer(), now).subject_uid(facts_of(case, 0))
    involved = {subject, *(approvers_of(row) if row is not None else ())}
    entitled = person == caller.subject and "admin" in caller.roles
    if not entitled and not _permitted(desk, case, person, "revoke", now):
        if not _permitted(desk, case, person, "view", now):
            raise _unknown()
        raise Problem(FORBIDDEN, "no policy lets this person end the approval")
    if person in involved:
        raise Problem(FORBIDDEN, "whoever had a part in the emergency cannot review it")


def _permitted(
    desk: Desk, case: Case, person: EntityUid, action: RequestAction, now: datetime
) -> bool:
    rights = Rights(desk.authorizer(), now)
    return any(
        rights.permitted(person, action, facts_of(case, item.position)) is not None
        for item in case.task.items
    )


def _end_misused(
    session: Session,
    desk: Desk,
    ref: str,
    reviewer: EntityUid,
    case: Case,
    cause: Cause,
    now: datetime,
) -> None:
    if approvals.revoke(session, ref, by="::".join(reviewer), reason="misused", now=now):
        told: JsonObject = {"approval": ref, "reason": "misused"}
        desk.record(session, "approval.revoked", told, case.row, cause, now)
        desk.publish(session, "revoked", case.row, (), now)


def _unknown() -> Problem:
    return Problem(NOT_FOUND, "there is no such review")
