"""`/admin/v1/decisions`: the decision log."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from pdp.admin.moments import require_moments
from pdp.errors import INVALID_REQUEST, Problem
from pdp.ops.dependencies import caller_with
from pdp.ops.problem_doc import problem_responses
from pdp.store import decisions
from pdp.store.records import Cursor
from pdp.trust.callers import Caller

router = APIRouter(prefix="/admin/v1/decisions", tags=["decisions"])

Reader = Annotated[Caller, Depends(caller_with("admin", "auditor"))]


@router.get("", summary="Search the decision log", responses=problem_responses())
async def search_decisions(
    request: Request,
    caller: Reader,
    since: datetime | None = None,
    until: datetime | None = None,
    subject: Annotated[str | None, Query(description="The subject's id.")] = None,
    resource: Annotated[str | None, Query(description="The resource's id.")] = None,
    action: str | None = None,
    decision: bool | None = None,
    asked_by: Annotated[str | None, Query(description="The caller's id.")] = None,
    policy_version: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Decisions, newest first; times need an offset; `next_cursor` is null at the end."""
    require_moments(since=since, until=until)
    wanted = decisions.Search(
        since=since,
        until=until,
        subject_id=subject,
        resource_id=resource,
        action=action,
        decision=decision,
        caller=asked_by,
        policy_version=policy_version,
    )
    try:
        position = Cursor.decode(cursor) if cursor else None
    except ValueError:
        raise Problem(INVALID_REQUEST, "`cursor` was not made here") from None
    request.app.state.decision_log.flush()
    page = await request.app.state.database.aread(
        lambda session: decisions.search(session, wanted, position, limit)
    )
    return {
        "items": [item.model_dump(mode="json") for item in page.items],
        "next_cursor": page.next.encode() if page.next else None,
    }
