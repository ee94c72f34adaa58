"""`/queue/v1/approvals`: what was approved, and ending it before its time."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from pdp.access_request.case import case_of, load_case
from pdp.access_request.desk import Desk
from pdp.access_request.provision import provision
from pdp.access_request.revoke import LONGEST_REASON, revoke
from pdp.access_request.revoke import Asker as Revoker
from pdp.access_request.rights import RequestAction, Rights, facts_of
from pdp.access_request.verdict import text_of
from pdp.core.authzen import InvalidRequest
from pdp.core.values import EntityUid, JsonObject
from pdp.errors import NOT_FOUND, Problem
from pdp.ops.dependencies import invalid_request
from pdp.queue.asking import (
    ActsFor,
    Asker,
    MaybeBody,
    cause_of,
    desk_of,
    named_approver,
    named_in_query,
    object_of,
    sight_for,
)
from pdp.queue.detail import approval_json
from pdp.queue.doc import APPROVAL, CURSOR, PERSON, documented
from pdp.queue.listing import LARGEST_PAGE
from pdp.queue.sight import Sight, person_of
from pdp.queue.task_routes import cursor_from
from pdp.store import approval_listing, approvals
from pdp.store.approval_listing import ApprovalFilter
from pdp.store.approvals import Approval
from pdp.store.engine import Session
from pdp.store.records import Cursor
from pdp.store.tasks import Task

router = APIRouter(prefix="/queue/v1/approvals", tags=["queue"])

_MOST_LOOKED_AT = 500
Words = Annotated[str | None, Query(max_length=1000)]


@router.get(
    "",
    summary="Approvals, newest first",
    **documented({"items": [APPROVAL], "next_cursor": CURSOR}),
)
async def list_approvals(
    request: Request,
    caller: Asker,
    live: Annotated[bool | None, Query(description="Only those that count, or no longer.")] = None,
    subject: Words = None,
    subject_type: Words = None,
    resource: Words = None,
    resource_type: Words = None,
    template: Words = None,
    task: Words = None,
    emergency: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
    cursor: Words = None,
    approver: ActsFor = None,
) -> Any:
    """A page of the approvals of the requests that the caller may see."""
    desk = desk_of(request)
    sight = sight_for(caller, named_in_query(approver, desk))
    wanted = ApprovalFilter(
        live=live,
        requester=sight.requester,
        subject_id=subject,
        subject_type=subject_type,
        resource_id=resource,
        resource_type=resource_type,
        template=template,
        task_id=task,
        emergency=emergency,
    )
    place, now = cursor_from(cursor), desk.clock()
    items, following = await desk.database.aread(
        lambda session: _page(session, desk, sight, wanted, place, limit, now)
    )
    return {"items": items, "next_cursor": following and following.encode()}


@router.get("/{ref}", summary="An approval", **documented({"approval": APPROVAL}, 404))
async def show_approval(request: Request, caller: Asker, ref: str, approver: ActsFor = None) -> Any:
    """One approval by its reference, or by the secret id that its requester was given."""
    desk = desk_of(request)
    sight = sight_for(caller, named_in_query(approver, desk))
    now = desk.clock()

    def read(session: Session) -> JsonObject:
        row = approvals.by_ref(session, ref) or approvals.by_id(session, ref)
        if row is None or not _visible(session, desk, sight, row, now):
            raise Problem(NOT_FOUND, "there is no such approval")
        return approval_json(row, now)

    return {"approval": await desk.database.aread(read)}


@router.post(
    "/{ref}/revoke",
    summary="End an approval",
    **documented(
        {"approval": APPROVAL | {"live": False}},
        404,
        409,
        body={"reason": "The meeting is over", "approver": PERSON},
        required=False,
    ),
)
async def revoke_approval(request: Request, caller: Asker, ref: str, body: MaybeBody) -> Any:
    """End it for the very next evaluation, on every replica.

    By whom the policies permit `access_request:revoke`, by the client that asked for it, or by an
    administrator.
    """
    desk = desk_of(request)
    asked = object_of(body)
    try:
        reason = text_of(asked, "reason", LONGEST_REASON)
    except InvalidRequest as fault:
        raise invalid_request(fault) from None
    named = named_approver(asked, desk)
    person = caller.subject if named is None else person_of(caller, named)
    cause, now = cause_of(request, caller, person), desk.clock()
    revoker = Revoker(caller, person, cause.origin)
    row = await desk.database.awrite(
        lambda session: revoke(
            session,
            ref,
            revoker,
            reason=reason,
            now=now,
            rights=lambda who, action, task, position: _permitted(
                session, desk, who, action, task, position, now
            ),
            publish=desk.publish,
        )
    )
    return {"approval": approval_json(row, now)}


@router.post(
    "/{ref}/provisioned",
    summary="Report that an approval can be used",
    **documented({"approval": APPROVAL}, 404, 409),
)
async def provisioned(request: Request, caller: Asker, ref: str) -> Any:
    """End the waiting of an approval whose workflow has `provisioning: true`.

    By the client that asked for it, once what was approved is in place, or by an administrator.
    """
    desk = desk_of(request)
    cause, now = cause_of(request, caller), desk.clock()
    row = await desk.database.awrite(
        lambda session: provision(session, desk, ref, caller, cause, now)
    )
    return {"approval": approval_json(row, now)}


def _permitted(
    session: Session,
    desk: Desk,
    person: EntityUid,
    action: str,
    task: Task,
    position: int,
    now: datetime,
) -> tuple[str, ...] | None:
    case = case_of(session, task)
    wanted: RequestAction = "revoke" if action == "revoke" else "view"
    item = case.task.items[position]
    step = case.task.plan_of(item).workflow.steps[item.step].name
    return Rights(desk.authorizer(), now).permitted(person, wanted, facts_of(case, position, step))


def _page(
    session: Session,
    desk: Desk,
    sight: Sight,
    wanted: ApprovalFilter,
    cursor: Cursor | None,
    limit: int,
    now: datetime,
) -> tuple[list[JsonObject], Cursor | None]:
    found: list[JsonObject] = []
    looked_at = 0
    while True:
        page = approval_listing.page(session, wanted, cursor, limit, now)
        for row in page.items:
            cursor = Cursor(row.approved_at, row.ref)
            looked_at += 1
            if _visible(session, desk, sight, row, now):
                found.append(approval_json(row, now))
            if len(found) == limit:
                last = row is page.items[-1] and page.next is None
                return found, None if last else cursor
        if page.next is None:
            return found, None
        if looked_at >= _MOST_LOOKED_AT:
            return found, cursor


def _visible(session: Session, desk: Desk, sight: Sight, row: Approval, now: datetime) -> bool:
    if sight.requester not in (None, row.requester):
        return False
    if sight.person is None:
        return True
    case = load_case(session, row.task_id)
    return case is not None and sight.sees(session, desk, case, now)
