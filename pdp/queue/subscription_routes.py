"""`/queue/v1/subscriptions`: signed webhooks for those who follow requests."""

import base64
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from pdp.access_request.verdict import text_of
from pdp.background.webhooks import seal_purpose
from pdp.core.authzen import InvalidRequest
from pdp.core.moment import format_moment
from pdp.core.values import JsonObject
from pdp.errors import CONFLICT, INVALID_REQUEST, NOT_FOUND, Problem
from pdp.ops.dependencies import caller_with, invalid_request
from pdp.queue.asking import Body, desk_of, object_of
from pdp.queue.doc import documented
from pdp.store import subscriptions
from pdp.store.engine import Session
from pdp.store.subscriptions import Subscription
from pdp.trust.callers import Caller
from pdp.trust.outbound import OutboundFailed

EVENTS = (
    *("created", "step", "approved", "denied", "expired", "cancelled", "failed", "partial"),
    *("revoked", "reminder", "escalated", "assigned", "emergency", "commented", "*"),
)
_MOST = 100
_LONGEST_URL = 2000
_SECRET_BYTES = 32

router = APIRouter(prefix="/queue/v1/subscriptions", tags=["queue"])
Follower = Annotated[Caller, Depends(caller_with("as", "admin"))]

_SHOWN: JsonObject = {
    "id": "sub_1",
    "url": "https://as.example.com/hooks/requests",
    "events": ["approved", "denied"],
    "failures": 0,
    "enabled": True,
}


@router.post(
    "",
    summary="Follow requests by webhook",
    **documented(
        {"subscription": _SHOWN, "secret": "whsec_c2VjcmV0"},
        409,
        body={"url": _SHOWN["url"], "events": ["approved", "denied"], "queues": ["managers"]},
        status=201,
    ),
)
async def subscribe(request: Request, caller: Follower, body: Body) -> Any:
    """Be told of the requests that came through this caller; the secret is shown this once.

    Deliveries are signed as Standard Webhooks says (`webhook-id`, `webhook-timestamp`,
    `webhook-signature`), come at least once, and in order for each request.
    """
    desk = desk_of(request)
    asked = object_of(body)
    try:
        url = text_of(asked, "url", _LONGEST_URL)
        if not url:
            raise InvalidRequest("/url", "is required")
        events = _names(asked.get("events", ["*"]), "/events", EVENTS)
        queues = None if asked.get("queues") is None else _names(asked["queues"], "/queues", None)
    except InvalidRequest as fault:
        raise invalid_request(fault) from None
    try:
        await desk.outbound.check_destination(url)
    except OutboundFailed as fault:
        detail = f"cannot be called: {fault}"
        errors = [{"pointer": "/url", "detail": detail}]
        raise Problem(INVALID_REQUEST, f"`/url` {detail}", errors=errors) from None
    identifier = desk.new_id("sub_")
    secret = secrets.token_bytes(_SECRET_BYTES)
    kept = Subscription(
        id=identifier,
        owner=caller.id,
        url=url,
        events=events,
        queues=queues,
        secret_sealed=desk.keys.seal(secret, seal_purpose(identifier)),
        created_at=desk.clock(),
    )

    def write(session: Session) -> None:
        if len(subscriptions.of_owner(session, caller.id)) >= _MOST:
            raise Problem(CONFLICT, f"a caller may have at most {_MOST} subscriptions")
        subscriptions.add(session, kept)

    await desk.database.awrite(write)
    return {"subscription": _shown(kept), "secret": "whsec_" + base64.b64encode(secret).decode()}


@router.get("", summary="The caller's subscriptions", **documented({"items": [_SHOWN]}))
async def list_subscriptions(request: Request, caller: Follower) -> Any:
    """Each with how its deliveries go."""
    desk = desk_of(request)
    found = await desk.database.aread(lambda s: subscriptions.of_owner(s, caller.id))
    return {"items": [_shown(each) for each in found]}


@router.get(
    "/{subscription_id}", summary="A subscription", **documented({"subscription": _SHOWN}, 404)
)
async def show_subscription(request: Request, caller: Follower, subscription_id: str) -> Any:
    """One of the caller's."""
    desk = desk_of(request)
    found = await desk.database.aread(lambda s: subscriptions.get(s, subscription_id))
    if found is None or found.owner != caller.id:
        raise _unknown()
    return {"subscription": _shown(found)}


@router.post(
    "/{subscription_id}/enable",
    summary="Deliver again",
    **documented({"subscription": _SHOWN}, 404),
)
async def enable_subscription(request: Request, caller: Follower, subscription_id: str) -> Any:
    """Take up a subscription that was switched off because its deliveries failed."""
    desk = desk_of(request)

    def write(session: Session) -> Subscription | None:
        found = subscriptions.get(session, subscription_id)
        if found is None or found.owner != caller.id:
            return None
        subscriptions.enable(session, subscription_id)
        return subscriptions.get(session, subscription_id)

    found = await desk.database.awrite(write)
    if found is None:
        raise _unknown()
    return {"subscription": _shown(found)}


@router.delete("/{subscription_id}", summary="Stop following", **documented(None, 404, status=204))
async def unsubscribe(request: Request, caller: Follower, subscription_id: str) -> None:
    """Nothing more is delivered."""
    desk = desk_of(request)
    removed = await desk.database.awrite(
        lambda s: subscriptions.remove(s, subscription_id, caller.id)
    )
    if not removed:
        raise _unknown()


def _names(value: Any, at: str, known: tuple[str, ...] | None) -> list[str]:
    if not isinstance(value, list) or not value or len(value) > _MOST:
        raise InvalidRequest(at, "must be an array of texts that is not empty")
    for position, each in enumerate(value):
        if not isinstance(each, str) or not each:
            raise InvalidRequest(f"{at}/{position}", "must be a text that is not empty")
        if known is not None and each not in known:
            wanted = ", ".join(f"`{name}`" for name in known)
            raise InvalidRequest(f"{at}/{position}", f"must be one of {wanted}")
    return list(dict.fromkeys(value))


def _shown(found: Subscription) -> JsonObject:
    body: JsonObject = {
        "id": found.id,
        "url": found.url,
        "events": found.events,
        "queues": found.queues,
        "created_at": format_moment(found.created_at),
        "enabled": found.disabled_at is None,
        "disabled_reason": found.disabled_reason,
        "failures": found.failures,
        "delivered_at": found.delivered_at and format_moment(found.delivered_at),
    }
    return {name: value for name, value in body.items() if value is not None}


def _unknown() -> Problem:
    return Problem(NOT_FOUND, "there is no such subscription")
