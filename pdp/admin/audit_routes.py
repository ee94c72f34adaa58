"""`/admin/v1/audit`: what happened, the chain's signed head, and whether the chain is whole."""

from datetime import UTC, datetime
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request

from pdp.admin.moments import require_moments
from pdp.background.audit_export import document
from pdp.background.audit_heads import (
    InvalidHead,
    check,
    head_document,
    head_from_document,
    sign_head,
)
from pdp.core.values import JsonValue
from pdp.errors import INVALID_REQUEST, NOT_FOUND, Problem
from pdp.ops.dependencies import caller_with, json_body
from pdp.ops.problem_doc import problem_responses
from pdp.store import audit_chain
from pdp.store.audit_chain import AuditFilter, AuditHead
from pdp.trust.callers import Caller

router = APIRouter(prefix="/admin/v1/audit", tags=["audit"])

Reader = Annotated[Caller, Depends(caller_with("admin", "auditor"))]
Body = Annotated[JsonValue, Depends(json_body)]
Moment = Annotated[datetime | None, Query(description="With an offset, such as `Z`.")]


@router.get("", summary="Search the audit", responses=problem_responses())
async def search_audit(
    request: Request,
    caller: Reader,
    task: Annotated[str | None, Query(description="The task's id.")] = None,
    event: str | None = None,
    actor: Annotated[str | None, Query(description="The id of who did it.")] = None,
    actor_type: str | None = None,
    since: Moment = None,
    until: Moment = None,
    before: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="Only events before this one.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Events, newest first; `next_before` is null at the end."""
    require_moments(since=since, until=until)
    wanted = AuditFilter(
        task_id=task,
        event=event,
        actor_id=actor,
        actor_type=actor_type,
        since=since,
        until=until,
    )
    found = await request.app.state.database.aread(
        lambda session: audit_chain.search(session, wanted, before, limit + 1)
    )
    more, found = len(found) > limit, found[:limit]
    return {
        "items": [document(record) for record in found],
        "next_before": found[-1].seq if more else None,
    }


@router.get("/head", summary="The chain's end, signed", responses=problem_responses(404))
async def signed_head(request: Request, caller: Reader) -> dict[str, Any]:
    """Sign the newest event's number and hash; kept elsewhere, it shows a chain that was cut."""
    state = request.app.state
    signed = await anyio.to_thread.run_sync(
        sign_head, state.database, state.keys, state.settings.base_url, datetime.now(UTC)
    )
    if signed is None:
        raise Problem(NOT_FOUND, "the audit is empty, so there is nothing to sign")
    return head_document(signed)


@router.get("/verify", summary="Whether the audit is whole", responses=problem_responses())
async def verify(request: Request, caller: Reader) -> dict[str, Any]:
    """Check every number, link and hash, and the newest signed head; this reads the whole audit."""
    return await _verified(request, None)


@router.post(
    "/verify",
    summary="Whether the audit is whole and goes on from a head kept elsewhere",
    responses=problem_responses(),
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {}}}},
)
async def verify_against_head(request: Request, caller: Reader, body: Body) -> dict[str, Any]:
    """The body is a head as `/admin/v1/audit/head` gave it."""
    try:
        kept = head_from_document(body)
    except InvalidHead as error:
        raise Problem(INVALID_REQUEST, str(error)) from None
    return await _verified(request, kept)


async def _verified(request: Request, kept: AuditHead | None) -> dict[str, Any]:
    state = request.app.state
    checked = await anyio.to_thread.run_sync(check, state.database, state.keys, kept)
    verdict = checked.verdict
    return {
        "whole": verdict.fault is None,
        **verdict._asdict(),
        "unverifiable_heads": checked.unverifiable,
    }
