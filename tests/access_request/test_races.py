"""Many act on one request at the same moment: it ends once, and the audit tells one story."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest

from pdp.access_request.timers import DueTasks
from pdp.core.moment import parse_moment
from pdp.store import approvals, outbox_admin, votes
from tests.access_request.world import BASE, REQUESTS, Pdp

CLOSED = {"approved", "denied", "cancelled", "expired"}
Act = Callable[[httpx.AsyncClient], Any]


def at_once(pdp: Pdp, acts: list[Act]) -> list[int]:
    """Do all of it at the same time; the statuses of what was answered."""
    statuses: list[int] = []

    async def do(act: Act, http: httpx.AsyncClient) -> None:
        reply = await act(http)
        if isinstance(reply, httpx.Response):
            statuses.append(reply.status_code)

    async def everything() -> None:
        transport = httpx.ASGITransport(pdp.server)
        async with (
            httpx.AsyncClient(transport=transport, base_url=BASE) as http,
            anyio.create_task_group() as group,
        ):
            for act in acts:
                group.start_soon(do, act, http)

    anyio.run(everything)
    return statuses


def vote(task_id: str, name: str, decision: str) -> Act:
    body = {"decision": decision, "approver": {"type": "User", "id": name}}
    path = f"/queue/v1/tasks/{task_id}/decisions"
    return lambda http: http.post(path, json=body, headers={"authorization": "Bearer inbox"})


def cancel(task_id: str) -> Act:
    path = f"{REQUESTS}/{task_id}/cancel"
    return lambda http: http.post(path, headers={"authorization": "Bearer pep"})


def expiry(pdp: Pdp, task: dict[str, Any]) -> Act:
    due, end = DueTasks(pdp.services.desk), parse_moment(task["expires_at"])
    return lambda http: anyio.to_thread.run_sync(due.fire, "expire", task["id"], end)


def ended_once(pdp: Pdp, task_id: str) -> str:
    """How it ended, after a look at everything that must agree with it."""
    status: str = pdp.status(task_id).json()["task"]["status"]
    named = Counter(pdp.events(task_id))
    assert {name: n for name, n in named.items() if name.partition(".")[2] in CLOSED} == {
        f"task.{status}": 1
    }
    assert named["task.created"] == 1
    # Whoever comes first when the time is over finds that several reminders were due before.
    del named["step.reminded"]
    assert set(named.values()) == {1}
    granted = pdp.services.database.read(lambda s: approvals.of_task(s, task_id))
    assert len(granted) == (status == "approved")
    cast = pdp.services.database.read(lambda s: votes.of_task(s, task_id))
    assert len({(each.approver_id, each.step) for each in cast}) == len(cast)
    jobs = pdp.services.database.read(lambda s: outbox_admin.of_task(s, task_id))
    assert [job for job in jobs if job.kind == "task_timer" and job.done_at is None] == []
    assert pdp.verified()
    return status


@pytest.mark.requirement("ARAP-149")
def test_sixty_four_at_once_end_a_request_once(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    name = task["id"]
    acts = [
        act
        for _ in range(16)
        for act in (
            vote(name, "bob", "approve"),
            vote(name, "carol", "deny"),
            cancel(name),
            expiry(pdp, task),
        )
    ]
    statuses = at_once(pdp, acts)
    assert len(statuses) == 48
    assert Counter(statuses).keys() <= {200, 201, 409}, statuses
    assert sum(status in (200, 201) for status in statuses) <= 1
    assert ended_once(pdp, name) in CLOSED


def test_of_many_votes_of_one_person_one_counts(pdp: Pdp) -> None:
    name = pdp.opened("manager-1")["id"]
    statuses = at_once(pdp, [vote(name, "bob", "approve") for _ in range(16)])
    assert Counter(statuses) == {201: 1, 409: 15}
    assert ended_once(pdp, name) == "approved"


def test_many_timers_at_once_do_what_one_does(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    at_once(pdp, [expiry(pdp, task) for _ in range(16)])
    named = pdp.events(task["id"])
    assert named.count("task.expired") == 1
    assert named.count("step.escalated") == 1
    assert named.count("step.reminded") == 3


def test_of_many_cancellations_one_ends_it(pdp: Pdp) -> None:
    name = pdp.opened("manager-1")["id"]
    assert Counter(at_once(pdp, [cancel(name) for _ in range(16)])) == {200: 1, 409: 15}
    assert ended_once(pdp, name) == "cancelled"
