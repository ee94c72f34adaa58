"""`/queue/v1/delegations` and `/queue/v1/absences`: who decides for whom, and when."""

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request

from pdp.access_request.verdict import moment_of, text_of
from pdp.core.authzen import InvalidRequest
from pdp.core.cause import Cause
from pdp.core.moment import format_moment
from pdp.core.values import EntityUid, JsonObject
from pdp.errors import NOT_FOUND, Problem
from pdp.ops.dependencies import invalid_request
from pdp.queue.asking import (
    ActsFor,
    Asker,
    Body,
    cause_of,
    desk_of,
    named_approver,
    named_in_query,
    object_of,
)
from pdp.queue.doc import PERSON, documented
from pdp.queue.sight import person_of
from pdp.store import absences, audit, delegations
from pdp.store.absences import Absence
from pdp.store.delegations import Delegation
from pdp.store.engine import Session

LONGEST = timedelta(days=366)
_LONGEST_REASON = 1000
_LONGEST_NAME = 200

router = APIRouter(prefix="/queue/v1", tags=["queue"])

_DELEGATION: JsonObject = {
    "id": "dlg_1",
    "from": PERSON,
    "to": {"type": "user", "id": "carol@example.com"},
    "queue": "managers",
    "starts_at": "2026-05-01T00:00:00Z",
    "ends_at": "2026-05-08T00:00:00Z",
}
_ABSENCE: JsonObject = {
    "id": "abs_1",
    "person": PERSON,
    "deputy": {"type": "user", "id": "carol@example.com"},
    "starts_at": "2026-05-01T00:00:00Z",
    "ends_at": "2026-05-08T00:00:00Z",
}


@router.post(
    "/delegations",
    summary="Let somebody decide for you",
    **documented(
        {"delegation": _DELEGATION},
        body={"approver": PERSON, "to": _DELEGATION["to"], "ends_at": "2026-05-08T00:00:00Z"},
        status=201,
    ),
)
async def delegate(request: Request, caller: Asker, body: Body) -> Any:
    """For a time, on a queue, a template or all; it is not passed on, and never one's own request."""
    desk = desk_of(request)
    asked = object_of(body)
    person = person_of(caller, named_approver(asked, desk))
    to = named_approver(asked, desk, "to")
    now = desk.clock()
    try:
        if to is None or to == person:
            raise InvalidRequest("/to", "must be somebody else")
        starts_at, ends_at = _span(asked, now)
        kept = Delegation(
            id=desk.new_id("dlg_"),
            from_type=person[0],
            from_id=person[1],
            to_type=to[0],
            to_id=to[1],
            queue=text_of(asked, "queue", _LONGEST_NAME),
            template=text_of(asked, "template", _LONGEST_NAME),
            starts_at=starts_at,
            ends_at=ends_at,
            reason=text_of(asked, "reason", _LONGEST_REASON) or "",
            created_at=now,
            created_by=caller.id,
        )
    except InvalidRequest as fault:
        raise invalid_request(fault) from None
    cause = cause_of(request, caller, person)
    shown = _delegation(kept)

    def write(session: Session) -> None:
        delegations.add(session, kept)
        _audit(session, "delegation.created", shown, cause, now)

    await desk.database.awrite(write)
    return {"delegation": shown}


@router.get("/delegations", summary="Delegations", **documented({"items": [_DELEGATION]}))
async def list_delegations(request: Request, caller: Asker, approver: ActsFor = None) -> Any:
    """Those from and to a person, past and future ones too."""
    desk = desk_of(request)
    person = person_of(caller, named_in_query(approver, desk))
    found = await desk.database.aread(lambda s: delegations.of_person(s, person))
    return {"items": [_delegation(each) for each in found]}


@router.delete(
    "/delegations/{delegation_id}",
    summary="End a delegation",
    **documented(None, 404, status=204),
)
async def end_delegation(
    request: Request, caller: Asker, delegation_id: str, approver: ActsFor = None
) -> None:
    """By whoever gave it, or an administrator; it counts no more from now on."""
    desk = desk_of(request)
    person = _mine(caller, named_in_query(approver, desk))
    cause, now = cause_of(request, caller, person), desk.clock()

    def write(session: Session) -> bool:
        found = delegations.get(session, delegation_id)
        if found is None or person not in (None, (found.from_type, found.from_id)):
            return False
        if not delegations.revoke(session, delegation_id, now):
            return False
        _audit(session, "delegation.ended", {"id": delegation_id}, cause, now)
        return True

    if not await desk.database.awrite(write):
        raise Problem(NOT_FOUND, "there is no such delegation")


@router.post(
    "/absences",
    summary="Be out of office",
    **documented(
        {"absence": _ABSENCE},
        body={"approver": PERSON, "deputy": _ABSENCE["deputy"], "ends_at": "2026-05-08T00:00:00Z"},
        status=201,
    ),
)
async def be_absent(request: Request, caller: Asker, body: Body) -> Any:
    """Others see it; the deputy, if there is one, decides meanwhile."""
    desk = desk_of(request)
    asked = object_of(body)
    person = person_of(caller, named_approver(asked, desk))
    deputy = named_approver(asked, desk, "deputy")
    now = desk.clock()
    try:
        if deputy == person:
            raise InvalidRequest("/deputy", "must be somebody else")
        starts_at, ends_at = _span(asked, now)
        kept = Absence(
            id=desk.new_id("abs_"),
            person_type=person[0],
            person_id=person[1],
            deputy_type=deputy and deputy[0],
            deputy_id=deputy and deputy[1],
            starts_at=starts_at,
            ends_at=ends_at,
            reason=text_of(asked, "reason", _LONGEST_REASON) or "",
            created_at=now,
        )
    except InvalidRequest as fault:
        raise invalid_request(fault) from None
    cause = cause_of(request, caller, person)
    shown = _absence(kept)

    def write(session: Session) -> None:
        absences.add(session, kept)
        _audit(session, "absence.created", shown, cause, now)

    await desk.database.awrite(write)
    return {"absence": shown}


@router.get("/absences", summary="Absences", **documented({"items": [_ABSENCE]}))
async def list_absences(request: Request, caller: Asker, approver: ActsFor = None) -> Any:
    """Those of a person, past and future ones too."""
    desk = desk_of(request)
    person = person_of(caller, named_in_query(approver, desk))
    found = await desk.database.aread(lambda s: absences.of_person(s, person))
    return {"items": [_absence(each) for each in found]}


@router.delete("/absences/{absence_id}", summary="Be back", **documented(None, 404, status=204))
async def end_absence(
    request: Request, caller: Asker, absence_id: str, approver: ActsFor = None
) -> None:
    """By the person who is away, or an administrator."""
    desk = desk_of(request)
    person = _mine(caller, named_in_query(approver, desk))
    cause, now = cause_of(request, caller, person), desk.clock()

    def write(session: Session) -> bool:
        if person is not None:
            own = {each.id for each in absences.of_person(session, person)}
            if absence_id not in own:
                return False
        if not absences.remove(session, absence_id):
            return False
        _audit(session, "absence.ended", {"id": absence_id}, cause, now)
        return True

    if not await desk.database.awrite(write):
        raise Problem(NOT_FOUND, "there is no such absence")


def _mine(caller: Any, named: EntityUid | None) -> EntityUid | None:
    """Whose it must be; None: an administrator ends anybody's."""
    if named is None and caller.subject is None and "admin" in caller.roles:
        return None
    return person_of(caller, named)


def _span(body: JsonObject, now: datetime) -> tuple[datetime, datetime]:
    starts_at = moment_of(body, "starts_at") or now
    ends_at = moment_of(body, "ends_at")
    if ends_at is None or ends_at <= max(starts_at, now):
        raise InvalidRequest("/ends_at", "is required, later than now and than its beginning")
    if ends_at - starts_at > LONGEST:
        raise InvalidRequest("/ends_at", f"must be within {LONGEST.days} days of its beginning")
    return starts_at, ends_at


def _audit(session: Session, event: str, details: JsonObject, cause: Cause, now: datetime) -> None:
    audit.append(
        session,
        audit.AuditEvent(
            at=now,
            event=event,
            actor_type=cause.actor_type,
            actor_id=cause.actor_id,
            actor=cause.actor,
            origin=cause.origin,
            details=details,
        ),
    )


def _delegation(found: Delegation) -> JsonObject:
    body: JsonObject = {
        "id": found.id,
        "from": {"type": found.from_type, "id": found.from_id},
        "to": {"type": found.to_type, "id": found.to_id},
        "queue": found.queue,
        "template": found.template,
        "starts_at": format_moment(found.starts_at),
        "ends_at": format_moment(found.ends_at),
        "reason": found.reason or None,
        "revoked_at": found.revoked_at and format_moment(found.revoked_at),
    }
    return {name: value for name, value in body.items() if value is not None}


def _absence(found: Absence) -> JsonObject:
    deputy = None
    if found.deputy_type is not None:
        deputy = {"type": found.deputy_type, "id": found.deputy_id}
    body: JsonObject = {
        "id": found.id,
        "person": {"type": found.person_type, "id": found.person_id},
        "deputy": deputy,
        "starts_at": format_moment(found.starts_at),
        "ends_at": format_moment(found.ends_at),
        "reason": found.reason or None,
    }
    return {name: value for name, value in body.items() if value is not None}
