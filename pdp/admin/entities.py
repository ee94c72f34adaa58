"""Entities through the API: read the call, check it against the schema, store it all or nothing."""

from datetime import datetime
from typing import Any, NamedTuple

from pdp.core.values import EntityUid, JsonObject, JsonValue, pointer
from pdp.errors import INVALID_REQUEST, PRECONDITION_FAILED, Problem
from pdp.ops.json_endpoint import too_many
from pdp.policy.authorizer import Authorizer
from pdp.policy.engine import EntityFault, check_entities
from pdp.store import entities as stored
from pdp.store.engine import Session

MOST_ENTITIES = 10_000


class Put(NamedTuple):
    """An entity as it will be stored."""

    uid: EntityUid
    body: JsonObject


def puts_from(body: JsonValue) -> list[Put]:
    """Read a bulk call: an array of Cedar entities, or an object with `entities`.

    Raises:
        Problem: 400 with every fault of shape, 413 over `MOST_ENTITIES`.
    """
    items = body.get("entities") if type(body) is dict else body
    if type(items) is not list:
        raise Problem(INVALID_REQUEST, "the body must be an array of Cedar entities")
    if len(items) > MOST_ENTITIES:
        raise too_many("the body", MOST_ENTITIES, len(items))
    faults: list[JsonObject] = []
    puts = [put for index, item in enumerate(items) if (put := _put(item, index, faults))]
    if len({put.uid for put in puts}) < len(puts):
        faults.append({"pointer": "", "detail": "an entity is there twice"})
    if faults:
        raise Problem(INVALID_REQUEST, "some entities cannot be read", errors=faults)
    return puts


def uids_from(body: JsonValue) -> list[EntityUid]:
    """Read a bulk deletion: an array of `{type, id}`; raises `Problem`."""
    items = body.get("entities") if type(body) is dict else body
    if type(items) is not list:
        raise Problem(INVALID_REQUEST, "the body must be an array of entity uids")
    if len(items) > MOST_ENTITIES:
        raise too_many("the body", MOST_ENTITIES, len(items))
    faults: list[JsonObject] = []
    uids = [
        uid
        for index, item in enumerate(items)
        if (uid := _uid(item, pointer(index), faults)) is not None
    ]
    if faults:
        raise Problem(INVALID_REQUEST, "some uids cannot be read", errors=faults)
    return uids


def put_from(uid: EntityUid, body: JsonValue) -> Put:
    """Read one entity; a `uid` in the body, where given, must be the path's."""
    if type(body) is not dict:
        raise Problem(INVALID_REQUEST, "the body must be a Cedar entity")
    faults: list[JsonObject] = []
    put = _put({"uid": {"type": uid[0], "id": uid[1]}, **body}, None, faults)
    if faults or put is None:
        raise Problem(INVALID_REQUEST, "the entity cannot be read", errors=faults)
    if put.uid != uid:
        raise Problem(INVALID_REQUEST, "`/uid` is another entity than the path names")
    return put


def check_puts(puts: list[Put], authorizer: Authorizer) -> None:
    """Check entities as the engine will read them; raises `Problem` 400 with its reason."""
    schema = authorizer.bundle.schema
    try:
        check_entities([put.body for put in puts], schema.text if schema else None)
    except EntityFault as fault:
        raise Problem(INVALID_REQUEST, str(fault)) from None


def store_puts(session: Session, puts: list[Put], now: datetime) -> int:
    """Store entities; gives the version they now have."""
    return stored.put(session, [(put.uid, put.body) for put in puts], now)


def require_match(current: str | None, if_match: str | None, if_none_match: str | None) -> None:
    """Hold a change to its preconditions (RFC 9110, section 13); raises `Problem` 412."""
    if if_match is not None and (current is None or not _lists(if_match, current)):
        raise Problem(PRECONDITION_FAILED, "the entity is no longer what `If-Match` names")
    if if_none_match is not None and current is not None and _lists(if_none_match, current):
        raise Problem(PRECONDITION_FAILED, "the entity is there already")


def _lists(header: str, tag: str) -> bool:
    tags = [part.strip().removeprefix("W/") for part in header.split(",")]
    return "*" in tags or tag in tags


def _put(item: Any, index: int | None, faults: list[JsonObject]) -> Put | None:
    at = "" if index is None else pointer(index)
    if type(item) is not dict:
        faults.append({"pointer": at, "detail": "must be an object"})
        return None
    uid = _uid(item.get("uid"), at + "/uid", faults)
    body: JsonObject = {"attrs": {}, "parents": [], **item}
    for member, kind in (("attrs", dict), ("parents", list), ("tags", dict)):
        if member in body and type(body[member]) is not kind:
            wanted = "an array" if kind is list else "an object"
            faults.append({"pointer": f"{at}/{member}", "detail": f"must be {wanted}"})
    for unknown in item.keys() - {"uid", "attrs", "parents", "tags"}:
        faults.append({"pointer": at + pointer(unknown), "detail": "is no member of an entity"})
    if uid is None:
        return None
    return Put(uid, {**body, "uid": {"type": uid[0], "id": uid[1]}})


def _uid(value: Any, at: str, faults: list[JsonObject]) -> EntityUid | None:
    if type(value) is dict and type(value.get("__entity")) is dict:
        value = value["__entity"]
    kind = value.get("type") if type(value) is dict else None
    identifier = value.get("id") if type(value) is dict else None
    if type(kind) is not str or type(identifier) is not str or not kind:
        faults.append({"pointer": at, "detail": "must be an object with strings `type` and `id`"})
        return None
    return (kind, identifier)
