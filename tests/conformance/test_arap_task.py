"""ARAP: the task, its approval and its end, seen from outside."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.access_request.world import ALICE, BASE, HOUR, NOW, TIM, Pdp, denial_of, problem, serving
from tests.conformance.test_arap_extension import items_of

BOB = {"type": "user", "id": "bob"}


@pytest.fixture
def pdp(tmp_path: Path) -> Iterator[Pdp]:
    """A PDP over an empty database."""
    with serving(f"sqlite:///{tmp_path}/pdp.db") as found:
        yield found


def decided(pdp: Pdp, task: str, name: str, decision: str = "approve", **more: Any) -> int:
    """The status of a decision through the queue."""
    body = {"decision": decision, "approver": {"type": "user", "id": name}, **more}
    return pdp.call("POST", f"/queue/v1/tasks/{task}/decisions", "inbox", body).status_code


def shown(pdp: Pdp, task: str) -> dict[str, Any]:
    """The task as its requester polls it."""
    return dict(pdp.status(task).json()["task"])


@pytest.mark.requirement("ARAP-128")
@pytest.mark.requirement("ARAP-169")
def test_names_are_random(pdp: Pdp) -> None:
    tasks = [pdp.opened("manager-1")["id"] for _ in range(20)]
    for task in tasks[:5]:
        assert decided(pdp, task, "bob") == 201
    approvals = [pdp.status(task).json()["result"]["approval"]["id"] for task in tasks[:5]]
    for names in (tasks, approvals):
        random = [name.partition("_")[2] for name in names]
        assert all(len(each) >= 22 for each in random)
        # No place of them is the same in all, as those of a counter or a clock would be.
        fixed = [set(place) for place in zip(*random, strict=False)]
        assert all(len(letters) > 1 for letters in fixed)


@pytest.mark.requirement("ARAP-127")
@pytest.mark.requirement("ARAP-165")
def test_what_policy_approves_at_once_is_answered_at_once(pdp: Pdp) -> None:
    reply = pdp.submit(pdp.denied("automatic-1", subject=TIM))
    assert (reply.status_code, reply.json()["task"]["status"]) == (201, "approved")
    approval = reply.json()["result"]["approval"]
    assert pdp.evaluate("automatic-1", approval, subject=TIM)["decision"] is True


@pytest.mark.requirement("ARAP-129")
@pytest.mark.requirement("ARAP-131")
@pytest.mark.requirement("ARAP-136")
@pytest.mark.requirement("ARAP-137")
@pytest.mark.requirement("ARAP-138")
def test_a_task_says_how_it_stands_and_to_whom_it_need_not(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    assert datetime.fromisoformat(task["expires_at"]) > NOW.astimezone(UTC)
    assert all(link.startswith(BASE + "/") for link in task["links"].values())
    assert 1 <= task["progress"]["current_step"] <= task["progress"]["total_steps"]
    assert "awaiting" not in task["progress"]
    assert decided(pdp, task["id"], "bob", "deny") == 201
    assert shown(pdp, task["id"])["status"] == "denied"


@pytest.mark.requirement("ARAP-166")
@pytest.mark.requirement("ARAP-167")
def test_nobody_approves_what_they_ask_for(pdp: Pdp) -> None:
    task = pdp.opened("manager-1", subject=ALICE)["id"]
    assert decided(pdp, task, "alice") == 403
    own = pdp.submit(pdp.denied("manager-1", subject=BOB)).json()["task"]["id"]
    assert decided(pdp, own, "bob") == 403
    assert shown(pdp, own)["status"] == "pending"
    assert decided(pdp, own, "carol") == 201
    assert shown(pdp, own)["status"] == "approved"


@pytest.mark.requirement("ARAP-165")
@pytest.mark.requirement("ARAP-167")
def test_every_step_is_needed_and_each_by_somebody_else(pdp: Pdp) -> None:
    task = pdp.opened("urgent-1")["id"]
    assert decided(pdp, task, "bob") == 201
    assert shown(pdp, task)["status"] == "pending"
    assert "result" not in pdp.status(task).json()
    assert decided(pdp, task, "bob") in (403, 409)
    assert shown(pdp, task)["progress"]["current_step"] == 2
    assert decided(pdp, task, "carol") == 201
    assert shown(pdp, task)["status"] == "approved"


@pytest.mark.requirement("ARAP-149")
@pytest.mark.requirement("ARAP-159")
@pytest.mark.parametrize("end", ["approve", "deny", "cancel", "expire"])
def test_what_is_over_is_over(pdp: Pdp, end: str) -> None:
    task = pdp.opened("manager-1")["id"]
    if end == "cancel":
        assert pdp.cancel(task).status_code == 200
    elif end == "expire":
        pdp.now += 73 * HOUR
    else:
        assert decided(pdp, task, "bob", end) == 201
    before = pdp.status(task).json()
    for decision in ("approve", "deny"):
        assert decided(pdp, task, "carol", decision) == 409
    problem(pdp.cancel(task), 409, "invalid_task_state")
    after = pdp.status(task).json()
    assert after["task"]["status"] == before["task"]["status"]
    assert after.get("result", {}).get("mode") == before.get("result", {}).get("mode")


@pytest.mark.requirement("ARAP-080")
@pytest.mark.requirement("ARAP-170")
@pytest.mark.requirement("ARAP-171")
@pytest.mark.parametrize("wish", [None, "2027-01-01T00:00:00Z", "2026-04-30T20:45:00Z"])
def test_every_approval_ends_and_a_wish_only_shortens(pdp: Pdp, wish: str | None) -> None:
    more = {} if wish is None else {"requested_access": {"requested_until": wish}}
    body = pdp.denied("second-1") | more
    task = pdp.submit(body).json()["task"]["id"]
    assert decided(pdp, task, "bob") == 201
    approval = pdp.status(task).json()["result"]["approval"]
    until = datetime.fromisoformat(approval["approved_until"])
    assert datetime.fromisoformat(approval["approved_at"]) <= until <= NOW + 7 * 24 * HOUR
    if wish is not None:
        assert until <= datetime.fromisoformat(wish)


@pytest.mark.requirement("ARAP-133")
@pytest.mark.requirement("ARAP-135")
@pytest.mark.requirement("ARAP-147")
@pytest.mark.requirement("ARAP-148")
@pytest.mark.requirement("ARAP-180")
def test_the_items_of_a_bundle_end_each_for_itself(pdp: Pdp) -> None:
    task = pdp.submit(items_of(pdp)).json()["task"]["id"]
    assert decided(pdp, task, "bob", items=[0]) == 201
    assert decided(pdp, task, "bob", "deny", items=[1]) in (201, 409)
    found = pdp.status(task).json()
    assert [each["status"] for each in found["task"]["items"]] == ["approved", "denied"]
    assert found["task"]["status"] == "partial" and "result" not in found
    result = found["task"]["items"][0]["result"]
    assert result["mode"] == "reevaluate"
    assert pdp.evaluate("manager-1", result["approval"])["decision"] is True
    assert pdp.evaluate("second-1", result["approval"])["decision"] is False


@pytest.mark.requirement("ARAP-155")
def test_polling_and_asking_too_often_is_held_up(tmp_path: Path) -> None:
    limits = {"calls_per_second": 1, "burst": 4}
    with serving(f"sqlite:///{tmp_path}/slow.db", limits=limits) as slow:
        denied = slow.call("POST", "/access/v1/evaluation", body={
            "subject": ALICE, "action": {"name": "read"},
            "resource": {"type": "doc", "id": "manager-1"},
        })  # fmt: skip
        assert "binding_token" in denial_of(denied.json())
        polled = [slow.status("arq_nothing") for _ in range(8)]
        asked = [slow.submit({}) for _ in range(8)]
        for replies in (polled, asked):
            held = [reply for reply in replies if reply.status_code == 429]
            assert held and int(held[-1].headers["retry-after"]) >= 1
            assert held[-1].headers["content-type"] == "application/problem+json"
