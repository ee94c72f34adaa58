"""`/access/v1/answers` for third parties, `/access/v1/interactions/{token}` for the subject.

Neither takes a caller's credential: each wait has a secret of its own, given to whom it concerns.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import HTMLResponse

from pdp.access_request.answers import (
    Answer,
    Message,
    answer_from,
    step_of,
    take_answer,
    waiting_for,
)
from pdp.access_request.case import Case, load_case
from pdp.access_request.desk import Desk
from pdp.access_request.form_page import FORM_HEADERS, note_page
from pdp.core.authzen import InvalidRequest
from pdp.core.language import chosen, preferred
from pdp.core.values import JsonObject
from pdp.core.workflow import Interaction as Page
from pdp.errors import INVALID_REQUEST, NOT_FOUND, Problem
from pdp.ops.asgi import exchange_of, require_json
from pdp.ops.dependencies import parsed
from pdp.ops.problem_doc import problem_responses
from pdp.store.engine import Session
from pdp.store.interactions import Interaction
from pdp.trust.credentials import bearer_of

router = APIRouter(prefix="/access/v1", tags=["access requests"])

_EXAMPLE = {
    "token": "uZ2bNf0mVn1yq1o0y3l3J7s7tq3yKk0mGv0b6c5xJ8Q",
    "outcome": "approved",
    "details": {"check": "passport"},
}
_REQUEST = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}, "example": _EXAMPLE}},
    }
}
_TAKEN = {"accepted": True}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: response
    for status, response in problem_responses(404, 409).items()
    if status in (400, 401, 404, 409, 413)
}
_JSON = {"content": {"application/json": {"schema": {"type": "object"}, "example": _TAKEN}}}
_PAGE = {"content": {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html>…"}}}
Language = Annotated[str | None, Header(alias="Accept-Language", include_in_schema=False)]


@router.post(
    "/answers",
    summary="Answer what an external step asked",
    responses={200: {"description": "The answer was taken", **_JSON}, **_PROBLEMS},
    openapi_extra=_REQUEST,
)
async def answer(request: Request, response: Response) -> JsonObject:
    """Take the one answer of a third party: `approved`, `refused` or `failed`.

    The token that came with the question goes into the body or the `Authorization` header. Where
    the step of the workflow names a secret, the answer is signed with it (Standard Webhooks). A
    second answer is a 409 and changes nothing.
    """
    desk: Desk = request.app.state.desk
    require_json(exchange_of(request.scope).content_type)
    raw = await request.body()
    body = parsed(raw)
    try:
        given = answer_from(body)
    except InvalidRequest as fault:
        errors = [{"pointer": fault.at, "detail": fault.message}]
        raise Problem(
            INVALID_REQUEST, f"`{fault.at or 'the body'}` {fault.message}", errors=errors
        ) from None
    assert isinstance(body, dict)
    token = _token(request, body)
    message = Message(dict(request.headers), raw)
    origin, now = _origin(request), desk.clock()
    await desk.database.awrite(
        lambda session: take_answer(session, desk, token, given, message, origin=origin, now=now)
    )
    response.headers["Cache-Control"] = "no-store"
    return dict(_TAKEN)


@router.get(
    "/interactions/{token}",
    summary="The page that a subject must visit",
    responses={200: {"description": "A page", **_PAGE}, **_PROBLEMS},
    response_class=HTMLResponse,
)
async def visit(request: Request, token: str, accept_language: Language = None) -> HTMLResponse:
    """Show what is to be confirmed; nothing happens before the button is pressed."""
    desk: Desk = request.app.state.desk
    waiting, case = await desk.database.aread(lambda session: _found(session, token))
    languages = preferred(accept_language)
    title, text = _words(case, waiting, languages)
    open_ = waiting.state in ("waiting", "visited") and desk.clock() < waiting.expires_at
    said = _asked(case, waiting) if open_ else ["There is nothing left to do here."]
    tag = languages[0] if languages else "en"
    page = note_page(title, tag, [text, *said], button="Confirm" if open_ else None)
    return HTMLResponse(page, headers=FORM_HEADERS)


@router.post(
    "/interactions/{token}",
    summary="Confirm on the page that a subject must visit",
    responses={200: {"description": "A page", **_PAGE}, **_PROBLEMS},
    response_class=HTMLResponse,
)
async def confirm(request: Request, token: str, accept_language: Language = None) -> HTMLResponse:
    """End the step that sent the subject here, once. It approves nothing by itself."""
    desk: Desk = request.app.state.desk
    done, origin, now = Answer("done"), _origin(request), desk.clock()

    def take(session: Session) -> tuple[Interaction, Case]:
        waiting, case = _found(session, token)
        take_answer(session, desk, token, done, None, origin=origin, now=now)
        return waiting, case

    waiting, case = await desk.database.awrite(take)
    languages = preferred(accept_language)
    title, _ = _words(case, waiting, languages)
    tag = languages[0] if languages else "en"
    page = note_page(title, tag, ["Thank you. You can close this page."])
    return HTMLResponse(page, headers=FORM_HEADERS)


def _found(session: Session, token: str) -> tuple[Interaction, Case]:
    """The wait and its request; to a browser an unknown one is simply not there."""
    try:
        waiting = waiting_for(session, token)
    except Problem:
        raise _gone() from None
    case = load_case(session, waiting.task_id)
    if case is None or waiting.kind != "interaction":
        raise _gone()
    return waiting, case


def _gone() -> Problem:
    return Problem(NOT_FOUND, "there is no such page")


def _token(request: Request, body: JsonObject) -> str:
    token = body.get("token")
    if token is None:
        authorization = exchange_of(request.scope).authorization
        return bearer_of(authorization).decode("latin-1") if authorization else ""
    if type(token) is not str:
        raise Problem(INVALID_REQUEST, "`/token` must be a string")
    return token


def _words(case: Case, waiting: Interaction, languages: tuple[str, ...]) -> tuple[str, str]:
    step = step_of(case, waiting)
    page = step.interaction or Page()
    title = chosen(page.title, languages) or chosen(step.title, languages) or step.name
    return title, chosen(page.description, languages) or ""


def _asked(case: Case, waiting: Interaction) -> list[str]:
    """What is being asked for, one line for each item, by names only."""
    lines = []
    for position in waiting.data["positions"]:
        resource, action = case.resource(position), case.action(position)
        lines.append(f"{action.get('name')}: {resource.get('type')} {resource.get('id')}")
    return lines


def _origin(request: Request) -> JsonObject:
    exchange = exchange_of(request.scope)
    request_id = (exchange.request_id or b"").decode("latin-1")
    return {"request_id": request_id, "transport": "answer"}
