"""A request that nobody could approve, and the emergency path with its named people."""

import pytest

from pdp.core.values import JsonObject
from pdp.store import reviews
from tests.access_request.world import DAY, HOUR, MINUTE, TIM, Pdp, problem

EMERGENCY = {"emergency": True, "justification": "the vault is on fire"}


def test_a_request_that_nobody_could_approve_is_flagged(pdp: Pdp) -> None:
    task = pdp.opened("nobody-1")
    lacking = [{"position": 0, "step": "manager"}]
    assert pdp.audit(task["id"])[0].details["nobody_may_approve"] == lacking
    detail = pdp.audit(pdp.opened("manager-1")["id"])[0].details
    assert "nobody_may_approve" not in detail


def test_the_only_manager_cannot_approve_their_own(pdp: Pdp) -> None:
    bob: JsonObject = {"type": "user", "id": "bob"}
    task = pdp.submit(pdp.denied("manager-1", subject=bob)).json()["task"]
    assert "nobody_may_approve" not in pdp.audit(task["id"])[0].details
    alone = {"uid": {"type": "User", "id": "carol"}, "attrs": {}, "parents": []}
    pdp.services.live.take_entities([alone], [])
    task = pdp.submit(pdp.denied("manager-1", subject=bob)).json()["task"]
    assert "nobody_may_approve" in pdp.audit(task["id"])[0].details


def test_what_is_approved_at_once_needs_nobody(pdp: Pdp) -> None:
    task = pdp.submit(pdp.denied("automatic-1", subject=TIM)).json()["task"]
    assert "nobody_may_approve" not in pdp.audit(task["id"])[0].details


@pytest.mark.requirement("ARAP-062")
@pytest.mark.requirement("ARAP-063")
def test_an_emergency_goes_to_those_who_are_named(pdp: Pdp) -> None:
    task = pdp.opened("urgent-1", requested_access=EMERGENCY)
    assert task["progress"] == {"current_step": 1, "total_steps": 1, "step_name": "emergency"}
    pdp.now += MINUTE
    pdp.vote(task["id"], "bob")
    approval = pdp.status(task["id"]).json()["result"]["approval"]
    assert approval["approved_until"] == "2026-04-30T20:46:00Z"
    opened = pdp.services.database.read(lambda s: reviews.of_task(s, task["id"]))
    assert [review.due_at for review in opened] == [pdp.now + DAY]


@pytest.mark.parametrize(
    ("resource", "wish"),
    [
        ("manager-1", EMERGENCY),
        ("urgent-1", {"emergency": True}),
        ("urgent-1", {"emergency": True, "justification": "too short"}),
    ],
)
def test_an_emergency_has_conditions(pdp: Pdp, resource: str, wish: JsonObject) -> None:
    body = pdp.denied(resource)
    reply = pdp.submit(body | {"requested_access": wish})
    problem(reply, 400, "invalid_request", "/requested_access/emergency")
    assert pdp.submit(body).status_code == 202


def test_an_emergency_needs_somebody_whom_policy_permits(pdp: Pdp) -> None:
    body = pdp.denied("urgent-1", subject={"type": "user", "id": "bob"})
    reply = pdp.submit(body | {"requested_access": EMERGENCY})
    problem(reply, 400, "invalid_request", "/requested_access/emergency")


def test_an_overdue_review_blocks_the_next_emergency(pdp: Pdp) -> None:
    first = pdp.opened("urgent-1", requested_access=EMERGENCY)
    pdp.vote(first["id"], "bob")
    pdp.later(DAY - MINUTE)
    second = pdp.opened("urgent-2", requested_access=EMERGENCY)
    pdp.later(MINUTE)
    assert pdp.events(first["id"])[-1] == "review.overdue"
    body = pdp.denied("urgent-3")
    reply = pdp.submit(body | {"requested_access": EMERGENCY})
    problem(reply, 409, "conflict", "/requested_access/emergency")
    (due,) = pdp.services.database.read(lambda s: reviews.of_task(s, first["id"]))
    done = ("User", "bob")
    pdp.services.database.write(lambda s: reviews.close(s, due.id, done, {}, pdp.now))
    assert pdp.submit(body | {"requested_access": EMERGENCY}).status_code == 202
    pdp.services.runner.run_due(pdp.now + HOUR)
    assert pdp.events(first["id"]).count("review.overdue") == 1
    assert pdp.status(second["id"]).json()["task"]["status"] == "pending"
