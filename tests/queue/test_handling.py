"""Claims, comments, deputies, and what operators do by hand."""

from typing import Any

import pytest

from tests.access_request.world import DAY, problem
from tests.queue.world import TASKS, Queue, person

WEEK = "2026-05-07T00:00:00Z"


def act(
    queue: Queue, task: str, what: str, who: str | None, key: str = "inbox", **more: Any
) -> Any:
    body = more | ({"approver": person(who)} if who else {})
    return queue.post(f"{TASKS}/{task}/{what}", body, key)


def test_a_claim_shows_and_binds_nobody(queue: Queue) -> None:
    task = queue.request("one-1")
    held = act(queue, task, "claim", "bob").json()["task"]["claimed_by"]
    assert held["id"] == "bob"
    assert act(queue, task, "claim", "bob").status_code == 200
    problem(act(queue, task, "claim", "carol"), 409, "conflict")
    problem(act(queue, task, "claim", "erin"), 403, "forbidden")
    problem(act(queue, task, "release", "carol"), 409, "conflict")
    assert "claimed_by" not in act(queue, task, "release", "bob").json()["task"]
    assert act(queue, task, "claim", "bob").status_code == 200
    assert "claimed_by" not in act(queue, task, "release", None, "admin").json()["task"]
    act(queue, task, "claim", "bob")
    assert queue.decide(task, "carol").status_code == 201


def test_it_is_given_only_to_those_who_may_decide(queue: Queue) -> None:
    task = queue.request("one-1")
    to = act(queue, task, "reassign", "bob", to=person("carol"))
    assert to.json()["task"]["claimed_by"]["id"] == "carol"
    problem(act(queue, task, "reassign", "bob", to=person("erin")), 403, "forbidden")
    problem(act(queue, task, "reassign", "bob"), 400, "invalid_request", "/to")


def test_comments_are_kept_in_order_and_in_the_audit(queue: Queue) -> None:
    task = queue.request("one-1")
    for text in ("which quarter?", "the fourth"):
        assert act(queue, task, "comments", "bob", text=text).status_code == 201
        queue.pdp.now += DAY / 100
    found = queue.task(task)["comments"]
    assert [each["text"] for each in found] == ["which quarter?", "the fourth"]
    assert queue.pdp.events(task).count("task.commented") == 2
    for body, at in (
        ({}, "/text"),
        ({"text": "  "}, "/text"),
        ({"text": "x" * 4001}, "/text"),
        ({"text": "a", "visibility": "all"}, "/visibility"),
    ):
        problem(act(queue, task, "comments", "bob", **body), 400, "invalid_request", at)


def test_operators_escalate_remind_and_expire(queue: Queue) -> None:
    task = queue.request("one-1")
    for what, body in (("escalate", {"step": "manager", "queue": "heads"}), ("remind", {})):
        problem(queue.post(f"{TASKS}/{task}/{what}", body, "inbox"), 403, "forbidden")
        assert queue.post(f"{TASKS}/{task}/{what}", body, "admin").status_code == 200
    assert set(queue.task(task)["queues"]) == {"managers", "heads"}
    nowhere = {"step": "nowhere", "queue": "heads"}
    problem(queue.post(f"{TASKS}/{task}/escalate", nowhere, "admin"), 409, "conflict")
    ended = queue.post(f"{TASKS}/{task}/expire", {}, "admin")
    assert ended.json()["task"]["status"] == "expired"
    problem(queue.post(f"{TASKS}/{task}/expire", {}, "admin"), 409, "conflict")


def delegate(queue: Queue, who: str, whom: str, more: Any = None) -> Any:
    body = {"approver": person(who), "to": person(whom), "ends_at": WEEK} | (more or {})
    return queue.post("/queue/v1/delegations", body)


def test_a_delegation_lets_another_decide_while_it_lasts(queue: Queue) -> None:
    made = delegate(queue, "bob", "erin").json()["delegation"]
    task = queue.request("one-1")
    assert queue.ids(approver="user:erin") == [task]
    vote = queue.decide(task, "erin").json()["task"]["votes"][0]
    assert (vote["approver"]["id"], vote["on_behalf_of"]["id"]) == ("erin", "bob")
    late = queue.request("one-2")
    queue.pdp.now += 8 * DAY
    again = queue.request("one-3")
    problem(queue.decide(again, "erin"), 403, "forbidden")
    assert queue.ids(approver="user:erin") == []
    assert late != again
    assert made["to"]["id"] == "erin"


def test_a_delegation_is_not_passed_on(queue: Queue) -> None:
    delegate(queue, "bob", "erin")
    delegate(queue, "erin", "walt")
    task = queue.request("one-1")
    problem(queue.decide(task, "walt"), 403, "forbidden")


def test_a_delegation_ends_when_it_is_ended_and_only_by_its_giver(queue: Queue) -> None:
    made = delegate(queue, "bob", "erin").json()["delegation"]["id"]
    path = f"/queue/v1/delegations/{made}"
    assert queue.pdp.call("DELETE", f"{path}?approver=user:erin", "inbox").status_code == 404
    assert queue.pdp.call("DELETE", f"{path}?approver=user:bob", "inbox").status_code == 204
    assert queue.pdp.call("DELETE", f"{path}?approver=user:bob", "inbox").status_code == 404
    problem(queue.decide(queue.request("one-1"), "erin"), 403, "forbidden")


@pytest.mark.parametrize(("narrow", "decides"), [
    ({"queue": "managers"}, True), ({"queue": "pairs"}, False),
    ({"template": "one"}, True), ({"template": "two"}, False),
])  # fmt: skip
def test_a_delegation_may_be_for_some(queue: Queue, narrow: dict[str, str], decides: bool) -> None:
    delegate(queue, "bob", "erin", narrow)
    reply = queue.decide(queue.request("one-1"), "erin")
    assert reply.status_code == (201 if decides else 403)


def test_nobody_decides_their_own_request_as_a_deputy(queue: Queue) -> None:
    delegate(queue, "bob", "alice")
    task = queue.request("one-1")
    problem(queue.decide(task, "alice"), 403, "forbidden")
    behalf = queue.decide(task, "alice", on_behalf_of=person("bob"))
    problem(behalf, 403, "forbidden")


def test_one_vote_is_one_vote_with_whatever_hat(queue: Queue) -> None:
    delegate(queue, "carol", "bob")
    task = queue.request("two-1")
    assert queue.decide(task, "bob").json()["task"]["status"] == "pending"
    problem(queue.decide(task, "bob", on_behalf_of=person("carol")), 409, "conflict")
    delegate(queue, "bob", "erin")
    problem(queue.decide(task, "erin"), 409, "conflict")
    assert queue.task(task)["status"] == "pending"


def test_a_deputy_decides_while_somebody_is_away(queue: Queue) -> None:
    body = {"approver": person("bob"), "deputy": person("erin"), "ends_at": WEEK}
    made = queue.post("/queue/v1/absences", body)
    assert made.status_code == 201
    task = queue.request("one-1")
    vote = queue.decide(task, "erin").json()["task"]["votes"][0]
    assert vote["on_behalf_of"]["id"] == "bob"
    path = f"/queue/v1/absences/{made.json()['absence']['id']}"
    assert queue.pdp.call("DELETE", f"{path}?approver=user:erin", "inbox").status_code == 404
    assert queue.pdp.call("DELETE", f"{path}?approver=user:bob", "inbox").status_code == 204
    problem(queue.decide(queue.request("one-2"), "erin"), 403, "forbidden")


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ({"to": None}, "/to"),
        ({"to": person("bob")}, "/to"),
        ({"ends_at": None}, "/ends_at"),
        ({"ends_at": "2026-04-01T00:00:00Z"}, "/ends_at"),
        ({"ends_at": "2028-04-01T00:00:00Z"}, "/ends_at"),
        ({"starts_at": "soon"}, "/starts_at"),
        ({"queue": 7}, "/queue"),
    ],
)
def test_a_delegation_of_the_wrong_shape_says_where(
    queue: Queue, more: dict[str, Any], at: str
) -> None:
    problem(delegate(queue, "bob", "erin", more), 400, "invalid_request", at)
    assert queue.get("/queue/v1/delegations", approver="user:bob").json()["items"] == []
