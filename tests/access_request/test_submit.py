"""What a submission must be like, and what comes of it."""

import pytest

from pdp.store import audit
from tests.access_request.world import (
    BASE,
    HOUR,
    MINUTE,
    TIM,
    Pdp,
    denial_of,
    problem,
    question,
)


@pytest.mark.requirement("ARAP-125")
@pytest.mark.requirement("ARAP-126")
@pytest.mark.requirement("ARAP-130")
def test_a_denial_that_can_be_lifted_becomes_a_request(pdp: Pdp) -> None:
    reply = pdp.submit(pdp.denied("manager-1"))
    task = reply.json()["task"]
    assert reply.status_code == 202
    assert reply.headers["location"] == task["status_endpoint"]
    assert task["status_endpoint"] == f"{BASE}/access/v1/requests/{task['id']}"
    assert task["status"] == "pending"
    assert task["progress"] == {"current_step": 1, "total_steps": 1, "step_name": "manager"}
    assert task["links"] == {"cancel": f"{task['status_endpoint']}/cancel"}
    assert int(reply.headers["retry-after"]) >= 1
    assert reply.headers["cache-control"] == "no-store"
    assert pdp.status(task["id"]).json() == reply.json()


@pytest.mark.parametrize("missing", ["binding_token", "evaluation_id"])
def test_either_form_of_the_denial_is_enough(pdp: Pdp, missing: str) -> None:
    body = pdp.denied("manager-1")
    del body["denial"][missing]
    assert pdp.submit(body).status_code == 202


def test_a_hidden_token_is_taken(pdp: Pdp) -> None:
    body = pdp.denied("hidden-1")
    assert body["denial"]["binding_token"].count(".") == 4
    del body["denial"]["evaluation_id"]
    assert pdp.submit(body).status_code == 202


@pytest.mark.requirement("ARAP-094")
@pytest.mark.parametrize("second", ["binding_token", "evaluation_id"])
def test_a_denial_opens_one_request_only(pdp: Pdp, second: str) -> None:
    body = pdp.denied("manager-1")
    assert pdp.submit(body).status_code == 202
    again = body | {"denial": {k: v for k, v in body["denial"].items() if k != second}}
    other = {"evaluation_id": "binding_token", "binding_token": "evaluation_id"}[second]
    problem(pdp.submit(again), 400, "invalid_denial_binding", f"/denial/{other}")


@pytest.mark.parametrize(
    "change",
    [
        {"subject": {"type": "user", "id": "tim"}},
        {"subject": {"type": "user", "id": "alice", "properties": {"a": 1}}},
        {"resource": {"type": "doc", "id": "manager-2"}},
        {"action": {"name": "write"}},
    ],
)
def test_a_denial_is_for_nothing_else(pdp: Pdp, change: dict[str, object]) -> None:
    body = pdp.denied("manager-1")
    for kept in ("binding_token", "evaluation_id"):
        denial = {name: value for name, value in body["denial"].items()
                  if name in (kept, "expires_at")}  # fmt: skip
        reply = pdp.submit(body | change | {"denial": denial})
        problem(reply, 400, "invalid_denial_binding", f"/denial/{kept}")


@pytest.mark.requirement("ARAP-188")
def test_a_denial_is_for_nobody_else(pdp: Pdp) -> None:
    body = pdp.denied("manager-1")
    problem(pdp.submit(body, "other"), 400, "invalid_denial_binding", "/denial/binding_token")


def test_the_bound_context_stays_and_more_may_come(pdp: Pdp) -> None:
    body = pdp.denied("bound-1", context={"tenant": "acme", "time": "20:15"})
    gone = body | {"context": {"justification": "the audit"}}
    problem(pdp.submit(gone), 400, "invalid_denial_binding", "/denial/binding_token")
    more = body | {"context": {"tenant": "acme", "justification": "the audit"}}
    assert pdp.submit(more).status_code == 202


@pytest.mark.requirement("ARAP-087")
@pytest.mark.requirement("ARAP-109")
def test_a_denial_ends(pdp: Pdp) -> None:
    body, late = pdp.denied("manager-1"), pdp.denied("manager-2")
    pdp.now += 10 * MINUTE + MINUTE / 3
    assert pdp.submit(body).status_code == 202
    pdp.now += MINUTE / 2
    problem(pdp.submit(late), 410, "expired_denial", "/denial/expires_at")


@pytest.mark.requirement("ARAP-081")
def test_a_permit_and_a_plain_denial_cannot_be_requested(pdp: Pdp) -> None:
    body = pdp.denied("manager-1")
    plain = body["denial"]["evaluation_id"].split(".")[0][:31]
    denial = {"evaluation_id": plain, "expires_at": body["denial"]["expires_at"]}
    problem(pdp.submit(body | {"denial": denial}), 400, "not_requestable", "/denial/evaluation_id")


def test_a_template_that_is_gone_cannot_be_requested(pdp: Pdp) -> None:
    body = pdp.denied("manager-1")
    workflows = pdp.services.live.bundle.workflows
    workflows.by_name.pop("manager")  # type: ignore[attr-defined]
    problem(pdp.submit(body), 400, "not_requestable", "/denial/template")


@pytest.mark.requirement("ARAP-055")
def test_a_caller_submits_only_for_those_it_acts_for(pdp: Pdp) -> None:
    problem(pdp.submit(pdp.denied("manager-1", "narrow"), "narrow"), 403, "forbidden", "/subject")
    assert pdp.submit(pdp.denied("manager-1", "narrow", subject=TIM), "narrow").status_code == 202


@pytest.mark.requirement("ARAP-052")
@pytest.mark.requirement("ARAP-053")
def test_a_caller_must_be_known_and_a_pep(pdp: Pdp) -> None:
    body = pdp.denied("manager-1")
    reply = pdp.call("POST", "/access/v1/requests", None, body)
    assert (reply.status_code, "www-authenticate" in reply.headers) == (401, True)
    assert pdp.submit(body, "auditor").status_code == 403
    assert pdp.submit(body).status_code == 202


def test_a_form_must_be_filled_in(pdp: Pdp) -> None:
    body = pdp.denied("asked-1")
    problem(pdp.submit(body), 400, "invalid_request", "/requested_access/why")
    wrong = body | {"requested_access": {"why": "no", "x": 1}}
    found = pdp.submit(wrong).json()["errors"]
    assert {each["pointer"] for each in found} == {"/requested_access/why", "/requested_access/x"}
    assert pdp.submit(body | {"requested_access": {"why": "because"}}).status_code == 202


def test_a_form_may_ask_for_context_too(pdp: Pdp) -> None:
    body = pdp.denied("both-1")
    problem(pdp.submit(body), 400, "invalid_request", "/context/justification")
    given = {"context": {"justification": "the audit"}, "requested_access": {"role": "reader"}}
    task = pdp.submit(body | given).json()["task"]
    assert pdp.audit(task["id"])[0].details["justification"] == "the audit"


def test_what_policy_approves_is_settled_at_once(pdp: Pdp) -> None:
    reply = pdp.submit(pdp.denied("automatic-1", subject=TIM))
    body = reply.json()
    assert (reply.status_code, body["task"]["status"]) == (201, "approved")
    assert "retry-after" not in reply.headers
    presented = {"id": body["result"]["approval"]["id"]}
    assert pdp.evaluate("automatic-1", presented, subject=TIM)["decision"] is True
    assert pdp.submit(pdp.denied("automatic-1")).status_code == 202


def test_a_policy_step_is_answered_when_it_begins(pdp: Pdp) -> None:
    passed = pdp.submit(pdp.denied("checked-1", subject=TIM))
    assert passed.json()["task"]["progress"]["step_name"] == "manager"
    refused = pdp.submit(pdp.denied("checked-1"))
    assert (refused.status_code, refused.json()["task"]["status"]) == (201, "denied")


def test_what_is_wished_for_bounds_the_approval(pdp: Pdp) -> None:
    until = "2026-04-30T21:00:00Z"
    task = pdp.opened("manager-1", requested_access={"requested_until": until})
    assert task["expires_at"] == until
    pdp.vote(task["id"], "bob")
    assert pdp.status(task["id"]).json()["result"]["approval"]["approved_until"] == until


@pytest.mark.requirement("ARAP-080")
def test_a_wish_beyond_what_is_allowed_is_only_a_wish(pdp: Pdp) -> None:
    wish = {"requested_until": "2036-01-01T00:00:00Z"}
    task = pdp.opened("manager-1", requested_access=wish)
    pdp.vote(task["id"], "bob")
    found = pdp.status(task["id"]).json()["result"]["approval"]["approved_until"]
    assert found == "2026-05-01T00:15:00Z"


def test_a_wish_for_what_is_over_is_refused(pdp: Pdp) -> None:
    body = pdp.denied("manager-1")
    for text in ("2026-04-30T20:15:00Z", "tomorrow", 7):
        wish = {"requested_access": {"requested_until": text}}
        reply = pdp.submit(body | wish)
        problem(reply, 400, "invalid_request", "/requested_access/requested_until")
    assert pdp.submit(body).status_code == 202


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ({}, "/subject"),
        ({"subject": {"type": "user"}}, "/subject/id"),
        (question("manager-1") | {"items": []}, "/resource"),
        ({"subject": {"type": "user", "id": "alice"}, "items": []}, "/items"),
        ({"subject": {"type": "user", "id": "alice"}, "items": [{}]}, "/items/0/resource"),
        ({"subject": {"type": "user", "id": "alice"}, "items": [7]}, "/items/0"),
        (question("manager-1") | {"context": []}, "/context"),
        (question("manager-1") | {"client": "x"}, "/client"),
        (question("manager-1") | {"callback": "x"}, "/callback"),
        (question("manager-1") | {"requested_access": {"emergency": 1}},
         "/requested_access/emergency"),
    ],
)  # fmt: skip
def test_a_body_of_another_shape_is_refused(pdp: Pdp, body: object, pointer: str) -> None:
    problem(pdp.submit(body), 400, "invalid_request", pointer)


@pytest.mark.parametrize(
    ("denial", "pointer"),
    [
        (None, "/denial"),
        ("x", "/denial"),
        ({"expires_at": "2026-04-30T20:20:00Z"}, "/denial"),
        ({"evaluation_id": "e"}, "/denial/expires_at"),
        ({"evaluation_id": "e", "expires_at": "now"}, "/denial/expires_at"),
        ({"evaluation_id": "e", "expires_at": "2026-04-30T20:20:00Z"}, "/denial/evaluation_id"),
        ({"binding_token": "a.b.c", "expires_at": "2026-04-30T20:20:00Z"},
         "/denial/binding_token"),
    ],
)  # fmt: skip
def test_a_denial_that_binds_nothing_is_refused(pdp: Pdp, denial: object, pointer: str) -> None:
    body = question("manager-1") | ({} if denial is None else {"denial": denial})
    problem(pdp.submit(body), 400, "invalid_denial_binding", pointer)


def test_bad_json_is_refused(pdp: Pdp) -> None:
    assert pdp.submit(b"{").status_code == 400
    assert pdp.submit(b'{"subject":{},"subject":{}}').status_code == 400
    reply = pdp.call("POST", "/access/v1/requests", body=b"{}", content_type="text/plain")
    assert reply.status_code == 400


@pytest.mark.requirement("ARAP-132")
@pytest.mark.requirement("ARAP-182")
def test_the_audit_says_what_a_request_is_bound_to(pdp: Pdp) -> None:
    client = {"source": {"session_id": "s-1"}}
    body = pdp.denied("bound-1", context={"tenant": "acme"}) | {"client": client}
    task = pdp.submit(body, x_request_id="r-1").json()["task"]
    record = pdp.audit(task["id"])[0]
    told = record.details
    assert record.event == "task.created"
    assert (record.actor_type, record.actor_id) == ("caller", "pep")
    assert record.origin is not None and record.origin["request_id"] == "r-1"
    assert told["subject"] == body["subject"] and told["resource"] == body["resource"]
    assert told["action"] == body["action"] and told["context"] == {"tenant": "acme"}
    assert told["denial"]["evaluation_id"] == body["denial"]["evaluation_id"]
    assert (told["requester"], told["client"]) == ("pep", client)
    assert pdp.verified()


def test_what_was_refused_left_nothing(pdp: Pdp) -> None:
    body = pdp.denied("urgent-1")
    wish = {"requested_access": {"emergency": True}}
    problem(pdp.submit(body | wish), 400, "invalid_request", "/requested_access/emergency")
    assert pdp.services.database.read(audit.head).seq == 0
    assert pdp.submit(body).status_code == 202


def test_the_title_is_in_the_callers_language(pdp: Pdp) -> None:
    reply = pdp.submit(pdp.denied("manager-1"), accept_language="de-CH, en;q=0.5")
    assert reply.json()["task"]["display"] == {
        "title": "Freigabe durch die Leitung",
        "description": "Deine Leitung sieht es an",
    }
    shown = pdp.status(reply.json()["task"]["id"], accept_language="fr")
    assert shown.json()["task"]["display"]["title"] == "Manager approval"


def test_the_denial_of_a_batch_is_taken(pdp: Pdp) -> None:
    batch = {"evaluations": [question("manager-1"), question("second-1")]}
    found = pdp.call("POST", "/access/v1/evaluations", body=batch).json()["evaluations"]
    body = question("second-1") | {"denial": denial_of(found[1])}
    assert pdp.submit(body).status_code == 202
    pdp.later(HOUR)
