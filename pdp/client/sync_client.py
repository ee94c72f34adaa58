"""The client that blocks."""

import random
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

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


class Client:
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
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._http = httpx.Client(
            base_url=base_url.rstrip("/"),
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT,
            follow_redirects=False,
            transport=transport,
        )
        self._sleep = sleep
        self._clock = clock

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def evaluate(self, evaluation: JsonObject) -> Decision:
        """May this be? Raises `CallFailed`, which is never to be taken for a permit."""
        return decision_of(self._send(Call("POST", EVALUATION, evaluation)))

    def reevaluate(self, evaluation: JsonObject, approval: JsonObject) -> Decision:
        """The same with an approval; raises `CallFailed`."""
        return self.evaluate(with_approval(evaluation, approval))

    def submit(
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
        return request_of(self._send(call))

    def status(self, request_id: str) -> Request:
        """How a request stands; raises `CallFailed`."""
        return request_of(self._send(Call("GET", f"{REQUESTS}/{request_id}")))

    def wait(self, request: Request) -> Request:
        """Look at a request until it is decided or over, as often as the server lets.

        Raises:
            CallFailed: the server does not answer as it should.
        """
        pauses = waits(random.random)
        while (pause := next_wait(request, pauses, self._clock())) is not None:
            self._sleep(pause)
            request = self.status(request.id)
        return request

    def token_request(
        self, body: JsonObject, key: str | None = None
    ) -> Permit | Deferred | Refused:
        """Ask for a token on behalf of a client; raises `CallFailed`."""
        return token_of(self._send(Call("POST", TOKEN_REQUESTS, body, _keyed(key))))

    def poll(
        self, code: str, client: JsonObject, key: str | None = None, **members: Any
    ) -> Permit | Deferred | Refused:
        """Pass on a client's poll; repeat it with the same `key` after a `CallFailed`."""
        body = {"deferral_code": code, "client": client, **members}
        return token_of(self._send(Call("POST", POLL, body, _keyed(key))))

    def revoke(self, code: str, client: JsonObject) -> None:
        """Pass on that a client gives its code up; raises `CallFailed`."""
        answer = self._send(Call("POST", REVOKE, {"token": code, "client": client}))
        if answer.status != 200:
            raise CallFailed("the code was not revoked", answer.status, answer.body)

    def backchannel_request(
        self, body: JsonObject, key: str | None = None
    ) -> Permit | Deferred | Refused:
        """Ask a person on a device of their own (CIBA); raises `CallFailed`."""
        return backchannel_of(self._send(Call("POST", BACKCHANNEL, body, _keyed(key))))

    def poll_backchannel(
        self, handle: str, client: JsonObject, key: str | None = None
    ) -> Permit | Deferred | Refused:
        """Pass on a client's poll with its `auth_req_id`, as `poll` does; raises `CallFailed`."""
        body = {"auth_req_id": handle, "client": client}
        return token_of(self._send(Call("POST", BACKCHANNEL_POLL, body, _keyed(key))))

    def metadata(self) -> JsonObject:
        """What an authorization server adds to its own metadata; raises `CallFailed`."""
        return metadata_of(self._send(Call("GET", METADATA)))

    def _send(self, call: Call) -> Answer:
        try:
            reply = self._http.request(
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
