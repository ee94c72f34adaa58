"""`/queue/v1/reviews`: what was allowed in an emergency, looked at afterwards."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from pdp.access_request.review import (
    Finding,
    close_review,
    finding_from,
    may_see_review,
    review_json,
)
from pdp.core.authzen import InvalidRequest
from pdp.core.values import JsonObject
from pdp.ops.dependencies import invalid_request
from pdp.queue.asking import (
    ActsFor,
    Asker,
    Body,
    cause_of,
    desk_of,
    named_approver,
    named_in_query,
    object_of,
    sight_for,
)
from pdp.queue.doc import CURSOR, PERSON, TASK_ID, documented
from pdp.queue.listing import LARGEST_PAGE
from pdp.queue.sight import Sight, person_of
from pdp.queue.task_routes import cursor_from
from pdp.store import reviews
from pdp.store.engine import Session

router = APIRouter(prefix="/queue/v1/reviews", tags=["queue"])

_EXAMPLE: JsonObject = {
    "id": "rev_9Jx1x0v0WlYv",
    "task": TASK_ID,
    "approval": "aprf_9Jx1x0v0WlYv",
    "template": "break_glass",
    "subject": {"type": "user", "id": "alice@example.com"},
    "opened_at": "2026-04-30T20:06:00Z",
    "due_at": "2026-05-03T20:06:00Z",
    "overdue": False,
}


@router.get(
    "",
    summary="Reviews of emergencies, newest first",
    **documented({"items": [_EXAMPLE], "next_cursor": CURSOR}),
)
async def list_reviews(
    request: Request,
    caller: Asker,
    done: Annotated[bool | None, Query(description="Only those closed, or still open.")] = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
    approver: ActsFor = None,
) -> Any:
    """A page of the reviews that the caller may see; it may be short and have a next one."""
    desk = desk_of(request)
    sight = sight_for(caller, named_in_query(approver, desk))
    place, now = cursor_from(cursor), desk.clock()

    def read(session: Session) -> JsonObject:
        page = reviews.page(session, done=done, cursor=place, limit=limit)
        seen = [
            review_json(review, now)
            for review in page.items
            if sight == Sight()
            or (sight.person and may_see_review(session, desk, review, sight.person, now))
        ]
        return {"items": seen, "next_cursor": page.next and page.next.encode()}

    return await desk.database.aread(read)


@router.post(
    "/{review_id}",
    summary="Close a review",
    **documented(
        {"review": _EXAMPLE | {"verdict": "justified"}},
        404,
        409,
        body={"verdict": "justified", "comment": "The payment run had stopped", "approver": PERSON},
    ),
)
async def close(request: Request, caller: Asker, review_id: str, body: Body) -> Any:
    """Say whether an emergency was `justified` or `misused`; misuse ends the approval at once.

    By an administrator, or by a person whom the policies permit `access_request:revoke` and who
    neither asked nor approved.
    """
    desk = desk_of(request)
    asked = object_of(body)
    try:
        finding: Finding = finding_from(asked)
    except InvalidRequest as fault:
        raise invalid_request(fault) from None
    named = named_approver(asked, desk)
    person = caller.subject if named is None else person_of(caller, named)
    cause, now = cause_of(request, caller, person), desk.clock()
    closed = await desk.database.awrite(
        lambda session: close_review(
            session, desk, review_id, finding, caller, person, cause=cause, now=now
        )
    )
    return {"review": review_json(closed, now)}
