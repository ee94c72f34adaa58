"""What every call to the queue says: who asks, for whom, from where."""

from typing import Annotated, Any

from fastapi import Depends, Query, Request

from pdp.access_request.desk import Desk
from pdp.access_request.verdict import reference_from
from pdp.core.authzen import InvalidRequest
from pdp.core.cause import Cause
from pdp.core.values import EntityUid, JsonObject, JsonValue
from pdp.ops.dependencies import (
    caller_of,
    invalid_request,
    json_body,
    json_body_or_nothing,
    origin_of,
)
from pdp.queue.sight import Sight, person_of, sight_of
from pdp.trust.callers import Caller

Asker = Annotated[Caller, Depends(caller_of)]
Body = Annotated[JsonValue, Depends(json_body)]
MaybeBody = Annotated[Any, Depends(json_body_or_nothing)]
ActsFor = Annotated[
    str | None,
    Query(max_length=1000, description="`type:id` of the approver for whom a proxy looks."),
]


def desk_of(request: Request) -> Desk:
    """The desk of this process."""
    desk: Desk = request.app.state.desk
    return desk


def object_of(body: JsonValue) -> JsonObject:
    """A body that must be an object; raises `Problem` 400."""
    if not isinstance(body, dict):
        raise invalid_request(InvalidRequest("", "must be a JSON object"))
    return body


def named_approver(body: JsonObject, desk: Desk, member: str = "approver") -> EntityUid | None:
    """The person that a body names, as a Cedar entity; raises `Problem` 400."""
    if body.get(member) is None:
        return None
    try:
        return uid_of(reference_from(body[member], f"/{member}"), desk)
    except InvalidRequest as fault:
        raise invalid_request(fault) from None


def uid_of(reference: JsonObject, desk: Desk) -> EntityUid:
    """The Cedar entity of `{"type", "id"}`."""
    return (desk.authorizer().mapping.entity_type(reference["type"]), reference["id"])


def named_in_query(text: str | None, desk: Desk) -> EntityUid | None:
    """The person of `?approver=type:id`; raises `Problem` 400."""
    if text is None:
        return None
    kind, colon, identifier = text.partition(":")
    if not (kind and colon and identifier):
        raise invalid_request(InvalidRequest("/query/approver", "must be `type:id`"))
    return uid_of({"type": kind, "id": identifier}, desk)


def sight_for(caller: Caller, named: EntityUid | None) -> Sight:
    """What a caller sees, for itself or for whom it names; raises `Problem` 403."""
    return sight_of(caller, None if named is None else person_of(caller, named))


def cause_of(request: Request, caller: Caller, person: EntityUid | None = None) -> Cause:
    """Who did it, for the audit: the person, through the caller; else the caller."""
    origin = origin_of(request.scope, "queue")
    if person is None:
        return Cause("caller", caller.id, None, origin)
    return Cause(person[0], person[1], {"caller": caller.id}, origin)


def version_wanted(if_match: str | None) -> int | None:
    """The version that `If-Match` names; raises `Problem` 400."""
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise invalid_request(InvalidRequest("/header/If-Match", "must be an ETag of this request"))
    return int(text)
