"""A request as it is followed, by whom, and how it ends."""

import pytest

from tests.access_request.world import DAY, HOUR, MINUTE, Pdp, problem


@pytest.mark.requirement("ARAP-145")
@pytest.mark.requirement("ARAP-146")
@pytest.mark.requirement("ARAP-168")
def test_an_approval_lets_its_requester_in(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    pdp.vote(task["id"], "bob")
    reply = pdp.status(task["id"])
    body = reply.json()
    assert body["task"]["status"] == "approved"
    assert "links" not in body["task"] and "progress" not in body["task"]
    assert "retry-after" not in reply.headers
    approval = body["result"]["approval"]
    assert body["result"]["mode"] == "reevaluate"
    assert (approval["approved_at"], approval["approved_until"]) == (
        "2026-04-30T20:15:00Z",
        "2026-05-01T00:15:00Z",
    )
    for presented in ({"id": approval["id"]}, {"state": approval["state"]}, approval):
        answer = pdp.evaluate("manager-1", presented)
        assert answer["decision"] is True, answer


@pytest.mark.requirement("ARAP-153")
def test_an_unknown_request_is_unknown(pdp: Pdp) -> None:
    for name in ("arq_nothing", "%00", "x" * 3000):
        problem(pdp.status(name), 404, "unknown_task")


@pytest.mark.requirement("ARAP-139")
@pytest.mark.requirement("ARAP-140")
@pytest.mark.requirement("ARAP-141")
def test_nobody_else_sees_it(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    assert pdp.status(task["id"], None).status_code == 401
    unknown = problem(pdp.status("arq_nothing", "other"), 404, "unknown_task")
    for key in ("other", "narrow", "inbox"):
        assert problem(pdp.status(task["id"], key), 404, "unknown_task") == unknown
        assert problem(pdp.cancel(task["id"], key), 404, "unknown_task") == unknown
    assert pdp.status(task["id"]).json()["task"]["status"] == "pending"


@pytest.mark.requirement("ARAP-143")
@pytest.mark.requirement("ARAP-144")
def test_operators_see_no_result(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    watched = pdp.status(task["id"], "auditor").json()["task"]
    assert "links" not in watched and "awaiting" not in watched["progress"]
    assert pdp.status(task["id"], "admin").json()["task"]["progress"]["awaiting"] == ["managers"]
    assert pdp.cancel(task["id"], "auditor").status_code == 403
    pdp.vote(task["id"], "bob")
    for key in ("admin", "auditor"):
        assert "result" not in pdp.status(task["id"], key).json()
    assert "result" in pdp.status(task["id"]).json()


def test_polling_slows_down_with_age(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    waits = []
    for delay in (MINUTE, 5 * MINUTE, DAY):
        pdp.now += delay
        waits.append(int(pdp.status(task["id"]).headers["retry-after"]))
    assert waits == [6, 36, 60]


@pytest.mark.requirement("ARAP-150")
@pytest.mark.requirement("ARAP-183")
def test_a_request_ends_at_its_time_though_nobody_asks(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    pdp.later(3 * DAY)
    assert pdp.events(task["id"])[-1] == "task.expired"
    assert pdp.audit(task["id"])[-1].actor_id == "clock"
    assert pdp.status(task["id"]).json()["task"]["status"] == "expired"


def test_a_request_is_shown_expired_before_its_timer_ran(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    pdp.now += 3 * DAY
    reply = pdp.status(task["id"])
    assert reply.json()["task"]["status"] == "expired"
    assert "retry-after" not in reply.headers
    assert pdp.events(task["id"]) == ["task.created"]
    problem(pdp.cancel(task["id"]), 409, "invalid_task_state")
    assert pdp.events(task["id"])[-1] == "task.expired"


def test_reminders_and_escalations_come_at_their_times(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    for _ in range(15):
        pdp.later(2 * HOUR)
    named = pdp.events(task["id"])
    assert named.count("step.reminded") == 3
    assert named.count("step.escalated") == 1
    at = [str(each.at - pdp.audit(task["id"])[0].at) for each in pdp.audit(task["id"])[1:]]
    assert at == ["4:00:00", "12:00:00", "1 day, 0:00:00", "1 day, 4:00:00"]
    awaiting = pdp.status(task["id"], "admin").json()["task"]["progress"]["awaiting"]
    assert awaiting == ["managers", "security"]


@pytest.mark.requirement("ARAP-149")
def test_what_is_over_stays_as_it_is(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    pdp.vote(task["id"], "bob", "deny", reason_code="not_needed")
    shown = pdp.status(task["id"]).json()
    assert shown["task"]["status"] == "denied"
    assert "result" not in shown
    problem(pdp.cancel(task["id"]), 409, "invalid_task_state")
    pdp.later(4 * DAY)
    assert pdp.status(task["id"]).json()["task"]["status"] == "denied"
    assert pdp.events(task["id"])[-1] == "task.denied"


@pytest.mark.requirement("ARAP-151")
@pytest.mark.requirement("ARAP-152")
def test_a_request_is_kept_as_long_as_the_settings_say(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    pdp.cancel(task["id"])
    pdp.now += 364 * DAY
    assert pdp.status(task["id"]).status_code == 200
    pdp.now += DAY
    problem(pdp.status(task["id"]), 410, "task_expired")
    problem(pdp.cancel(task["id"]), 410, "task_expired")
    problem(pdp.status(task["id"], "other"), 404, "unknown_task")
    for _ in range(2):
        pdp.later(DAY)
    problem(pdp.status(task["id"]), 404, "unknown_task")
    assert pdp.verified()


@pytest.mark.requirement("ARAP-157")
@pytest.mark.requirement("ARAP-158")
@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("body", [None, {"reason": "not_needed", "comment": "moved"}])
def test_a_requester_cancels(pdp: Pdp, method: str, body: dict[str, str] | None) -> None:
    task = pdp.opened("manager-1")
    reply = pdp.cancel(task["id"], method=method, body=body)
    assert (reply.status_code, reply.json()["task"]["status"]) == (200, "cancelled")
    assert "links" not in reply.json()["task"]
    last = pdp.audit(task["id"])[-1]
    assert (last.event, last.actor_id, last.details) == ("task.cancelled", "pep", body or {})
    assert pdp.jobs(task["id"], "task_timer") == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ({"reason": 1}, "/reason"),
        ({"reason": "x" * 201}, "/reason"),
        ({"comment": ["x"]}, "/comment"),
    ],
)
def test_a_reason_of_another_shape_is_refused(pdp: Pdp, body: object, pointer: str) -> None:
    task = pdp.opened("manager-1")
    problem(pdp.cancel(task["id"], body=body), 400, "invalid_request", pointer)
    assert pdp.status(task["id"]).json()["task"]["status"] == "pending"


def test_an_administrator_may_cancel(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    assert pdp.cancel(task["id"], "admin").json()["task"]["status"] == "cancelled"


@pytest.mark.requirement("ARAP-065")
def test_other_methods_are_not_allowed(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    for method, path in (
        ("GET", ""),
        ("PUT", ""),
        ("POST", f"/{task['id']}"),
        ("GET", f"/{task['id']}/cancel"),
    ):
        reply = pdp.call(method, f"/access/v1/requests{path}")
        assert reply.status_code == 405, (method, path)
        assert reply.headers["content-type"] == "application/problem+json"


def test_a_requester_is_told_which_page_its_subject_must_visit(pdp: Pdp) -> None:
    task = pdp.opened("visited-1")
    page = task["links"]["ticket"]
    assert "ticket" not in pdp.status(task["id"], "admin").json()["task"]["links"]
    assert pdp.call("GET", page, None).status_code == 200
    assert pdp.status(task["id"]).json()["task"]["links"]["ticket"] == page
    pdp.cancel(task["id"])
    assert "links" not in pdp.status(task["id"]).json()["task"]
