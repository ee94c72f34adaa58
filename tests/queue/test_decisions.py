"""People decide, as far as Cedar lets them, and no further."""

from typing import Any

import pytest

from tests.access_request.world import HOUR, Reply, problem
from tests.queue.world import TASKS, Queue, person


def test_an_approval_lets_the_requester_in(queue: Queue) -> None:
    task = queue.request("one-1")
    reply = queue.decide(task, "bob", comment="for the board")
    assert reply.status_code == 201, reply.text
    assert reply.headers["etag"] == '"2"'
    body = reply.json()["task"]
    assert (body["status"], body["votes"][0]["comment"]) == ("approved", "for the board")
    assert body["votes"][0]["policies"] == ["managers-approve"]
    result = queue.pdp.status(task, "as-1").json()["result"]
    assert queue.pdp.evaluate("one-1")["decision"] is False
    asked = {
        "subject": {"type": "user", "id": "alice"},
        "action": {"name": "read"},
        "resource": {"type": "doc", "id": "one-1"},
        "context": {"approval": result["approval"]},
    }
    answer = queue.pdp.call("POST", "/access/v1/evaluation", "as-1", asked).json()
    assert answer["decision"] is True
    assert queue.pdp.events(task).count("vote.approve") == 1
    assert queue.pdp.verified()


def test_a_denial_ends_it_and_says_why(queue: Queue) -> None:
    task = queue.request("one-1")
    reply = queue.decide(task, "bob", "deny", reason_code="not_needed", comment="ask in May")
    assert (reply.status_code, reply.json()["task"]["status"]) == (201, "denied")
    assert reply.json()["task"]["votes"][0]["reason_code"] == "not_needed"
    assert queue.pdp.status(task, "as-1").json()["task"]["status"] == "denied"


@pytest.mark.parametrize("who", ["erin", "alice", "dana", "walt", "nobody"])
@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_whom_no_policy_permits_is_refused(queue: Queue, who: str, decision: str) -> None:
    task = queue.request("one-1")
    body = problem(queue.decide(task, who, decision), 403, "forbidden")
    assert body["refusal"] == {"reason": "not_eligible", "status": "pending"}
    assert queue.task(task)["version"] == 1
    assert queue.pdp.events(task) == ["task.created"]


def test_nobody_approves_their_own_request(queue: Queue) -> None:
    asked = {"subject": {"type": "user", "id": "bob"}}
    body = queue.pdp.denied("one-1", "as-1", **asked)
    task = queue.pdp.submit(body, "as-1").json()["task"]["id"]
    problem(queue.decide(task, "bob"), 403, "forbidden")
    assert queue.decide(task, "carol").status_code == 201


def test_a_quorum_needs_as_many_people(queue: Queue) -> None:
    task = queue.request("two-1")
    assert queue.decide(task, "bob").json()["task"]["status"] == "pending"
    again = problem(queue.decide(task, "bob"), 409, "conflict")
    assert again["refusal"]["reason"] == "already_voted"
    assert queue.decide(task, "carol").json()["task"]["status"] == "approved"
    votes = queue.task(task)["votes"]
    assert {vote["approver"]["id"] for vote in votes} == {"bob", "carol"}


def test_what_is_over_cannot_be_decided(queue: Queue) -> None:
    task = queue.request("one-1")
    assert queue.decide(task, "bob").status_code == 201
    for who, decision in (("bob", "approve"), ("carol", "deny"), ("erin", "approve")):
        refusal = problem(queue.decide(task, who, decision), 409, "conflict")["refusal"]
        assert refusal == {"reason": "closed", "status": "approved"}
    cancelled = queue.request("one-2")
    assert queue.pdp.cancel(cancelled, "as-1").status_code == 200
    problem(queue.decide(cancelled, "bob"), 409, "conflict")


def test_what_has_expired_cannot_be_decided_although_nobody_looked(queue: Queue) -> None:
    task = queue.request("one-1")
    queue.pdp.now += 80 * HOUR
    refusal = problem(queue.decide(task, "bob"), 409, "conflict")["refusal"]
    assert refusal == {"reason": "expired", "status": "expired"}
    assert queue.task(task)["status"] == "expired"


def test_only_a_proxy_names_an_approver(queue: Queue) -> None:
    task = queue.request("one-1")
    problem(queue.decide(task, "bob", key="as-1"), 403, "forbidden")
    problem(queue.decide(task, "bob", key="auditor"), 403, "forbidden")
    problem(queue.decide(task, "bob", key="pep"), 403, "forbidden")
    problem(queue.decide(task, None, key="inbox"), 400, "invalid_request", "/approver")
    assert queue.decide(task, "bob", key="admin").status_code == 201


def test_an_administrator_approves_nothing_without_a_policy(queue: Queue) -> None:
    task = queue.request("one-1")
    problem(queue.decide(task, "erin", key="admin"), 403, "forbidden")
    problem(queue.decide(task, None, key="admin"), 400, "invalid_request", "/approver")


def test_a_decision_can_be_for_less_time(queue: Queue) -> None:
    task = queue.request("one-1")
    reply = queue.decide(task, "bob", approved_until="2026-04-30T21:00:00Z")
    assert reply.json()["task"]["approvals"][0]["approved_until"] == "2026-04-30T21:00:00Z"


def test_a_decision_reaches_no_further_than_the_workflow(queue: Queue) -> None:
    task = queue.request("one-1")
    reply = queue.decide(task, "bob", approved_until="2027-01-01T00:00:00Z")
    assert reply.json()["task"]["approvals"][0]["approved_until"] == "2026-05-02T20:15:00Z"


def test_an_approver_may_widen_to_the_folder(queue: Queue) -> None:
    task = queue.request("one-1")
    outside = {"kind": "resource_parent", "parent": {"type": "folder", "id": "two"}}
    at = "/scope/parent"
    problem(queue.decide(task, "bob", scope=outside), 400, "invalid_request", at)
    assert queue.decide(task, "bob", scope="resource_parent").status_code == 201
    approval = queue.pdp.status(task, "as-1").json()["result"]["approval"]
    for resource, expected in (("one-1", True), ("one-2", True), ("two-1", False)):
        asked = {
            "subject": {"type": "user", "id": "alice"},
            "action": {"name": "read"},
            "resource": {"type": "doc", "id": resource},
            "context": {"approval": {"id": approval["id"]}},
        }
        answer = queue.pdp.call("POST", "/access/v1/evaluation", "as-1", asked).json()
        assert answer["decision"] is expected, resource


@pytest.mark.parametrize(
    ("resource", "terms"),
    [
        ("two-1", {"scope": "resource_parent"}),
        ("one-1", {"scope": "resource_type"}),
        ("strict-1", {"approved_until": "2026-04-30T20:20:00Z"}),
        ("one-1", {"approved_until": "2026-04-30T20:00:00Z"}),
        ("one-1", {"items": [4]}),
        ("one-1", {"items": []}),
        ("one-1", {"step": "nowhere"}),
    ],
)
def test_terms_that_cannot_be_are_refused(
    queue: Queue, resource: str, terms: dict[str, Any]
) -> None:
    task = queue.request(resource)
    problem(queue.decide(task, "bob", **terms), 400, "invalid_request")
    assert queue.task(task)["status"] == "pending"


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ([], ""),
        ({}, "/decision"),
        ({"decision": "maybe"}, "/decision"),
        ({"decision": "approve", "comment": 5}, "/comment"),
        ({"decision": "approve", "comment": "x" * 4001}, "/comment"),
        ({"decision": "approve", "approved_until": "tomorrow"}, "/approved_until"),
        ({"decision": "approve", "scope": "everything"}, "/scope"),
        ({"decision": "approve", "scope": {"kind": "exactly"}}, "/scope/kind"),
        ({"decision": "approve", "items": [True]}, "/items"),
        ({"decision": "approve", "items": [-1]}, "/items"),
        ({"decision": "approve", "rest": "keep"}, "/rest"),
        ({"decision": "approve", "approver": "bob"}, "/approver"),
        ({"decision": "approve", "approver": {"type": "user"}}, "/approver/id"),
        ({"decision": "approve", "on_behalf_of": {"id": "bob"}}, "/on_behalf_of/type"),
    ],
)
def test_a_decision_of_the_wrong_shape_says_where(queue: Queue, body: Any, at: str) -> None:
    task = queue.request("one-1")
    if isinstance(body, dict) and "approver" not in body:
        body = body | {"approver": person("bob")}
    problem(queue.post(f"{TASKS}/{task}/decisions", body), 400, "invalid_request", at)
    assert queue.task(task)["version"] == 1


def test_a_decision_on_what_has_changed_is_refused(queue: Queue) -> None:
    task = queue.request("two-1")
    etag = queue.get(f"{TASKS}/{task}").headers["etag"]
    assert queue.decide(task, "bob", headers={"if_match": etag}).status_code == 201
    stale = queue.decide(task, "carol", headers={"if_match": etag})
    problem(stale, 412, "precondition_failed")
    assert queue.decide(task, "carol", headers={"if_match": '"2"'}).status_code == 201


def test_a_third_party_reports_through_its_queue(queue: Queue) -> None:
    task = queue.request("partner-1")
    assert queue.ids(queue="partner") == [task]
    problem(queue.decide(task, "bob"), 403, "forbidden")
    assert queue.task(task)["version"] == 1
    reply = queue.decide(task, "partner", comment="passport seen")
    assert (reply.status_code, reply.json()["task"]["status"]) == (201, "approved")
    assert "step.reported" in queue.pdp.events(task)
    refused = queue.request("partner-2")
    assert queue.decide(refused, "partner", "deny").json()["task"]["status"] == "denied"


def test_many_at_once_each_for_itself(queue: Queue) -> None:
    mine, over = queue.request("one-1"), queue.request("one-2")
    queue.pdp.cancel(over, "as-1")
    body = {"decision": "approve", "approver": person("bob"), "tasks": [mine, over, "arq_x"]}
    reply = queue.post("/queue/v1/decisions", body)
    results = reply.json()["results"]
    assert [each["status"] for each in results] == [201, 409, 404]
    assert queue.task(mine)["status"] == "approved"
    for tasks in (None, [], "x", [5], [str(n) for n in range(201)]):
        refused: Reply = queue.post("/queue/v1/decisions", body | {"tasks": tasks})
        assert refused.status_code in (400, 413)
