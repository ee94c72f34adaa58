"""`/access/v1/schemas/{template}` for programs and `/access/v1/forms/{template}` for people.

A form says what a submission must add. It decides nothing and is no secret, so that anybody who
was sent to it can fill it in; what may be chosen from a catalog is shown only to whoever comes
with the address that a denial gave.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qs

import orjson
from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import HTMLResponse

from pdp.access_request.catalog_check import instance_pointer
from pdp.access_request.catalog_handles import opened_handle
from pdp.access_request.catalogs import LARGEST_PAGE, Catalog, Wanted
from pdp.access_request.form_fields import Field, fields_of, instance_of
from pdp.access_request.form_page import FORM_HEADERS, Filled, answer_page, form_page
from pdp.access_request.forms import form_of
from pdp.core.authzen import entity_from
from pdp.core.catalog_handle import CatalogHandle
from pdp.core.language import chosen, preferred
from pdp.core.workflow import Workflow
from pdp.errors import INVALID_REQUEST, NOT_FOUND, Problem
from pdp.ops.problem_doc import problem_responses
from pdp.policy.authorizer import Authorizer
from pdp.policy.form import Form

router = APIRouter(prefix="/access/v1", tags=["forms"])

MOST_FIELDS = 1000
_EMERGENCY = "/requested_access/emergency"
_FORM_TYPE = "application/x-www-form-urlencoded"
_CACHED = {"Cache-Control": "public, max-age=300"}
_SCHEMA_EXAMPLE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "requested_access": {
            "type": "object",
            "required": ["business_reason"],
            "properties": {"business_reason": {"type": "string", "minLength": 5}},
        }
    },
    "required": ["requested_access"],
}
_ANSWERS_EXAMPLE = {"requested_access": {"business_reason": "the quarterly audit"}}
_PAGE: dict[str, Any] = {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html>…"}}
_PAGES: dict[int | str, dict[str, Any]] = {200: {"description": "A page", "content": _PAGE}}
_ANSWERED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The members that the submission lacked",
        "content": {"application/json": {"schema": {}, "example": _ANSWERS_EXAMPLE}, **_PAGE},
    }
}
_SENT = {
    "requestBody": {
        "required": True,
        "content": {
            _FORM_TYPE: {
                "schema": {"type": "object", "additionalProperties": {"type": "string"}},
                "example": {"/requested_access/business_reason": "the quarterly audit"},
            }
        },
    }
}

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: response for status, response in problem_responses(404).items() if status in (400, 404)
}

Language = Annotated[str | None, Header(alias="Accept-Language", include_in_schema=False)]
Accept = Annotated[str, Header(include_in_schema=False)]


@router.get(
    "/schemas/{template}",
    summary="The JSON Schema of what a submission must add",
    responses={
        200: {"content": {"application/schema+json": {"schema": {}, "example": _SCHEMA_EXAMPLE}}},
        **_PROBLEMS,
    },
    response_class=Response,
)
async def schema(request: Request, template: str) -> Response:
    """What to add to `context` and `requested_access` of the denied evaluation, as JSON Schema."""
    _, form = _form(_authorizer(request), template)
    body = orjson.dumps(form.schema)
    return Response(body, media_type="application/schema+json", headers=_CACHED)


@router.get(
    "/forms/{template}",
    summary="The form of a template as a page",
    responses={**_PAGES, **_PROBLEMS},
    response_class=HTMLResponse,
)
@router.get("/forms/{template}/{handle}", include_in_schema=False)
async def form(
    request: Request, template: str, handle: str = "", accept_language: Language = None
) -> HTMLResponse:
    """A page that asks for what a submission must add; it needs no script."""
    workflow, found = _form(_authorizer(request), template)
    fields = _fields(request, workflow, found, handle)
    return _shown(workflow, fields, preferred(accept_language), Filled())


@router.post(
    "/forms/{template}",
    summary="Turn a filled-in form into the members of a submission",
    responses={**_ANSWERED, **_PROBLEMS},
    openapi_extra=_SENT,
    response_model=None,
)
@router.post("/forms/{template}/{handle}", include_in_schema=False, response_model=None)
async def fill(
    request: Request,
    template: str,
    handle: str = "",
    accept_language: Language = None,
    accept: Accept = "",
) -> Response:
    """Check what was filled in; the answers come back as JSON, or on a page for people.

    Nothing is kept: the submission is checked again when it is made.
    """
    workflow, found = _form(_authorizer(request), template)
    fields = _fields(request, workflow, found, handle)
    sent = await _sent(request)
    instance = instance_of(fields, sent)
    faults = found.faults(instance.get("context", {}), instance.get("requested_access", {}))
    if "application/json" in accept:
        if faults:
            errors = [{"pointer": fault.at, "detail": fault.detail} for fault in faults]
            raise Problem(INVALID_REQUEST, "the form is not filled in as it must be", errors=errors)
        headers = {"Cache-Control": "no-store"}
        return Response(orjson.dumps(instance), media_type="application/json", headers=headers)
    languages = preferred(accept_language)
    if faults:
        by_field = {fault.at: fault.detail for fault in faults}
        return _shown(workflow, fields, languages, Filled(sent, by_field), 400)
    title = _title(workflow, languages)
    return HTMLResponse(answer_page(title, _tag(languages), instance), headers=FORM_HEADERS)


def _authorizer(request: Request) -> Authorizer:
    current: Authorizer = request.app.state.live.current
    return current


def _form(authorizer: Authorizer, template: str) -> tuple[Workflow, Form]:
    workflow = authorizer.bundle.workflows.get(template)
    found = None if workflow is None else form_of(authorizer.bundle.forms, workflow)
    if workflow is None or found is None:
        raise Problem(NOT_FOUND, "there is no such form")
    return workflow, found


def _fields(request: Request, workflow: Workflow, form: Form, handle: str) -> tuple[Field, ...]:
    authorizer, now = _authorizer(request), request.app.state.services.clock()
    given = opened_handle(handle, request.app.state.keys, now) if handle else None
    if handle and (given is None or given.template != workflow.name):
        raise Problem(NOT_FOUND, "this address is over; ask for access again to get another")
    fields = fields_of(form.schema, _choices(workflow, given, authorizer, now))
    if workflow.emergency is not None:
        return fields
    return tuple(field for field in fields if field.at != _EMERGENCY)


def _choices(
    workflow: Workflow, given: CatalogHandle | None, authorizer: Authorizer, now: Any
) -> Mapping[str, Sequence[tuple[str, str]]]:
    """What may be chosen, for the catalogs that are short enough to be shown whole."""
    found: dict[str, list[tuple[str, str]]] = {}
    for field in workflow.catalogs if given is not None else ():
        if given is None or field.scope_params:
            continue
        subject = entity_from(given.subject, "/subject")
        catalog = Catalog(field, subject, authorizer, now, {})
        page = catalog.page(Wanted(), None, LARGEST_PAGE)
        if page.next is None:
            at = instance_pointer(field.pointer)
            found[at] = [(item.value, item.label) for item in page.items]
    return found


def _shown(
    workflow: Workflow,
    fields: Sequence[Field],
    languages: Sequence[str],
    filled: Filled,
    status: int = 200,
) -> HTMLResponse:
    description = chosen(workflow.description, languages) or ""
    title = _title(workflow, languages)
    page = form_page(title, description, fields, _tag(languages), filled)
    return HTMLResponse(page, status, headers=FORM_HEADERS)


def _title(workflow: Workflow, languages: Sequence[str]) -> str:
    return chosen(workflow.title, languages) or workflow.name


def _tag(languages: Sequence[str]) -> str:
    return languages[0] if languages else "en"


async def _sent(request: Request) -> Mapping[str, Sequence[str]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM_TYPE:
        raise Problem(INVALID_REQUEST, f"the body must be `{_FORM_TYPE}`")
    try:
        raw = (await request.body()).decode()
        return parse_qs(raw, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise Problem(INVALID_REQUEST, "the form cannot be read") from None
