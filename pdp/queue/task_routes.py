"""`/queue/v1/tasks`: the requests that wait or waited, and one of them whole."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response

from pdp.access_request.approver import Approver
from pdp.access_request.case import Case
from pdp.access_request.decide import Decided, decide, require_accepted, seen_case
from pdp.access_request.desk import Desk
from pdp.access_request.verdict import Verdict, reference_from, verdict_from
from pdp.core.authzen import InvalidRequest
from pdp.core.values import EntityUid, JsonObject
from pdp.ops.dependencies import invalid_request, languages_of
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
    uid_of,
    version_wanted,
)
from pdp.queue.detail import detail
from pdp.queue.doc import CURSOR, DECISION, LINE, TASK, documented
from pdp.queue.listing import LARGEST_PAGE, list_tasks
from pdp.queue.sight import Sight, person_of
from pdp.store.engine import Session
from pdp.store.records import Cursor
from pdp.store.task_listing import TaskFilter
from pdp.trust.callers import Caller

router = APIRouter(prefix="/queue/v1/tasks", tags=["queue"])

Words = Annotated[str | None, Query(max_length=1000)]
Status = Literal["pending", "approved", "denied", "expired", "cancelled", "failed", "partial"]


@router.get(
    "", summary="Requests, newest first", **documented({"items": [LINE], "next_cursor": CURSOR})
)
async def list_requests(
    request: Request,
    caller: Asker,
    status: Status | None = None,
    queue: Annotated[list[str] | None, Query(max_length=50)] = None,
    client: Words = None,
    subject: Words = None,
    subject_type: Words = None,
    resource: Words = None,
    resource_type: Words = None,
    template: Words = None,
    transport: Words = None,
    emergency: bool | None = None,
    q: Annotated[str | None, Query(max_length=200, description="Words, all to be found.")] = None,
    sort: Literal["newest", "oldest"] = "newest",
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
    cursor: Words = None,
    approver: ActsFor = None,
) -> Any:
    """A page of what the caller may see; it stays good while the queue moves."""
    desk = desk_of(request)
    sight = sight_for(caller, named_in_query(approver, desk))
    wanted = TaskFilter(
        status=status,
        queues=None if queue is None else tuple(queue),
        client=client,
        subject_id=subject,
        subject_type=subject_type,
        resource_id=resource,
        resource_type=resource_type,
        template=template,
        transport=transport,
        emergency=emergency,
        q=q,
    )
    place, now = cursor_from(cursor), desk.clock()
    listed = await desk.database.aread(
        lambda session: list_tasks(
            session, desk, sight, wanted, place, limit, now, newest_first=sort == "newest"
        )
    )
    following = None if listed.next is None else listed.next.encode()
    return {"items": listed.items, "next_cursor": following}


@router.get("/{task_id}", summary="A request whole", **documented(TASK, 404))
async def show_request(
    request: Request, response: Response, caller: Asker, task_id: str, approver: ActsFor = None
) -> Any:
    """Who asks for what and why, who may decide it, and what has happened; with an `ETag`."""
    desk = desk_of(request)
    named = named_in_query(approver, desk)
    sight = sight_for(caller, named)
    person = named or caller.subject
    now = desk.clock()

    def read(session: Session) -> tuple[int, JsonObject]:
        case = seen_case(session, task_id, lambda s, found: sight.sees(s, desk, found, now))
        inside = sight.is_inside(case, desk.authorizer())
        languages = languages_of(request)
        return case.row.version, detail(session, desk, case, person, now, languages, inside=inside)

    version, body = await desk.database.aread(read)
    response.headers["ETag"] = f'"{version}"'
    response.headers["Cache-Control"] = "no-store"
    return {"task": body}


@router.post(
    "/{task_id}/decisions",
    summary="Approve or deny",
    **documented(TASK, 404, 409, 412, body=DECISION, status=201),
)
async def decide_request(
    request: Request,
    response: Response,
    caller: Asker,
    task_id: str,
    body: Body,
    if_match: Annotated[str | None, Header()] = None,
) -> Any:
    """Count a decision of a person whom a policy lets decide it.

    403 when no policy lets this person, 409 when it is no longer open or the person has decided
    already. `approved_until`, `scope` and `items` approve for less, or for more where the workflow
    allows it.
    """
    desk = desk_of(request)
    asked = object_of(body)
    verdict, approver, sight = read_decision(asked, caller, desk)
    expected, now = version_wanted(if_match), desk.clock()
    cause = cause_of(request, caller, approver.person)

    def write(session: Session) -> Decided:
        return decide(
            session, desk, task_id, approver, verdict,
            sees=lambda s, found: sight.sees(s, desk, found, now),
            cause=cause, now=now, expected=expected,
        )  # fmt: skip

    case = require_accepted(await desk.database.awrite(write))
    return await shown_whole(request, response, desk, case, approver.person, inside=True)


def read_decision(
    body: JsonObject, caller: Caller, desk: Desk, at: str = ""
) -> tuple[Verdict, Approver, Sight]:
    """A decision, who takes it, and what the caller may see.

    Raises:
        Problem: 400 for its shape, 403 for a caller that may not name another person.
    """
    try:
        verdict = verdict_from(body, at)
        behalf = body.get("on_behalf_of")
        other = None
        if behalf is not None:
            other = uid_of(reference_from(behalf, f"{at}/on_behalf_of"), desk)
    except InvalidRequest as fault:
        raise invalid_request(fault) from None
    named = named_approver(body, desk)
    person = person_of(caller, named)
    return verdict, Approver(person, caller.id, other), sight_when_deciding(caller, person)


def sight_when_deciding(caller: Caller, person: EntityUid) -> Sight:
    """What a caller may know of that lets a person decide through it: all that it may see."""
    if caller.subject == person and caller.roles.isdisjoint({"admin", "approver_proxy"}):
        return sight_for(caller, person)
    return sight_for(caller, None)


async def shown_whole(
    request: Request,
    response: Response,
    desk: Desk,
    case: Case,
    person: EntityUid | None,
    *,
    inside: bool,
) -> JsonObject:
    """The answer to a change: the request as it is afterwards."""
    languages, now = languages_of(request), desk.clock()
    body = await desk.database.aread(
        lambda session: detail(session, desk, case, person, now, languages, inside=inside)
    )
    response.headers["ETag"] = f'"{case.row.version}"'
    response.headers["Cache-Control"] = "no-store"
    return {"task": body}


def cursor_from(text: str | None) -> Cursor | None:
    """The place of a page; raises `Problem` 400."""
    if text is None:
        return None
    try:
        return Cursor.decode(text)
    except ValueError:
        raise invalid_request(
            InvalidRequest("/query/cursor", "is no cursor of this list")
        ) from None
