"""`/oauth/v1/…`: what authorization servers ask; every error is one of OAuth's."""

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from pdp.core.cause import Cause
from pdp.core.values import JsonValue
from pdp.deferral import routes_doc as doc
from pdp.deferral.ciba import request_backchannel
from pdp.deferral.faults import as_oauth_fault
from pdp.deferral.kept import Reply
from pdp.deferral.metadata import oauth_metadata
from pdp.deferral.parts import Asker, Parts
from pdp.deferral.poll import poll
from pdp.deferral.revoke import revoke
from pdp.deferral.token_request import request_token
from pdp.deferral.txn_challenge import request_transaction
from pdp.deferral.wire import object_of
from pdp.errors import OAuthFault
from pdp.ops.dependencies import caller_with, json_body, origin_of
from pdp.trust.callers import Caller

_log = logging.getLogger("pdp.deferral")

_NO_STORE = {"Cache-Control": "no-store"}


class OAuthRoute(APIRoute):
    """A route whose problems, before it and in it, are answered as OAuth errors."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Any]]:  # type: ignore[override]
        """The handler, with every problem turned into an OAuth error."""
        inner = super().get_route_handler()

        async def handler(request: Request) -> Any:
            try:
                return await inner(request)
            except (OAuthFault, HTTPException):
                raise
            except Exception as fault:
                told = as_oauth_fault(fault)
                if told.status == 500:
                    _log.exception("the call failed")
                raise told from fault

        return handler


router = APIRouter(prefix="/oauth/v1", tags=["oauth"], route_class=OAuthRoute)

As = Annotated[Caller, Depends(caller_with("as"))]
Body = Annotated[JsonValue, Depends(json_body)]
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", description="The same for every repeat.")
]


@router.post("/token-requests", summary="A token request of a client", **doc.TOKEN_REQUEST)
async def token_requests(
    request: Request, caller: As, body: Body, idempotency_key: IdempotencyKey = None
) -> Response:
    """Allowed, refused, or deferred (DTR, Token Endpoint)."""
    asker = _asker(request, caller, idempotency_key)
    return _answer(await request_token(_parts(request), object_of(body), asker))


@router.post("/deferrals/poll", summary="A client polls with its deferral code", **doc.POLL)
async def poll_deferral(
    request: Request, caller: As, body: Body, idempotency_key: IdempotencyKey = None
) -> Response:
    """The grant, once; or the error that the client is to be answered (DTR, Polling)."""
    asker = _asker(request, caller, idempotency_key)
    return _answer(await poll(_parts(request), object_of(body), asker))


@router.post("/deferrals/revoke", summary="A client gives its deferral code up", **doc.REVOKE)
async def revoke_deferral(request: Request, caller: As, body: Body) -> Response:
    """Always the same, whatever the code was (DTR, Cancellation; RFC 7009, section 2.2)."""
    await revoke(_parts(request), object_of(body), _asker(request, caller, None))
    return _answer(Reply(200, {}))


@router.post("/backchannel-requests", summary="A backchannel request", **doc.BACKCHANNEL)
async def backchannel_requests(
    request: Request, caller: As, body: Body, idempotency_key: IdempotencyKey = None
) -> Response:
    """Ask the subject on a device of its own (CIBA, section 7)."""
    asker = _asker(request, caller, idempotency_key)
    return _answer(await request_backchannel(_parts(request), object_of(body), asker))


@router.post(
    "/backchannel-requests/poll", summary="A client polls with its auth_req_id", **doc.CIBA_POLL
)
async def poll_backchannel(
    request: Request, caller: As, body: Body, idempotency_key: IdempotencyKey = None
) -> Response:
    """The grant, once; or the error that the client is to be answered (CIBA, section 11)."""
    asker = _asker(request, caller, idempotency_key)
    return _answer(await poll(_parts(request), object_of(body), asker, "ciba"))


@router.post("/transaction-challenges", summary="A transaction challenge", **doc.TRANSACTION)
async def transaction_challenges(
    request: Request, caller: As, body: Body, idempotency_key: IdempotencyKey = None
) -> Response:
    """What a registered resource has signed, to be authorized for its client."""
    asker = _asker(request, caller, idempotency_key)
    return _answer(await request_transaction(_parts(request), object_of(body), asker))


@router.post(
    "/transaction-challenges/poll",
    summary="A client polls with its transaction_authorization_id",
    **doc.TXN_POLL,
)
async def poll_transaction(
    request: Request, caller: As, body: Body, idempotency_key: IdempotencyKey = None
) -> Response:
    """The grant, once; or the error that the client is to be answered."""
    asker = _asker(request, caller, idempotency_key)
    return _answer(await poll(_parts(request), object_of(body), asker, "txn"))


@router.get("/metadata", summary="What an AS adds to its metadata", **doc.METADATA)
async def metadata(request: Request, caller: As) -> Response:
    """Members for the metadata of an authorization server (RFC 8414), ready to merge."""
    return _answer(Reply(200, oauth_metadata()))


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.deferral
    return parts


def _asker(request: Request, caller: Caller, key: str | None) -> Asker:
    cause = Cause("caller", caller.id, None, origin_of(request.scope, "oauth"))
    return Asker(caller, cause, key)


def _answer(reply: Reply) -> Response:
    return Response(orjson.dumps(reply.body), reply.status, _NO_STORE, "application/json")
