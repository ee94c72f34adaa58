"""`/admin/v1/entities`: one entity or up to 10,000 at once."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from pdp.admin.entities import (
    check_puts,
    put_from,
    puts_from,
    require_match,
    store_puts,
    uids_from,
)
from pdp.core.values import EntityUid, JsonValue
from pdp.errors import NOT_FOUND, Problem
from pdp.ops import path_text
from pdp.ops.dependencies import caller_with, json_body
from pdp.ops.problem_doc import problem_responses
from pdp.policy.live import LivePolicies
from pdp.store import entities as stored
from pdp.store.engine import Database, Session
from pdp.trust.callers import Caller

path_text.register()
router = APIRouter(prefix="/admin/v1/entities", tags=["entities"])

Admin = Annotated[Caller, Depends(caller_with("admin"))]
Reader = Annotated[Caller, Depends(caller_with("admin", "auditor"))]
Body = Annotated[JsonValue, Depends(json_body)]
IfMatch = Annotated[str | None, Header()]
_EXAMPLE = {
    "uid": {"type": "User", "id": "alice@example.com"},
    "attrs": {"department": "sales"},
    "parents": [{"type": "Group", "id": "staff"}],
}


def _documented(example: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": {}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _live(request: Request) -> LivePolicies:
    live: LivePolicies = request.app.state.live
    return live


@router.put(
    "",
    summary="Put up to 10,000 entities, all or nothing",
    responses=problem_responses(),
    openapi_extra=_documented([_EXAMPLE]),
)
async def put_entities(request: Request, caller: Admin, body: Body) -> dict[str, int]:
    """Insert or replace entities; gives how many, and the version they now have."""
    puts = puts_from(body)
    check_puts(puts, _live(request).current)
    now = datetime.now(UTC)
    version = await _database(request).awrite(lambda session: store_puts(session, puts, now))
    return {"count": len(puts), "version": version}


@router.delete(
    "",
    summary="Delete up to 10,000 entities, all or nothing",
    responses=problem_responses(),
    openapi_extra=_documented([_EXAMPLE["uid"]]),
)
async def delete_entities(request: Request, caller: Admin, body: Body) -> dict[str, int]:
    """Delete entities by uid; gives how many there were."""
    uids = uids_from(body)
    now = datetime.now(UTC)
    count = await _database(request).awrite(lambda session: stored.remove(session, uids, now))
    return {"count": count}


@router.get("", summary="List stored entities of a type", responses=problem_responses())
async def list_entities(
    request: Request,
    caller: Reader,
    kind: Annotated[str, Query(alias="type", description="The Cedar entity type.")],
    after: Annotated[str | None, Query(description="The last id of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Entities put through this API, by id; `next_cursor` is null at the end."""
    found = await _database(request).aread(
        lambda session: stored.of_type(session, kind, after, limit + 1)
    )
    page = found[:limit]
    return {
        "items": [entity.body for entity in page],
        "next_cursor": page[-1].cedar_id if len(found) > limit else None,
    }


@router.get("/{kind}/{identifier:text}", summary="Get an entity", responses=problem_responses(404))
async def get_entity(
    request: Request, response: Response, caller: Reader, kind: str, identifier: str
) -> Any:
    """One entity put through this API, with its ETag."""
    uid = (kind, identifier)
    entity = await _database(request).apeek(lambda session: stored.get(session, uid))
    if entity is None or entity.body is None:
        raise Problem(NOT_FOUND, f"no entity `{kind}::{identifier}` was put here")
    response.headers["ETag"] = _tag(entity.version)
    return entity.body


@router.put(
    "/{kind}/{identifier:text}",
    summary="Put an entity",
    responses=problem_responses(404, 412) | {201: {"description": "Created"}},
    openapi_extra=_documented({"attrs": {"department": "sales"}, "parents": []}),
)
async def put_entity(
    request: Request,
    response: Response,
    caller: Admin,
    kind: str,
    identifier: str,
    body: Body,
    if_match: IfMatch = None,
    if_none_match: IfMatch = None,
) -> Any:
    """Insert or replace one entity; `If-Match` and `If-None-Match` are held to."""
    put = put_from((kind, identifier), body)
    check_puts([put], _live(request).current)
    now = datetime.now(UTC)

    def change(session: Session) -> tuple[bool, int]:
        current = _current_tag(session, put.uid)
        require_match(current, if_match, if_none_match)
        return current is None, store_puts(session, [put], now)

    created, version = await _database(request).awrite(change)
    response.status_code = 201 if created else 200
    response.headers["ETag"] = _tag(version)
    return put.body


@router.delete(
    "/{kind}/{identifier:text}",
    summary="Delete an entity",
    status_code=204,
    responses=problem_responses(404, 412),
)
async def delete_entity(
    request: Request, caller: Admin, kind: str, identifier: str, if_match: IfMatch = None
) -> None:
    """Delete one entity; `If-Match` is held to."""
    uid = (kind, identifier)
    now = datetime.now(UTC)

    def change(session: Session) -> int:
        require_match(_current_tag(session, uid), if_match, None)
        return stored.remove(session, [uid], now)

    if not await _database(request).awrite(change):
        raise Problem(NOT_FOUND, f"no entity `{kind}::{identifier}` was put here")


def _current_tag(session: Session, uid: EntityUid) -> str | None:
    entity = stored.get(session, uid)
    return None if entity is None else _tag(entity.version)


def _tag(version: int) -> str:
    return f'"{version}"'
