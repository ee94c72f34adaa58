"""`/access/v1/catalogs/{template}` and `/access/v1/catalog/{name}` (ARAP, Catalog References).

The addresses that a denial gives end in a handle, which says for which subject the catalog is
looked at. Without one only catalogs that are the same for everybody can be read.
"""

from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request, Response

from pdp.access_request.catalog_check import instance_pointer
from pdp.access_request.catalog_handles import opened_handle
from pdp.access_request.catalogs import (
    DEFAULT_PAGE,
    LARGEST_PAGE,
    Catalog,
    CatalogPage,
    Wanted,
    catalog_field,
    item_json,
)
from pdp.core.authzen import entity_from
from pdp.core.catalog_handle import CatalogHandle
from pdp.core.values import JsonObject
from pdp.core.workflow import CatalogField
from pdp.errors import FORBIDDEN, INVALID_REQUEST, NOT_FOUND, Problem
from pdp.ops.dependencies import caller_with
from pdp.ops.problem_doc import problem_responses
from pdp.policy.authorizer import Authorizer
from pdp.trust.callers import Caller

router = APIRouter(prefix="/access/v1", tags=["forms"])

Pep = Annotated[Caller, Depends(caller_with("pep"))]
_PRIVATE = "private, no-store"
_CATALOGS_EXAMPLE = {
    "fields": {
        "/requested_access/role": {
            "endpoint": "https://pdp.example.com/access/v1/catalog/roles/8Jx0mQ",
            "search_param": "q",
        }
    }
}
_ITEMS_EXAMPLE = {
    "items": [{"value": "auditor", "label": "Auditor", "risk_level": "low"}],
    "next_cursor": "YXVkaXRvcg",
}


def _answers(example: Any) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {200: {"description": "Found", "content": content}, **problem_responses(404)}


@router.get(
    "/catalogs/{template}",
    summary="Which fields of a form are chosen from a catalog",
    responses=_answers(_CATALOGS_EXAMPLE),
    response_model=None,
)
@router.get("/catalogs/{template}/{handle}", include_in_schema=False, response_model=None)
async def catalogs(
    request: Request, response: Response, caller: Pep, template: str, handle: str = ""
) -> JsonObject:
    """The Catalogs Document of a template."""
    _given(request, caller, handle, template)
    workflow = _authorizer(request).bundle.workflows.get(template)
    if workflow is None or not workflow.catalogs:
        raise Problem(NOT_FOUND, "there is no such document")
    response.headers["Cache-Control"] = _PRIVATE
    base = str(request.app.state.settings.base_url).rstrip("/")
    after = f"/{handle}" if handle else ""
    return {
        "fields": {
            instance_pointer(field.pointer): _reference(field, base, after)
            for field in workflow.catalogs
        }
    }


@router.get(
    "/catalog/{name}",
    summary="Search the items of a catalog",
    responses=_answers(_ITEMS_EXAMPLE),
    response_model=None,
)
@router.get("/catalog/{name}/{handle}", include_in_schema=False, response_model=None)
async def catalog(
    request: Request,
    response: Response,
    caller: Pep,
    name: str,
    handle: str = "",
    q: Annotated[str | None, Query(description="Part of a value or label.")] = None,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
    limit: Annotated[str | None, Query(description="Wanted size of the page.")] = None,
) -> JsonObject:
    """The items that may be asked for; scope parameters narrow them, others are ignored."""
    authorizer = _authorizer(request)
    given = _given(request, caller, handle, None)
    template = None if given is None else given.template
    field = catalog_field(authorizer.bundle.workflows, name, template)
    if field is None:
        raise Problem(NOT_FOUND, "there is no such catalog")
    if given is None and field.action is not None:
        raise Problem(FORBIDDEN, "read this catalog at the address that the denial gives")
    parameters = request.query_params
    search = q if field.search_param == "q" else parameters.get(field.search_param)
    scope = {
        parameter: parameters[parameter]
        for parameter, _ in field.scope_params
        if parameter in parameters
    }
    subject = None if given is None else entity_from(given.subject, "/subject")
    now = request.app.state.services.clock()
    looked_at = Catalog(field, subject, authorizer, now, caller.facts)
    wanted = Wanted(search or "", scope)

    def read() -> CatalogPage:
        return looked_at.page(wanted, cursor, _size(limit))

    try:
        page = await anyio.to_thread.run_sync(read)
    except ValueError:
        errors = [{"pointer": "/cursor", "detail": "is not a cursor of this catalog"}]
        raise Problem(INVALID_REQUEST, "`cursor` cannot be used", errors=errors) from None
    response.headers["Cache-Control"] = _PRIVATE
    body: JsonObject = {"items": [item_json(field, item) for item in page.items]}
    return body if page.next is None else body | {"next_cursor": page.next}


def _authorizer(request: Request) -> Authorizer:
    current: Authorizer = request.app.state.live.current
    return current


def _given(
    request: Request, caller: Caller, handle: str, template: str | None
) -> CatalogHandle | None:
    """The denial behind the address; raises `Problem` 404 for another's, 403 for a subject that
    the caller may not submit for."""
    if not handle:
        return None
    state = request.app.state
    found = opened_handle(handle, state.keys, state.services.clock())
    if found is None or found.caller != caller.id or template not in (None, found.template):
        raise Problem(NOT_FOUND, "this address is over or another's; ask for access again")
    subject = entity_from(found.subject, "/subject")
    uid = (_authorizer(request).mapping.entity_type(subject.type), subject.id)
    if not caller.may_act_for(uid):
        raise Problem(FORBIDDEN, "this caller may not ask for that subject")
    return found


def _reference(field: CatalogField, base: str, after: str) -> JsonObject:
    reference: JsonObject = {
        "endpoint": f"{base}/access/v1/catalog/{field.name}{after}",
        "search_param": field.search_param,
        "value_path": field.value_path,
        "label_path": field.label_path,
    }
    if field.scope_params:
        reference["scope_params"] = {name: instance_pointer(at) for name, at in field.scope_params}
    return reference


def _size(limit: str | None) -> int:
    """A wanted size within bounds; what is no number is ignored, as the profile allows."""
    if limit is None or not (limit.isascii() and limit.isdigit()) or len(limit) > 9:
        return DEFAULT_PAGE
    return max(1, min(int(limit), LARGEST_PAGE))
