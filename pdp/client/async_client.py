"""The client that does not block."""

import random
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import anyio
import httpx

from pdp.client.calls import (
    BACKCHANNEL,
    BACKCHANNEL_POLL,
    EVALUATION,
    METADATA,
    POLL,
    REQUESTS,
    REVOKE,
    TOKEN_REQUESTS,
    Answer,
    Call,
    CallFailed,
    Decision,
    Deferred,
    Permit,
    Refused,
    Request,
    backchannel_of,
    decision_of,
    metadata_of,
    next_wait,
    request_of,
    submission,
    token_of,
    waits,
    with_approval,
)
from pdp.core.values import InvalidJson, JsonObject, parse_json

TIMEOUT = 10.0


class AsyncClient:
    """A client of one PDP.

    Args:
        base_url: of the PDP.
        key: the credential, sent as a bearer token.
        transport: for tests, and for a connection of another kind.
        sleep, clock: how time passes.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = anyio.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/"),
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT,
            follow_redirects=False,
            transport=transport,
        )
        self._sleep = sleep
        self._clock = clock

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def evaluate(self, evaluation: JsonObject) -> Decision:
        """May this be? Raises `CallFailed`, which is never to be taken for a permit."""
        return decision_of(await self._send(Call("POST", EVALUATION, evaluation)))

    async def reevaluate(self, evaluation: JsonObject, approval: JsonObject) -> Decision:
        """The same with an approval; raises `CallFailed`."""
        return await self.evaluate(with_approval(evaluation, approval))

    async def submit(
        self, evaluation: JsonObject, decision: Decision, key: str | None = None, **members: Any
    ) -> Request:
        """Ask for what was denied.

        Args:
            key: the `Idempotency-Key`; by default a new one.
            members: further members, such as `requested_access`.

        Raises:
            ValueError: the denial cannot be requested.
            CallFailed: the server did not take it.
        """
        if decision.denial is None:
            raise ValueError("this denial cannot be requested")
        call = submission(evaluation, decision.denial, members, key or secrets.token_urlsafe(16))
        return request_of(await self._send(call))

    async def status(self, request_id: str) -> Request:
        """How a request stands; raises `CallFailed`."""
        return request_of(await self._send(Call("GET", f"{REQUESTS}/{request_id}")))

    async def wait(self, request: Request) -> Request:
        """Look at a request until it is decided or over, as often as the server lets.

        Raises:
            CallFailed: the server does not answer as it should.
        """
        pauses = waits(random.random)
        while (pause := next_wait(request, pauses, self._clock())) is not None:
            await self._sleep(pause)
            request = await self.status(request.id)
        return request

    async def token_request(
        self, body: JsonObject, key: str | None = None
    ) -> Permit | Deferred | Refused:
        """Ask for a token on behalf of a client; raises `CallFailed`."""
        return token_of(await self._send(Call("POST", TOKEN_REQUESTS, body, _keyed(key))))

    async def poll(
        self, code: str, client: JsonObject, key: str | None = None, **members: Any
    ) -> Permit | Deferred | Refused:
        """Pass on a client's poll; repeat it with the same `key` after a `CallFailed`."""
        body = {"deferral_code": code, "client": client, **members}
        return token_of(await self._send(Call("POST", POLL, body, _keyed(key))))

    async def revoke(self, code: str, client: JsonObject) -> None:
        """Pass on that a client gives its code up; raises `CallFailed`."""
        answer = await self._send(Call("POST", REVOKE, {"token": code, "client": client}))
        if answer.status != 200:
            raise CallFailed("the code was not revoked", answer.status, answer.body)

    async def backchannel_request(
        self, body: JsonObject, key: str | None = None
    ) -> Permit | Deferred | Refused:
        """Ask a person on a device of their own (CIBA); raises `CallFailed`."""
        return backchannel_of(await self._send(Call("POST", BACKCHANNEL, body, _keyed(key))))

    async def poll_backchannel(
        self, handle: str, client: JsonObject, key: str | None = None
    ) -> Permit | Deferred | Refused:
        """Pass on a client's poll with its `auth_req_id`, as `poll` does; raises `CallFailed`."""
        body = {"auth_req_id": handle, "client": client}
        return token_of(await self._send(Call("POST", BACKCHANNEL_POLL, body, _keyed(key))))

    async def metadata(self) -> JsonObject:
        """What an authorization server adds to its own metadata; raises `CallFailed`."""
        return metadata_of(await self._send(Call("GET", METADATA)))

    async def _send(self, call: Call) -> Answer:
        try:
            reply = await self._http.request(
                call.method, call.path, json=call.body, headers=dict(call.headers)
            )
        except httpx.HTTPError as error:
            raise CallFailed(f"no answer: {type(error).__name__}") from error
        try:
            body = parse_json(reply.content)
        except InvalidJson:
            body = None
        return Answer(reply.status_code, body, dict(reply.headers))


def _keyed(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Idempotency-Key": key}
