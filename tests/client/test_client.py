"""The client library against our server."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import anyio
import httpx
import pytest
from fastapi import Depends, FastAPI, Request

from pdp.client import AsyncClient, CallFailed, Client, Deferred, Permit, Refused
from pdp.client.calls import (
    Answer,
    backchannel_of,
    decision_of,
    next_wait,
    request_of,
    token_of,
    waits,
)
from pdp.client.enforce import AccessDenied, EnforcementMiddleware, requires
from tests.access_request.world import BASE, NOW, Pdp, question
from tests.contract.conftest import sqlite_template
from tests.deferral.world import AGENT, Server, oauth_serving, token_request

__all__ = ["sqlite_template"]


class InProcess(httpx.BaseTransport):
    """Reaches a server of this process."""

    def __init__(self, pdp: Pdp) -> None:
        self._pdp = pdp

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        reply = self._pdp.at_once(request)[0]
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)


@pytest.fixture
def server(tmp_path: Any, sqlite_template: Any) -> Iterator[Server]:
    """A PDP with authorization servers."""
    (tmp_path / "pdp.db").write_bytes(sqlite_template.read_bytes())
    with oauth_serving(f"sqlite:///{tmp_path}/pdp.db") as found:
        yield found


def client_of(server: Server, key: str = "pep", sleep: Any = None) -> Client:
    def pass_time(seconds: float) -> None:
        server.later(seconds)

    return Client(
        BASE,
        key,
        transport=InProcess(server.pdp),
        sleep=sleep or pass_time,
        clock=lambda: server.pdp.now,
    )


def test_from_a_denial_to_an_allow(server: Server) -> None:
    asked = question("manager-1")
    with client_of(server) as client:
        denied = client.evaluate(asked)
        assert not denied.allowed
        request = client.submit(asked, denied)
        assert (request.pending, request.approved) == (True, False)
        server.pdp.vote(request.id, "bob")
        settled = client.wait(request)
        assert settled.approved
        assert settled.approval is not None
        assert client.reevaluate(asked, settled.approval).allowed


def test_waiting_ends_with_the_request(server: Server) -> None:
    asked = question("manager-1")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        server.later(max(seconds, 3600))

    with client_of(server, sleep=sleep) as client:
        request = client.submit(asked, client.evaluate(asked))
        settled = client.wait(request)
    assert (settled.status, settled.approved) == ("expired", False)
    assert slept
    assert min(slept) >= 0


def test_what_cannot_be_requested_is_not(server: Server) -> None:
    with client_of(server) as client:
        denied = client.evaluate(question("unknown"))
        with pytest.raises(ValueError, match="cannot be requested"):
            client.submit(question("unknown"), denied)


def test_an_authorization_server_defers_polls_and_revokes(server: Server) -> None:
    with client_of(server, "as-1") as client:
        assert isinstance(client.token_request(token_request("free-1")), Permit)
        refused = client.token_request(token_request("unknown"))
        assert isinstance(refused, Refused)
        assert refused.error == "invalid_authorization_details"
        deferred = client.token_request(token_request("manager-1"), key="t1")
        assert isinstance(deferred, Deferred)
        assert deferred.code is not None
        assert client.token_request(token_request("manager-1"), key="t1") == deferred
        assert isinstance(client.poll(deferred.code, AGENT), Deferred)
        server.approve()
        granted = client.poll(deferred.code, AGENT, key="p1")
        assert isinstance(granted, Permit)
        assert granted.approval_id is not None
        assert client.poll(deferred.code, AGENT, key="p1") == granted
        client.revoke(deferred.code, AGENT)
        again = client.poll(deferred.code, AGENT)
        assert isinstance(again, Refused)
        assert again.error == "invalid_grant"


def test_an_authorization_server_asks_in_the_background(server: Server) -> None:
    with client_of(server, "as-1") as client:
        first = client.token_request(token_request("manager-1"))
        assert isinstance(first, Deferred)
        second = client.backchannel_request({"client": AGENT, "login_hint": first.code})
        assert isinstance(second, Deferred)
        assert second.code is not None and second.code != first.code
        assert second.expires_in is not None and second.expires_in > 0
        assert isinstance(client.poll_backchannel(second.code, AGENT), Deferred)
        server.approve()
        granted = client.poll_backchannel(second.code, AGENT, key="p1")
        assert isinstance(granted, Permit)
        assert client.poll_backchannel(second.code, AGENT, key="p1") == granted
        assert isinstance(client.poll(str(first.code), AGENT), Refused)
        refused = client.backchannel_request({"client": AGENT})
        assert isinstance(refused, Refused) and refused.error == "invalid_request"
        assert client.metadata()["deferred_token_response_supported"] is True


def test_a_call_without_an_answer_is_never_a_permit(server: Server) -> None:
    with client_of(server, "wrong key") as client:
        with pytest.raises(CallFailed) as fault:
            client.evaluate(question("free-1"))
        assert fault.value.status == 401
        with pytest.raises(CallFailed):
            client.token_request(token_request("free-1"))

    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    with Client(BASE, "k", transport=httpx.MockTransport(broken)) as client:
        with pytest.raises(CallFailed) as fault:
            client.evaluate(question("free-1"))
        assert fault.value.status is None


@pytest.mark.parametrize(
    "body", [{"decision": "true"}, {"decision": 1}, {}, {"decision": False}, {"decision": None}]
)
def test_only_true_is_a_permit(body: Any) -> None:
    assert not decision_of(Answer(200, body, {})).allowed


@pytest.mark.parametrize(
    ("status", "mode"),
    [
        ("approved", "token"),
        ("approved", None),
        ("granted", "reevaluate"),
        ("partial", "reevaluate"),
    ],
)
def test_unknown_statuses_and_modes_are_not_approved(status: str, mode: str | None) -> None:
    body = {
        "task": {"id": "arq_1", "status": status, "expires_at": "2026-05-01T00:00:00Z"},
        "result": {"mode": mode, "approval": {"id": "apr_1"}},
    }
    found = request_of(Answer(200, body, {}))
    assert (found.approved, found.pending) == (False, False)


def test_an_unknown_answer_to_a_token_request_is_no_permit() -> None:
    assert isinstance(token_of(Answer(200, {"outcome": "maybe"}, {})), Refused)
    assert isinstance(token_of(Answer(400, {"error": "new_error"}, {})), Refused)
    with pytest.raises(CallFailed):
        token_of(Answer(503, {"error": "temporarily_unavailable"}, {}))
    with pytest.raises(CallFailed):
        token_of(Answer(200, None, {}))


def test_an_unknown_answer_to_a_backchannel_request_is_no_permit() -> None:
    assert isinstance(backchannel_of(Answer(200, {"outcome": "permit"}, {})), Permit)
    for body in ({}, {"outcome": "maybe"}, {"auth_req_id": 7, "expires_in": 5}, [], None):
        with pytest.raises(CallFailed):
            backchannel_of(Answer(200, body, {}))
    with pytest.raises(CallFailed):
        backchannel_of(Answer(503, {"error": "temporarily_unavailable"}, {}))


def test_waits_grow_differ_and_stop_at_the_end() -> None:
    pauses = waits(lambda: 1.0)
    assert [next(pauses) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    task = {"id": "arq_1", "status": "pending", "expires_at": "2026-04-30T20:15:30Z"}
    asked = request_of(Answer(202, {"task": task}, {"retry-after": "7"}))
    assert next_wait(asked, pauses, NOW) == 7
    assert next_wait(asked, pauses, NOW + timedelta(seconds=27)) == 3
    assert next_wait(asked, pauses, NOW + timedelta(seconds=30)) is None


def resource(server: Server) -> FastAPI:
    """An application whose documents are enforced by a dependency."""
    app = FastAPI()
    pdp = async_client(server)

    def asked(request: Request) -> dict[str, Any]:
        return question(request.path_params["name"])

    @app.exception_handler(AccessDenied)
    async def denied(request: Request, fault: AccessDenied) -> Any:
        from fastapi.responses import JSONResponse

        return JSONResponse({"requestable": fault.decision.denial is not None}, 403)

    @app.get("/docs/{name}", dependencies=[Depends(requires(pdp, asked))])
    async def read(name: str) -> dict[str, str]:
        return {"name": name}

    return app


def async_client(server: Server, key: str = "pep") -> AsyncClient:
    async def pass_time(seconds: float) -> None:
        server.pdp.now += timedelta(seconds=seconds)

    def clock() -> datetime:
        return server.pdp.now

    transport = httpx.ASGITransport(server.pdp.server)
    return AsyncClient(BASE, key, transport=transport, sleep=pass_time, clock=clock)


def test_the_other_client_does_the_same(server: Server) -> None:
    async def story() -> None:
        asked = question("manager-1")
        async with async_client(server) as client:
            request = await client.submit(asked, await client.evaluate(asked))
            await anyio.to_thread.run_sync(server.pdp.vote, request.id, "bob")
            settled = await client.wait(request)
            assert settled.approval is not None
            assert (await client.reevaluate(asked, settled.approval)).allowed
        async with async_client(server, "as-1") as client:
            deferred = await client.token_request(token_request("manager-2"))
            assert isinstance(deferred, Deferred)
            assert deferred.code is not None
            await client.revoke(deferred.code, AGENT)
            assert isinstance(await client.poll(deferred.code, AGENT), Refused)
            hinted = {"client": AGENT, "login_hint": deferred.code}
            assert isinstance(await client.backchannel_request(hinted), Refused)
            assert isinstance(await client.poll_backchannel("none", AGENT), Refused)
            assert "grant_types_supported" in await client.metadata()

    anyio.run(story)


def statuses(app: Any, *paths: str) -> list[int]:
    async def ask() -> list[int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://rs.example") as http:
            return [(await http.get(path)).status_code for path in paths]

    return anyio.run(ask)


def test_a_resource_enforces_by_a_dependency(server: Server) -> None:
    app = resource(server)
    assert statuses(app, "/docs/free-1", "/docs/manager-1") == [200, 403]


def test_a_resource_enforces_by_a_middleware_and_fails_closed(server: Server) -> None:
    inner = FastAPI()

    @inner.get("/{name}")
    async def read(name: str) -> dict[str, str]:
        return {"name": name}

    def asked(connection: Any) -> Any:
        name = connection.url.path[1:]
        return None if name == "public" else question(name)

    app = EnforcementMiddleware(inner, async_client(server), asked)
    assert statuses(app, "/public", "/free-1", "/manager-1", "/unknown") == [200, 200, 403, 403]
    broken = EnforcementMiddleware(inner, async_client(server, "wrong key"), asked)
    assert statuses(broken, "/public", "/free-1") == [200, 503]
