"""An authorization server that speaks plain ARAP to us instead of the OAuth API (AROP)."""

import json
from typing import Any

import pytest

from pdp.core.values import JsonObject
from tests.access_request.world import ALICE, Reply, denial_of, question
from tests.deferral.world import Server

KEY = "as-1"
AGENT = {"act": {"sub": "agent-7"}}
ACTING = ALICE | {"properties": AGENT}
CONTEXT = {
    "client_id": "agent-7",
    "dpop_jkt": "thumb",
    "resource_indicator": ["https://crm.example"],
}


def evaluate(server: Server, resource: str, **more: Any) -> JsonObject:
    body = question(resource, ACTING) | {"context": CONTEXT} | more
    reply = server.pdp.call("POST", "/access/v1/evaluation", KEY, body)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def submit(server: Server, resource: str, idempotency: str = "", **more: Any) -> Reply:
    denial = denial_of(evaluate(server, resource))
    body = question(resource, ACTING) | {"context": CONTEXT, "denial": denial} | more
    headers = {"idempotency_key": idempotency} if idempotency else {}
    return server.pdp.submit(body, KEY, **headers)


def approved(server: Server, resource: str = "manager-1") -> JsonObject:
    """The approval of a request that a person has approved."""
    task = submit(server, resource).json()["task"]
    server.pdp.vote(task["id"], "bob")
    found = server.pdp.status(task["id"], KEY).json()
    assert found["result"]["mode"] == "reevaluate"
    return dict(found["result"]["approval"])


@pytest.mark.requirement("AROP-001")
def test_the_metadata_names_all_that_is_needed(server: Server) -> None:
    found = server.pdp.call("GET", "/.well-known/authzen-configuration", None).json()
    assert {
        "access_evaluation_endpoint",
        "access_evaluations_endpoint",
        "access_request_endpoint",
        "jwks_uri",
    } <= set(found)


@pytest.mark.requirement("AROP-010", "AROP-008", "AROP-011", "AROP-012")
def test_every_part_of_a_request_has_its_own_decision(server: Server) -> None:
    items = [question(name, ACTING) for name in ("free-1", "manager-1", "unknown")]
    items.append(items[0] | {"resource": {"type": "payment_initiation", "id": "https://b/1?x=1"}})
    body = {"evaluations": items, "context": CONTEXT}
    reply = server.pdp.call("POST", "/access/v1/evaluations", KEY, body)
    free, manager, unknown, strange = reply.json()["evaluations"]
    assert free == {"decision": True}
    assert manager["decision"] is False
    assert {"reason", "evaluation_id", "access_request"} <= set(manager["context"])
    assert unknown == strange == {"decision": False}


@pytest.mark.requirement("AROP-005", "AROP-017", "AROP-023", "AROP-029")
def test_a_request_is_submitted_without_any_user(server: Server) -> None:
    reply = submit(server, "manager-1")
    assert reply.status_code == 202
    assert reply.json()["task"]["expires_at"]
    status = server.pdp.status(reply.json()["task"]["id"], KEY)
    assert int(status.headers["retry-after"]) > 0
    again = server.pdp.status(reply.json()["task"]["id"], KEY)
    assert again.json() == status.json()


@pytest.mark.requirement("AROP-018")
def test_an_evaluation_id_alone_or_a_token_alone_is_enough(server: Server) -> None:
    for name, without in (("manager-1", "binding_token"), ("manager-2", "evaluation_id")):
        denial = denial_of(evaluate(server, name))
        denial.pop(without)
        body = question(name, ACTING) | {"context": CONTEXT, "denial": denial}
        assert server.pdp.submit(body, KEY).status_code == 202


@pytest.mark.requirement("AROP-019", "AROP-004")
def test_those_who_decide_see_the_server_and_its_client(server: Server) -> None:
    task = submit(server, "manager-1", client={"id": "agent-7"}).json()["task"]
    shown = server.pdp.call("GET", f"/queue/v1/tasks/{task['id']}", "admin").text
    assert '"as-1"' in shown
    assert '"agent-7"' in shown
    assert server.pdp.status(task["id"], "as-2").status_code == 404


@pytest.mark.requirement("AROP-021", "AROP-022")
def test_a_key_of_255_characters_gives_the_same_task(server: Server) -> None:
    denial = denial_of(evaluate(server, "manager-1"))
    body = question("manager-1", ACTING) | {"context": CONTEXT, "denial": denial}
    key = "k" * 255
    first = server.pdp.submit(body, KEY, idempotency_key=key)
    again = server.pdp.submit(body, KEY, idempotency_key=key)
    assert first.json()["task"]["id"] == again.json()["task"]["id"]


@pytest.mark.requirement("AROP-028", "AROP-071")
def test_nothing_of_approvers_or_policies_is_told(server: Server) -> None:
    task = submit(server, "manager-1").json()["task"]
    server.pdp.vote(task["id"], "bob")
    told = server.pdp.status(task["id"], KEY).text
    approval = server.pdp.status(task["id"], KEY).json()["result"]["approval"]
    evaluated = evaluate(server, "manager-1", context=CONTEXT | {"approval": approval})
    for text in (told, json.dumps(evaluated)):
        assert "bob" not in text
        assert "managers-approve" not in text
    code = server.deferred("manager-2")
    server.approve()
    granted = server.poll(code).text
    assert "bob" not in granted
    assert "managers-approve" not in granted


@pytest.mark.requirement("AROP-031", "AROP-036", "AROP-037")
def test_an_approval_permits_until_it_ends_and_says_so(server: Server) -> None:
    approval = approved(server)
    answer = evaluate(server, "manager-1", context=CONTEXT | {"approval": approval})
    assert answer["decision"] is True
    until = answer["context"]["approval"]["approved_until"]
    assert until == approval["approved_until"]


@pytest.mark.requirement("AROP-041")
def test_the_approval_alone_will_do_where_policy_looks_at_nothing_else(server: Server) -> None:
    approval = approved(server)
    assert evaluate(server, "manager-1", context={"approval": approval})["decision"] is True


@pytest.mark.requirement("AROP-041")
def test_what_policy_looked_at_must_be_sent_again(server: Server) -> None:
    context = CONTEXT | {"tenant": "acme"}
    denial = denial_of(evaluate(server, "bound-1", context=context))
    body = question("bound-1", ACTING) | {"context": context, "denial": denial}
    task = server.pdp.submit(body, KEY).json()["task"]
    server.pdp.vote(task["id"], "bob")
    approval = server.pdp.status(task["id"], KEY).json()["result"]["approval"]
    lacking = evaluate(server, "bound-1", context={"approval": approval})
    assert lacking["decision"] is False
    assert lacking["context"]["reason"] == "out_of_scope"
    whole = evaluate(server, "bound-1", context=context | {"approval": approval})
    assert whole["decision"] is True


@pytest.mark.requirement("AROP-039", "AROP-050", "AROP-040")
def test_an_approval_permits_nothing_wider(server: Server) -> None:
    approval = approved(server, "second-1")
    context = CONTEXT | {"approval": approval}
    for name, more in (("second-1", {"action": {"name": "write"}}), ("second-2", {})):
        answer = evaluate(server, name, context=context, **more)
        assert answer["decision"] is False
        assert answer["context"]["reason"] == "out_of_scope"


@pytest.mark.requirement("AROP-046")
def test_an_approval_for_once_gives_no_refresh_token_however_it_is_presented(
    server: Server,
) -> None:
    for name, allowed in (("once-1", False), ("manager-1", True)):
        denial = denial_of(evaluate(server, name, subject=ALICE, context={}))
        task = server.pdp.submit(question(name) | {"denial": denial}, KEY).json()["task"]
        server.pdp.vote(task["id"], "bob")
        approval = server.pdp.status(task["id"], KEY).json()["result"]["approval"]
        reply = server.request(name, approval={"id": approval["id"]})
        assert reply.status_code == 200, reply.text
        assert reply.json()["refresh_token_allowed"] is allowed


@pytest.mark.requirement("AROP-051", "AROP-054")
def test_cancelling_twice_is_said_and_the_status_stays(server: Server) -> None:
    task = submit(server, "manager-1").json()["task"]
    assert server.pdp.cancel(task["id"], "as-2").status_code == 404
    assert server.pdp.cancel(task["id"], KEY).status_code == 200
    assert server.pdp.cancel(task["id"], KEY).status_code == 409
    assert server.pdp.status(task["id"], KEY).json()["task"]["status"] == "cancelled"


@pytest.mark.requirement("AROP-074", "AROP-075")
def test_nothing_of_the_request_behind_it_is_in_what_the_client_is_told(server: Server) -> None:
    reply = server.request("manager-1")
    code, task = reply.json()["deferral_code"], server.task()
    told = [reply.text, server.poll(code).text, server.poll(code).text]
    server.deny()
    told.append(server.poll(code).text)
    for text in told:
        for hidden in (task, "arq_", "eval_", "binding_token", "next_action", "mode"):
            assert hidden not in text
