"""`/access/v1/requests`: ask for access, follow the request, cancel it (ARAP)."""

from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Header, Path, Request, Response

from pdp.access_request.callback import check_address
from pdp.access_request.cancel import cancel_task, require_ended, withdrawal_from
from pdp.access_request.denials import tokens_of
from pdp.access_request.desk import Desk
from pdp.access_request.idempotent import Key, key_of
from pdp.access_request.routes_doc import CANCELLED, STATUS, SUBMITTED
from pdp.access_request.status import Shown, show_task, shown, viewer_of
from pdp.access_request.submission import Submission, submission_from
from pdp.access_request.submit import (
    Receipt,
    check_submission,
    place_order,
    recognised,
    require_subject,
)
from pdp.core.authzen import InvalidRequest
from pdp.core.cause import Cause
from pdp.core.values import JsonObject, JsonValue
from pdp.errors import UNSUPPORTED, Problem
from pdp.ops.dependencies import (
    caller_of,
    caller_with,
    invalid_request,
    json_body,
    json_body_or_nothing,
    languages_of,
    origin_of,
)
from pdp.store.engine import Session
from pdp.trust.callers import Caller

router = APIRouter(prefix="/access/v1/requests", tags=["access requests"])

Pep = Annotated[Caller, Depends(caller_with("pep"))]
Anybody = Annotated[Caller, Depends(caller_of)]
Body = Annotated[JsonValue, Depends(json_body)]
MaybeBody = Annotated[Any, Depends(json_body_or_nothing)]
TaskId = Annotated[str, Path(description="The opaque `task.id`.")]
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", description="The same for every repeat.")
]


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    if not desk.settings.access_requests.enabled or desk.settings.access_requests.endpoint:
        raise Problem(UNSUPPORTED, "access requests are not taken here")
    return desk


@router.post("", summary="Ask for what was denied", status_code=202, **SUBMITTED)
async def submit(
    request: Request,
    response: Response,
    caller: Pep,
    body: Body,
    idempotency_key: IdempotencyKey = None,
) -> JsonObject:
    """Open a request for a denied evaluation, or for several as one (ARAP, Submission).

    202 with the task that decides it, or 201 when it is settled at once. The same
    `Idempotency-Key` with the same body finds the same request again.
    """
    desk = _desk(request)
    try:
        content, submission = _read(body)
        require_subject(submission, caller, desk.authorizer())
        key = key_of(idempotency_key, caller, content)
        receipt = await _received(desk, submission, caller, key, _cause(request, caller))
    except InvalidRequest as fault:
        raise invalid_request(fault) from None
    viewer = viewer_of(desk, receipt.case.row, caller)
    assert viewer is not None
    languages = languages_of(request)
    found = await desk.database.aread(
        lambda session: shown(session, desk, receipt.case, viewer, desk.clock(), languages)
    )
    response.status_code = receipt.status
    response.headers["Location"] = desk.status_url(receipt.case.row.id)
    return _answer(response, found)


@router.get("/{task_id}", summary="How a request stands", **STATUS)
async def status(request: Request, response: Response, caller: Anybody, task_id: TaskId) -> Any:
    """The Task Handle, for the caller that submitted it; with its result once approved."""
    desk = _desk(request)
    languages = languages_of(request)
    found = await desk.database.apeek(
        lambda session: show_task(session, desk, task_id, caller, desk.clock(), languages)
    )
    return _answer(response, found)


@router.post("/{task_id}/cancel", summary="Cancel a request", **CANCELLED)
@router.delete("/{task_id}/cancel", summary="Cancel a request", **CANCELLED)
async def cancel(
    request: Request, response: Response, caller: Anybody, task_id: TaskId, body: MaybeBody
) -> Any:
    """End what is still pending of a request; `{"reason", "comment"}` may say why."""
    desk = _desk(request)
    try:
        why = withdrawal_from(body)
    except InvalidRequest as fault:
        raise invalid_request(fault) from None
    cause, now = _cause(request, caller), desk.clock()
    ended = await desk.database.awrite(
        lambda session: cancel_task(session, desk, task_id, caller, why, cause=cause, now=now)
    )
    case = require_ended(ended)
    viewer = viewer_of(desk, case.row, caller)
    assert viewer is not None
    languages = languages_of(request)
    found = await desk.database.aread(
        lambda session: shown(session, desk, case, viewer, now, languages)
    )
    return _answer(response, found)


def _read(body: JsonValue) -> tuple[JsonObject, Submission]:
    if type(body) is not dict:
        raise InvalidRequest("", "must be a JSON object")
    return body, submission_from(body)


async def _received(
    desk: Desk, submission: Submission, caller: Caller, key: Key | None, cause: Cause
) -> Receipt:
    """A request is recognised by its key before its denial is looked at, which may be over."""
    now = desk.clock()
    if key is not None:
        known = await desk.database.aread(lambda session: recognised(session, key, now))
        if known is not None:
            return known
    for token in tokens_of(submission):
        await desk.trusted.prepare(token)
    order = await anyio.to_thread.run_sync(check_submission, desk, submission, caller, now)
    await check_address(order.callback, desk.outbound)

    def place(session: Session) -> Receipt:
        return place_order(session, desk, order, key, cause=cause, now=now)

    return await desk.database.awrite(place)


def _answer(response: Response, found: Shown) -> JsonObject:
    response.headers["Cache-Control"] = "no-store"
    if found.retry_after is not None:
        response.headers["Retry-After"] = str(found.retry_after)
    return found.body


def _cause(request: Request, caller: Caller) -> Cause:
    actor: JsonObject = {"client_id": caller.client_id} if caller.client_id else {}
    if caller.actor_chain:
        actor["act"] = list(caller.actor_chain)
    return Cause("caller", caller.id, actor or None, origin_of(request.scope, "arap"))
