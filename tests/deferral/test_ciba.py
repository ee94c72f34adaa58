"""Backchannel requests: asked of the subject, and of nobody else."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pdp.core.values import JsonObject
from tests.access_request.world import ALICE, DATA, client
from tests.deferral.world import AGENT, BOUND, SERVERS, TOKEN, Server, detail, oauth_serving

_OWN = """
@id("openid") permit (principal, action == Action::"request", resource == Scope::"openid");
@id("own")
permit (principal, action == Action::"access_request:approve", resource)
when { context.request.subject == principal && context.request.transport == "ciba" };
"""


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    """A PDP whose people approve what is asked in their name under CIBA."""
    folder = tmp_path / "policies"
    shutil.copytree(DATA / "policies", folder)
    text = (folder / "main.cedar").read_text("utf-8")
    own = "when { context.request.subject == principal };"
    assert own in text
    but = 'when { context.request.subject == principal && context.request.transport != "ciba" };'
    (folder / "main.cedar").write_text(text.replace(own, but) + _OWN, "utf-8")
    clients = [client("pep", "pep"), *SERVERS, client("inbox", "approver_proxy")]
    with oauth_serving(database_url, policies=folder, clients=clients) as found:
        yield found


def asked(*resources: str, **more: Any) -> JsonObject:
    body = {
        "client": AGENT,
        "subject": ALICE,
        "scope": "openid",
        "authorization_details": detail(*resources),
    }
    return {name: value for name, value in (body | more).items() if value is not None}


def begun(server: Server, *resources: str, **more: Any) -> str:
    reply = server.post("/backchannel-requests", asked(*resources, **more))
    assert reply.status_code == 200, reply.text
    return str(reply.json()["auth_req_id"])


def polled(server: Server, code: str, who: JsonObject = AGENT) -> JsonObject:
    reply = server.post("/backchannel-requests/poll", {"auth_req_id": code, "client": who})
    return dict(reply.json())


def decide(server: Server, name: str) -> int:
    body = {"decision": "approve", "approver": {"type": "user", "id": name}}
    path = f"/queue/v1/tasks/{server.task()}/decisions"
    return server.pdp.call("POST", path, "inbox", body).status_code


@pytest.mark.requirement("CIBA-002")
def test_a_request_is_answered_with_an_id_to_poll_with(server: Server) -> None:
    reply = server.post("/backchannel-requests", asked("manager-1", requested_expiry=300))
    body = reply.json()
    assert len(body.pop("auth_req_id")) == 43
    assert (reply.status_code, body) == (200, {"expires_in": 300, "interval": 5})


@pytest.mark.requirement("CIBA-001")
def test_the_wished_expiry_holds_as_far_as_the_workflow_lets_it(server: Server) -> None:
    code = begun(server, "manager-1", requested_expiry=300)
    server.later(299)
    assert polled(server, code).get("error") == "authorization_pending", polled(server, code)
    server.later(1)
    assert polled(server, code)["error"] == "expired_token"
    assert "task.expired" in server.pdp.events(server.task())
    reply = server.post("/backchannel-requests", asked("manager-1", requested_expiry=10**7))
    assert reply.json()["expires_in"] == 3 * 86_400


@pytest.mark.requirement("CIBA-003", "CIBA-004", "AROP-058")
def test_only_the_subject_approves(server: Server) -> None:
    code = begun(server, "manager-1", binding_message="W4SCT")
    assert polled(server, code)["error"] == "authorization_pending"
    assert decide(server, "bob") == 403
    assert decide(server, "tim") == 403
    server.later(6)
    assert polled(server, code)["error"] == "authorization_pending"
    assert decide(server, "alice") == 201
    body = polled(server, code)
    assert body["outcome"] == "permit"
    assert body["grant_type"] == "urn:openid:params:grant-type:ciba"
    assert polled(server, code)["error"] == "invalid_grant"


@pytest.mark.requirement("CIBA-004")
def test_an_approval_by_somebody_else_counts_for_nothing(server: Server) -> None:
    code = begun(server, "manager-1")
    server.approve("bob")
    assert polled(server, code)["error"] == "access_denied"


@pytest.mark.requirement("CIBA-004")
def test_policy_does_not_answer_in_the_place_of_the_subject(server: Server) -> None:
    tim = {"type": "user", "id": "tim"}
    code = begun(server, "automatic-1", subject=tim)
    assert polled(server, code)["error"] == "authorization_pending"


@pytest.mark.requirement("CIBA-005")
def test_a_deferral_code_as_hint_gives_a_second_handle_and_either_ends_both(
    server: Server,
) -> None:
    for first_polls in (True, False):
        code = server.deferred("manager-1")
        second = begun(server, subject=None, login_hint=code, scope=None)
        server.approve("bob")
        if first_polls:
            assert server.poll(code).status_code == 200
        else:
            assert polled(server, second)["outcome"] == "permit"
        assert polled(server, second)["error"] == "invalid_grant"
        assert server.error(code) == "invalid_grant"


@pytest.mark.requirement("CIBA-005", "CIBA-006")
def test_a_deferral_code_of_others_is_no_hint(server: Server) -> None:
    code = server.deferred("manager-1", client=BOUND)
    for who, key in ((AGENT, "as-1"), ({"id": "other"}, "as-1"), (BOUND, "as-2")):
        body = asked(subject=None, login_hint=code, client=who)
        reply = server.post("/backchannel-requests", body, key)
        assert (reply.status_code, reply.json()["error"]) == (400, "unknown_user_id")
    server.revoke(code, BOUND)
    body = asked(subject=None, login_hint=code, client=BOUND)
    assert server.post("/backchannel-requests", body).json()["error"] == "access_denied"
    server.later(4 * 86_400)
    reply = server.post("/backchannel-requests", body)
    assert reply.json()["error"] == "expired_login_hint_token"


@pytest.mark.requirement("CIBA-001", "CIBA-006")
@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"scope": "crm:read"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"subject": None}, "invalid_request"),
        ({"login_hint": "alice"}, "invalid_request"),
        ({"subject": None, "login_hint": "alice"}, "unknown_user_id"),
        ({"subject": None, "id_token_hint": "e30"}, "unknown_user_id"),
        ({"binding_message": "x" * 201}, "invalid_binding_message"),
        ({"binding_message": ""}, "invalid_binding_message"),
        ({"binding_message": "a\u202eb"}, "invalid_binding_message"),
        ({"binding_message": "a\nb"}, "invalid_binding_message"),
        ({"binding_message": "a\u2028b"}, "invalid_binding_message"),
        ({"binding_message": 7}, "invalid_binding_message"),
        ({"requested_expiry": 0}, "invalid_request"),
        ({"requested_expiry": "300"}, "invalid_request"),
        ({"delivery_mode": "fax"}, "invalid_request"),
        ({"delivery_mode": "ping"}, "invalid_request"),
        ({"delivery_mode": "ping", "client_notification_token": TOKEN}, "invalid_request"),
        ({"delivery_mode": "push"}, "invalid_request"),
        ({"client": {"id": "a", "public": True}}, "unauthorized_client"),
    ],
)
def test_the_errors_are_those_of_ciba(server: Server, more: JsonObject, wanted: str) -> None:
    reply = server.post("/backchannel-requests", asked("manager-1", **more))
    assert (reply.status_code, reply.json().get("error")) == (400, wanted)
    assert server.kept() == []


@pytest.mark.requirement("AROP-060")
def test_the_binding_message_is_shown_to_whoever_decides(server: Server) -> None:
    begun(server, "manager-1", binding_message="W4SCT")
    reply = server.pdp.call("GET", f"/queue/v1/tasks/{server.task()}", "as-1")
    assert reply.status_code == 200
    assert "W4SCT" in reply.text
