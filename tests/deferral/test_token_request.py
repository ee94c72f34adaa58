"""Token requests: allowed, refused, deferred."""

import base64

import pytest

from pdp.store import tasks
from tests.access_request.world import ALICE, TIM
from tests.deferral.world import AGENT, BOUND, TOKEN, Server, detail, token_request


@pytest.mark.requirement("DTR-002", "AROP-013")
def test_what_is_allowed_is_permitted_at_once_and_nothing_is_opened(server: Server) -> None:
    reply = server.request("free-1", resource=["https://crm.example"])
    assert reply.status_code == 200
    assert reply.json() == {
        "outcome": "permit",
        "grant_type": "authorization_code",
        "subject": ALICE,
        "authorization_details": detail("free-1"),
        "resource": ["https://crm.example"],
        "refresh_token_allowed": True,
    }
    assert server.kept() == []


@pytest.mark.requirement("DTR-010", "DTR-011", "AROP-023", "AROP-024")
def test_what_can_be_approved_is_deferred(server: Server) -> None:
    reply = server.request("manager-1")
    assert reply.status_code == 400
    body = reply.json()
    code = body.pop("deferral_code")
    assert body == {
        "error": "authorization_pending",
        "expires_in": 3 * 86_400,
        "interval": 5,
    }
    assert len(base64.urlsafe_b64decode(code + "=")) == 32
    assert code != server.deferred("manager-2")


@pytest.mark.requirement("DTR-001", "AROP-055")
@pytest.mark.parametrize("mode", [None, "", "sync", "deferredish"])
def test_a_client_that_did_not_opt_in_is_refused_and_nothing_is_opened(
    server: Server, mode: str | None
) -> None:
    reply = server.request("manager-1", completion_mode=mode)
    assert reply.status_code == 400
    assert reply.json()["error"] == "invalid_authorization_details"
    assert "deferral_code" not in reply.json()
    assert server.kept() == []


@pytest.mark.requirement("DTR-001")
def test_unknown_completion_modes_are_ignored(server: Server) -> None:
    assert server.deferred("manager-1", completion_mode="push deferred later")


@pytest.mark.requirement("DTR-003", "DTR-004")
def test_a_hint_binds_and_a_missing_one_does_not_harm(server: Server) -> None:
    reply = server.request("free-1", completion_mode=None, completion_mode_hint="deferred")
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")
    assert server.request("free-1", completion_mode_hint="deferred").status_code == 200
    assert server.request("free-1", completion_mode=None).status_code == 200


@pytest.mark.requirement("DTR-013")
def test_a_public_client_is_deferred_only_with_a_key(server: Server) -> None:
    reply = server.request("manager-1", client={"id": "agent-7", "public": True})
    assert reply.json()["error"] == "invalid_authorization_details"
    assert server.deferred("manager-1", client=BOUND)


@pytest.mark.requirement("AROP-011", "AROP-012")
def test_the_error_names_the_part_that_is_refused(server: Server) -> None:
    for more, wanted in (
        ({"authorization_details": detail("unknown")}, "invalid_authorization_details"),
        ({"authorization_details": None, "scope": "crm:read"}, "invalid_scope"),
        ({"authorization_details": None, "resource": ["https://x"]}, "invalid_target"),
        ({"authorization_details": None}, "invalid_scope"),
    ):
        reply = server.request("free-1", **more)
        assert (reply.status_code, reply.json()["error"]) == (400, wanted), more
        assert set(reply.json()) <= {"error", "error_description"}


@pytest.mark.requirement("AROP-014")
def test_one_part_that_nobody_can_approve_refuses_the_whole(server: Server) -> None:
    reply = server.request("manager-1", "unknown", "free-1")
    assert reply.json()["error"] == "invalid_authorization_details"
    assert server.kept() == []


@pytest.mark.requirement("AROP-026")
def test_several_parts_are_one_request_of_what_is_denied(server: Server) -> None:
    server.deferred("free-1", "manager-1", "second-1")
    name = server.task()
    task = server.pdp.services.database.read(lambda s: tasks.get(s, name))
    assert task is not None
    assert (task.item_count, task.transport) == (2, "dtr")
    assert (task.requester, task.client_id) == ("as-1", "agent-7")


@pytest.mark.requirement("AROP-003", "AROP-002")
def test_an_authorization_server_submits_only_for_its_subjects(server: Server) -> None:
    reply = server.request("manager-1", key="as-narrow")
    assert (reply.status_code, reply.json()["error"]) == (403, "unauthorized_client")
    assert server.kept() == []


def test_only_an_authorization_server_may_call(server: Server) -> None:
    reply = server.request("free-1", key="pep")
    assert (reply.status_code, reply.json()["error"]) == (403, "unauthorized_client")
    assert reply.headers["content-type"] == "application/json"
    reply = server.request("free-1", key="nobody")
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
    assert "www-authenticate" in reply.headers


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"client": AGENT, "grant_type": "x"},
        {"client": {}, "grant_type": "x", "subject": ALICE},
        {"client": AGENT, "subject": ALICE},
        {"client": AGENT, "grant_type": 7, "subject": ALICE},
        {"client": AGENT, "grant_type": "x", "subject": {"type": "user"}},
        {"client": AGENT, "grant_type": "x", "subject": ALICE, "context": []},
        {"client": {"id": "a", "jkt": 7}, "grant_type": "x", "subject": ALICE},
        {"client": {"id": "a", "public": "no"}, "grant_type": "x", "subject": ALICE},
        {
            "client": AGENT,
            "grant_type": "urn:ietf:params:oauth:grant-type:deferred",
            "subject": ALICE,
        },
        {
            "client": AGENT,
            "grant_type": "x",
            "subject": ALICE,
            "requested_token_type": "urn:ietf:params:oauth:token-type:deferral-code",
        },
    ],
)
def test_a_body_of_another_shape_is_an_oauth_error(server: Server, body: object) -> None:
    reply = server.post("/token-requests", body)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")
    assert reply.headers["content-type"] == "application/json"


def test_a_body_that_is_no_json_is_an_oauth_error(server: Server) -> None:
    reply = server.post("/token-requests", b'{"a":1,"a":2}')
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")


@pytest.mark.requirement("AROP-025", "DTR-002")
def test_what_policy_approves_at_once_is_granted_without_waiting(server: Server) -> None:
    reply = server.request("automatic-1", subject=TIM)
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["outcome"] == "permit"
    assert body["approval"]["id"].startswith("apr_")
    assert 0 < body["expires_in_max"] <= 8 * 3600
    assert server.kept() == []


@pytest.mark.requirement("AROP-021")
def test_the_same_idempotency_key_gives_the_same_code(server: Server) -> None:
    body = token_request("manager-1")
    first = server.post("/token-requests", body, idempotency_key="k1")
    again = server.post("/token-requests", body, idempotency_key="k1")
    assert again.json() == first.json()
    assert len(server.kept()) == 1
    other = server.post("/token-requests", body | {"scope": "a"}, idempotency_key="k1")
    assert other.json()["error"] == "invalid_request"
    elsewhere = server.post("/token-requests", body, "as-2", idempotency_key="k1")
    assert elsewhere.json()["deferral_code"] != first.json()["deferral_code"]


@pytest.mark.requirement("DTR-033")
@pytest.mark.parametrize("token", ["short", "with space " * 4, "é" * 30])
def test_a_notification_token_must_be_one(server: Server, token: str) -> None:
    reply = server.request("manager-1", client_notification_token=token)
    assert reply.json()["error"] == "invalid_request"
    assert token not in reply.text


@pytest.mark.requirement("DTR-032")
@pytest.mark.parametrize(
    "endpoint", ["ftp://c.example/cb", "https://127.0.0.1/cb", "http://c.example/cb", "https://"]
)
def test_an_address_that_may_not_be_called_is_refused(server: Server, endpoint: str) -> None:
    more = {"notification_endpoint": endpoint, "client_notification_token": TOKEN}
    reply = server.request("manager-1", **more)
    assert reply.json()["error"] == "invalid_request", reply.text
    assert server.kept() == []
    assert TOKEN not in reply.text


@pytest.mark.requirement("DTR-012")
def test_a_request_that_waits_for_the_user_says_where(server: Server) -> None:
    body = server.request("visited-1").json()
    assert body["error"] == "interaction_required"
    assert body["interaction_uri"].startswith("https://pdp.example.com/access/v1/interactions/")
    assert "#" not in body["interaction_uri"]
    code = body["deferral_code"]
    page = server.pdp.call("GET", body["interaction_uri"], None)
    assert page.status_code == 200
    server.later(6)
    polled = server.poll(code).json()
    assert (polled["error"], polled["interaction_uri"]) == (
        "interaction_required",
        body["interaction_uri"],
    )


@pytest.mark.requirement("AROP-057")
def test_a_client_may_ask_for_itself(server: Server) -> None:
    reply = server.request("free-1", subject=None, grant_type="client_credentials")
    assert reply.json()["error"] == "invalid_authorization_details"
    assert server.request("free-1", subject=None).json()["error"] == "invalid_request"


@pytest.mark.requirement("DTR-060")
def test_the_metadata_is_ready_to_merge(server: Server) -> None:
    reply = server.pdp.call("GET", "/oauth/v1/metadata", "as-1")
    assert reply.status_code == 200
    body = reply.json()
    assert body["deferred_token_response_supported"] is True
    assert "urn:ietf:params:oauth:grant-type:deferred" in body["grant_types_supported"]
    assert body["revocation_endpoint_token_type_values_supported"] == [
        "urn:ietf:params:oauth:token-type:deferral-code"
    ]
