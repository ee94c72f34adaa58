"""An evaluation whose denial opens a request at once."""

from typing import Any

import pytest

from pdp.core.values import JsonObject
from tests.access_request.world import TIM, denial_of, question
from tests.deferral.world import AGENT, BOUND, Server

CODE = "urn:ietf:params:oauth:token-type:deferral-code"


def evaluated(server: Server, resource: str, key: str = "as-1", **context: Any) -> JsonObject:
    body = question(resource) | {"context": {"completion_mode": "deferred", "client": AGENT}}
    body["context"] |= context
    body |= {name: body["context"].pop(name) for name in ("subject",) if name in body["context"]}
    reply = server.pdp.call("POST", "/access/v1/evaluation", key, body)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


@pytest.mark.requirement("AROP-017", "AROP-006", "AROP-007")
def test_a_denial_comes_with_a_code_that_is_polled_like_any_other(server: Server) -> None:
    answer = evaluated(server, "manager-1", grant_type="client_credentials")
    assert answer["decision"] is False
    given = answer["context"][CODE]
    assert set(given) == {"deferral_code", "expires_in", "interval"}
    code = given["deferral_code"]
    assert server.error(code) == "authorization_pending"
    server.approve()
    body = server.poll(code).json()
    assert body["outcome"] == "permit"
    assert body["grant_type"] == "client_credentials"
    assert body["evaluation"]["resource"] == {"type": "doc", "id": "manager-1"}
    assert server.error(code) == "invalid_grant"


@pytest.mark.requirement("AROP-055")
def test_without_opting_in_nothing_is_opened(server: Server) -> None:
    assert CODE not in evaluated(server, "manager-1", completion_mode="sync")["context"]
    assert CODE not in evaluated(server, "manager-1", client={"id": "a", "public": True})["context"]
    assert CODE not in evaluated(server, "manager-1", key="pep")["context"]
    assert CODE not in evaluated(server, "manager-1", client="agent-7")["context"]
    assert CODE not in evaluated(server, "manager-1", key="as-narrow")["context"]
    assert server.kept() == []
    assert CODE in evaluated(server, "manager-1", client=BOUND)["context"]


@pytest.mark.requirement("AROP-012")
def test_what_nobody_can_approve_is_a_plain_denial(server: Server) -> None:
    assert evaluated(server, "unknown") == {"decision": False}
    assert evaluated(server, "free-1") == {"decision": True}


def test_what_policy_approves_at_once_is_allowed(server: Server) -> None:
    answer = evaluated(server, "automatic-1", subject=TIM)
    assert answer["decision"] is True
    assert "approved_until" in answer["context"]["approval"]
    assert server.kept() == []


def test_the_denial_is_used_up_by_its_code(server: Server) -> None:
    answer = evaluated(server, "manager-1")
    context = {"completion_mode": "deferred", "client": AGENT}
    body = question("manager-1") | {"context": context, "denial": denial_of(answer)}
    reply = server.pdp.submit(body, "as-1")
    assert (reply.status_code, reply.json()["type"].rpartition(":")[2]) == (
        400,
        "invalid_denial_binding",
    )
