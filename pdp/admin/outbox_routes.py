"""`/admin/v1/outbox`: what waits to be done, what was given up, and trying that again."""

from datetime import UTC, datetime
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Path, Query, Request

from pdp.background.outbox_view import replay, shown
from pdp.errors import CONFLICT, NOT_FOUND, Problem
from pdp.ops.dependencies import caller_with
from pdp.ops.problem_doc import problem_responses
from pdp.store import outbox_admin
from pdp.store.outbox import Job
from pdp.trust.callers import Caller

router = APIRouter(prefix="/admin/v1/outbox", tags=["outbox"])

Reader = Annotated[Caller, Depends(caller_with("admin", "auditor"))]
Admin = Annotated[Caller, Depends(caller_with("admin"))]


@router.get("", summary="What waits to be done, or was given up", responses=problem_responses())
async def list_jobs(
    request: Request,
    caller: Reader,
    dead: Annotated[bool, Query(description="Those that were given up.")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[
        int, Query(ge=0, le=2**63 - 1, description="The last `seq` of the page before.")
    ] = 0,
) -> dict[str, Any]:
    """Jobs by number, without what they carry; `next_after` is null at the end."""
    listing = outbox_admin.dead if dead else outbox_admin.waiting
    jobs: list[Job] = await request.app.state.database.aread(
        lambda session: listing(session, after, limit + 1)
    )
    more = len(jobs) > limit
    jobs = jobs[:limit]
    return {"items": [shown(job) for job in jobs], "next_after": jobs[-1].seq if more else None}


@router.post(
    "/{seq}/replay",
    status_code=202,
    summary="Try a job again that was given up",
    responses=problem_responses(404, 409),
)
async def replay_job(
    request: Request, caller: Admin, seq: Annotated[int, Path(ge=1, le=2**63 - 1)]
) -> dict[str, Any]:
    """Its attempts are counted anew; who asked for it is in the audit."""
    database, now = request.app.state.database, datetime.now(UTC)
    job = await anyio.to_thread.run_sync(replay, database, seq, now, caller.kind, caller.id)
    if job is not None:
        return shown(job)
    known = await database.apeek(lambda session: outbox_admin.get(session, seq))
    if known is None:
        raise Problem(NOT_FOUND, f"there is no job `{seq}`")
    raise Problem(CONFLICT, f"job `{seq}` was not given up, so it cannot be replayed")
