"""`/queue/v1/decisions`: many requests decided with one call, each on its own."""

from typing import Any

from fastapi import APIRouter, Request

from pdp.access_request.approver import Approver
from pdp.access_request.decide import Decided, decide, require_accepted
from pdp.access_request.desk import Desk
from pdp.access_request.verdict import Verdict
from pdp.core.authzen import InvalidRequest
from pdp.core.cause import Cause
from pdp.core.values import JsonObject
from pdp.errors import TOO_LARGE, Problem
from pdp.ops.dependencies import invalid_request
from pdp.queue.asking import Asker, Body, cause_of, desk_of, object_of
from pdp.queue.doc import DECISION, TASK_ID, documented
from pdp.queue.sight import Sight
from pdp.queue.task_routes import read_decision
from pdp.store.engine import Session

MOST = 200

router = APIRouter(prefix="/queue/v1/decisions", tags=["queue"])


@router.post(
    "",
    summary="Decide many requests",
    **documented(
        {"results": [{"task": TASK_ID, "status": 201, "task_status": "approved"}]},
        body=DECISION | {"tasks": [TASK_ID]},
    ),
)
async def decide_many(request: Request, caller: Asker, body: Body) -> Any:
    """The same decision on every request of `tasks`; one that is refused holds up no other.

    The answer has a result for each, in order, with the status and the problem that the single
    call would have had.
    """
    desk = desk_of(request)
    asked = object_of(body)
    tasks = _tasks(asked)
    verdict, approver, sight = read_decision(asked, caller, desk)
    cause = cause_of(request, caller, approver.person)
    results = [await _one(desk, task, approver, verdict, sight, cause) for task in tasks]
    return {"results": results}


async def _one(
    desk: Desk, task: str, approver: Approver, verdict: Verdict, sight: Sight, cause: Cause
) -> JsonObject:
    now = desk.clock()

    def write(session: Session) -> Decided:
        return decide(
            session, desk, task, approver, verdict,
            sees=lambda s, case: sight.sees(s, desk, case, now), cause=cause, now=now,
        )  # fmt: skip

    try:
        case = require_accepted(await desk.database.awrite(write))
    except Problem as problem:
        return {"task": task, "status": problem.status, "problem": problem.document()}
    return {"task": task, "status": 201, "task_status": case.task.status}


def _tasks(body: JsonObject) -> list[str]:
    tasks = body.get("tasks")
    if not isinstance(tasks, list) or not tasks or not all(isinstance(t, str) for t in tasks):
        raise invalid_request(InvalidRequest("/tasks", "must be an array of task ids"))
    if len(tasks) > MOST:
        raise Problem(TOO_LARGE, f"`/tasks` may name at most {MOST} requests")
    return list(dict.fromkeys(tasks))
