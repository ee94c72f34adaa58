"""Claim, release, reassign and comment on a request; what operators do by hand."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from pdp.access_request import handling
from pdp.access_request.decide import Decided, require_accepted
from pdp.access_request.desk import Desk
from pdp.access_request.verdict import LONGEST_COMMENT, text_of
from pdp.core.authzen import InvalidRequest
from pdp.core.values import EntityUid, JsonObject
from pdp.ops.dependencies import invalid_request
from pdp.queue.asking import (
    Asker,
    Body,
    MaybeBody,
    cause_of,
    desk_of,
    named_approver,
    object_of,
    sight_for,
)
from pdp.queue.doc import PERSON, TASK, documented
from pdp.queue.sight import person_of, subject_uid
from pdp.queue.task_routes import shown_whole, sight_when_deciding
from pdp.store.comments import Comment
from pdp.store.engine import Session
from pdp.trust.callers import Caller

router = APIRouter(prefix="/queue/v1/tasks/{task_id}", tags=["queue"])

_FOR_PERSON: JsonObject = {"approver": PERSON}
_LONGEST_NAME = 200


@router.post(
    "/claim", summary="Take it on", **documented(TASK, 404, 409, body=_FOR_PERSON, required=False)
)
async def claim(
    request: Request, response: Response, caller: Asker, task_id: str, body: MaybeBody
) -> Any:
    """Show others that this person, who may decide it, sees to it; it binds nobody."""
    desk = desk_of(request)
    person = person_of(caller, named_approver(object_of(body), desk))
    change = _change(request, desk, caller, person)
    return await change(
        response,
        lambda session, asked: handling.claim_task(session, desk, task_id, person, **asked),
    )


@router.post(
    "/release",
    summary="Let go of it",
    **documented(TASK, 404, 409, body=_FOR_PERSON, required=False),
)
async def release(
    request: Request, response: Response, caller: Asker, task_id: str, body: MaybeBody
) -> Any:
    """End this person's claim; an administrator who names nobody ends anybody's."""
    desk = desk_of(request)
    named = named_approver(object_of(body), desk)
    anybody = named is None and caller.subject is None and "admin" in caller.roles
    person = None if anybody else person_of(caller, named)
    change = _change(request, desk, caller, person)
    return await change(
        response,
        lambda session, asked: handling.release_task(session, desk, task_id, person, **asked),
    )


@router.post(
    "/reassign",
    summary="Give it to somebody else",
    **documented(TASK, 404, 409, body={"to": PERSON, "approver": PERSON}),
)
async def reassign(
    request: Request, response: Response, caller: Asker, task_id: str, body: Body
) -> Any:
    """Hand a request to a person who may decide it, and tell that person."""
    desk = desk_of(request)
    asked = object_of(body)
    to = named_approver(asked, desk, "to")
    if to is None:
        raise invalid_request(InvalidRequest("/to", "is required"))
    person = _actor(caller, named_approver(asked, desk))
    change = _change(request, desk, caller, person)
    return await change(
        response,
        lambda session, seen: handling.reassign_task(session, desk, task_id, to, person, **seen),
    )


@router.post(
    "/comments",
    summary="Comment on it",
    **documented(
        {"comment": {"id": "cmt_1", "text": "Which quarter?", "author": PERSON}},
        404,
        body={"text": "Which quarter?", "visibility": "requester", "approver": PERSON},
        status=201,
    ),
)
async def comment(request: Request, caller: Asker, task_id: str, body: Body) -> Any:
    """Say something to the other approvers, or to the requester too."""
    desk = desk_of(request)
    asked = object_of(body)
    person = _actor(caller, named_approver(asked, desk))
    author = person or ("caller", caller.id)
    # A person comments on what the person sees, whatever the caller that passes it on may see.
    sight = sight_for(caller, None if person in (None, caller.subject) else person)
    now = desk.clock()
    try:
        text = text_of(asked, "text", LONGEST_COMMENT)
        visibility = asked.get("visibility", "approvers")
        if not text or not text.strip():
            raise InvalidRequest("/text", "is required")
        if visibility not in ("approvers", "requester"):
            raise InvalidRequest("/visibility", "must be `approvers` or `requester`")
    except InvalidRequest as fault:
        raise invalid_request(fault) from None
    kept = Comment(
        id=desk.new_id("cmt_"),
        task_id=task_id,
        at=now,
        author_type=author[0],
        author_id=author[1],
        text=text,
        visibility=visibility,
        caller=caller.id,
    )
    cause = cause_of(request, caller, person)
    await desk.database.awrite(
        lambda session: handling.comment_on(
            session,
            desk,
            task_id,
            kept,
            sees=lambda s, case: sight.sees(s, desk, case, now),
            cause=cause,
            now=now,
        )
    )
    who = {"type": author[0], "id": author[1]}
    shown = {"id": kept.id, "author": who, "text": text, "visibility": visibility}
    return {"comment": shown}


@router.post(
    "/escalate",
    summary="Add a queue to a step by hand",
    **documented(TASK, 404, 409, body={"step": "manager", "queue": "security"}),
)
async def escalate(
    request: Request, response: Response, caller: Asker, task_id: str, body: Body
) -> Any:
    """Have the people of another queue decide as well, as far as policies let them."""
    caller.require("admin")
    desk = desk_of(request)
    asked = object_of(body)
    try:
        step = text_of(asked, "step", _LONGEST_NAME)
        queue = text_of(asked, "queue", _LONGEST_NAME)
        for name, value in (("step", step), ("queue", queue)):
            if not value:
                raise InvalidRequest(f"/{name}", "is required")
    except InvalidRequest as fault:
        raise invalid_request(fault) from None
    change = _change(request, desk, caller, None)
    return await change(
        response,
        lambda session, seen: handling.escalate_task(
            session, desk, task_id, str(step), str(queue), **seen
        ),
    )


@router.post("/remind", summary="Remind those who may decide", **documented(TASK, 404, 409))
async def remind(request: Request, response: Response, caller: Asker, task_id: str) -> Any:
    """Send one of the reminders now."""
    caller.require("admin")
    desk = desk_of(request)
    change = _change(request, desk, caller, None)
    return await change(
        response, lambda session, seen: handling.remind_task(session, desk, task_id, **seen)
    )


@router.post("/expire", summary="End it as expired", **documented(TASK, 404, 409))
async def expire(request: Request, response: Response, caller: Asker, task_id: str) -> Any:
    """End what is pending now, although its time is not over."""
    caller.require("admin")
    desk = desk_of(request)
    change = _change(request, desk, caller, None)
    return await change(
        response, lambda session, seen: handling.expire_task(session, desk, task_id, **seen)
    )


def _actor(caller: Caller, named: EntityUid | None) -> EntityUid | None:
    """The person who acts, or None for a machine that may act for itself."""
    machine = {"admin", "as"} & caller.roles
    if named is None and caller.subject is None and machine:
        return None
    return person_of(caller, named)


def _change(
    request: Request, desk: Desk, caller: Caller, person: EntityUid | None
) -> Callable[..., Any]:
    """How every change here goes: one transaction, then the request as it is."""
    sight = sight_when_deciding(caller, person or ("caller", caller.id))
    now = desk.clock()
    asked = {
        "sees": lambda session, case: sight.sees(session, desk, case, now),
        "cause": cause_of(request, caller, person),
        "now": now,
    }

    async def run(
        response: Response, change: Callable[[Session, dict[str, Any]], Decided]
    ) -> JsonObject:
        decided = await desk.database.awrite(lambda session: change(session, asked))
        case = require_accepted(decided)
        inside = sight.is_inside(case, desk.authorizer()) and (
            person is None or subject_uid(case.row, desk.authorizer()) != person
        )
        return await shown_whole(request, response, desk, case, person, inside=inside)

    return run
