"""The Task Handle on the wire."""

from datetime import timedelta
from typing import Any

import pytest

from pdp.core.task import Task
from pdp.core.task_events import cancel
from pdp.core.task_handle import ApprovalResult, Links, Viewer, poll_after, task_handle
from tests.core.making import HOUR, START, accepted, decide, opened, workflow

URL = "https://pdp.example/access/v1/requests/arq_1"
LINKS = Links(
    URL, URL + "/cancel", "https://pdp.example/ui/requests/arq_1", "https://pdp.example/r"
)
RESULT = ApprovalResult("apr_1", START + HOUR, START + 5 * HOUR, "state.jws")
FLOW = workflow(
    {"name": "manager", "title": {"en": "Your manager decides", "de": "Ihre Leitung entscheidet"}},
    {"name": "owner"},
    title={"*": "Manager approval", "de": "Freigabe"},
)
ASKED = [
    {
        "resource": {"type": "document", "id": "q4", "properties": {"class": "x"}},
        "action": {"name": "read"},
    },
    {"resource": {"type": "channel", "id": "eng"}, "action": {"name": "post", "properties": {}}},
]

ORDINARY = Viewer()


def _handle(task: Task, viewer: Viewer = ORDINARY, **more: Any) -> dict[str, Any]:
    return task_handle(task, "arq_1", LINKS, viewer, **more)


@pytest.mark.requirement("ARAP-125")
@pytest.mark.requirement("ARAP-129")
@pytest.mark.requirement("ARAP-130")
@pytest.mark.requirement("ARAP-131")
@pytest.mark.requirement("ARAP-157")
def test_a_pending_task() -> None:
    assert _handle(opened(FLOW)) == {
        "task": {
            "id": "arq_1",
            "status": "pending",
            "status_endpoint": URL,
            "progress": {"current_step": 1, "total_steps": 2, "step_name": "manager"},
            "expires_at": "2026-05-03T20:15:00Z",
            "display": {"title": "Manager approval", "description": "Your manager decides"},
            "links": {"cancel": URL + "/cancel", "ticket": LINKS.ticket},
        }
    }


@pytest.mark.requirement("ARAP-138")
def test_progress_counts_steps_from_one() -> None:
    task = accepted(decide(opened(FLOW), "bob"))
    assert _handle(task)["task"]["progress"] == {
        "current_step": 2,
        "total_steps": 2,
        "step_name": "owner",
    }


@pytest.mark.requirement("ARAP-146")
@pytest.mark.requirement("ARAP-148")
@pytest.mark.requirement("ARAP-168")
@pytest.mark.requirement("ARAP-171")
def test_an_approved_task_has_its_result() -> None:
    task = accepted(decide(opened(workflow()), "bob"))
    assert _handle(task, results={0: RESULT}) == {
        "task": {
            "id": "arq_1",
            "status": "approved",
            "status_endpoint": URL,
            "expires_at": "2026-05-03T20:15:00Z",
            "links": {"ticket": LINKS.ticket},
        },
        "result": {
            "mode": "reevaluate",
            "approval": {
                "id": "apr_1",
                "approved_at": "2026-04-30T21:15:00Z",
                "approved_until": "2026-05-01T01:15:00Z",
                "state": "state.jws",
            },
        },
    }


@pytest.mark.parametrize("decision", ["deny", "cancel"])
def test_no_other_ending_has_a_result(decision: Any) -> None:
    task = opened(workflow())
    change = cancel(task, START + HOUR) if decision == "cancel" else decide(task, "bob", "deny")
    assert "result" not in _handle(accepted(change), results={0: RESULT})


@pytest.mark.requirement("ARAP-133")
@pytest.mark.requirement("ARAP-134")
@pytest.mark.requirement("ARAP-147")
def test_a_bundle_has_its_items_in_order_each_with_its_own_result() -> None:
    flow = workflow()
    task = accepted(decide(opened(flow, flow), "bob", positions=(1,)))
    body = _handle(task, asked=ASKED, results={1: RESULT})
    assert body["task"]["status"] == "partial"
    assert "result" not in body
    first, second = body["task"]["items"]
    assert first == {**ASKED[0], "status": "denied"}
    assert second["status"] == "approved"
    assert second["resource"] == ASKED[1]["resource"]
    assert second["result"]["approval"]["id"] == "apr_1"


def test_the_progress_of_a_bundle_is_that_of_its_slowest_item() -> None:
    task = accepted(decide(opened(FLOW, FLOW), "bob", positions=(1,), rest="leave"))
    assert _handle(task, asked=ASKED)["task"]["progress"]["current_step"] == 1


@pytest.mark.requirement("ARAP-143")
@pytest.mark.requirement("ARAP-144")
def test_each_right_shows_its_own_part_and_no_other() -> None:
    nothing = Viewer(False, False, False, False, False)
    flow = workflow()
    task = accepted(decide(opened(flow, flow), "bob", positions=(1,), rest="leave"))
    seen = _handle(task, nothing, asked=ASKED, results={1: RESULT}, awaiting=["carol"])["task"]
    assert seen["links"] == {"ticket": LINKS.ticket}
    assert "awaiting" not in seen["progress"]
    assert [item["resource"] for item in seen["items"]] == [
        {"type": "document", "id": "q4"},
        {"type": "channel", "id": "eng"},
    ]
    assert all("result" not in item for item in seen["items"])
    assert "bob" not in str(seen)
    single = accepted(decide(opened(workflow()), "bob"))
    assert "result" not in _handle(single, nothing, results={0: RESULT})


@pytest.mark.requirement("ARAP-137")
def test_who_is_awaited_and_where_to_review_is_for_those_entitled() -> None:
    full = _handle(opened(FLOW), Viewer(awaiting=True, review=True), awaiting=["bob"])["task"]
    assert full["progress"]["awaiting"] == ["bob"]
    assert full["links"]["review"] == LINKS.review
    assert "awaiting" not in _handle(opened(FLOW), awaiting=["bob"])["task"]["progress"]


@pytest.mark.requirement("ARAP-161")
def test_what_cannot_be_cancelled_has_no_such_link() -> None:
    task = opened(FLOW)
    body = task_handle(task, "arq_1", Links(URL), Viewer())
    assert "links" not in body["task"]


def test_texts_come_in_the_readers_language() -> None:
    display = _handle(opened(FLOW), languages=("de-ch", "en"))["task"]["display"]
    assert display == {"title": "Freigabe", "description": "Ihre Leitung entscheidet"}


@pytest.mark.requirement("AROP-024")
@pytest.mark.parametrize(
    ("age", "seconds"), [(0, 5), (60, 6), (100, 10), (599, 59), (86_400, 60), (3 * 86_400 - 7, 8)]
)
def test_the_older_a_task_the_rarer_a_poll_is_worth_while(age: int, seconds: int) -> None:
    assert poll_after(opened(workflow()), START + timedelta(seconds=age)) == seconds


def test_there_is_nothing_to_poll_for_once_it_is_over() -> None:
    assert poll_after(accepted(decide(opened(workflow()), "bob")), START + HOUR) is None
