"""Whatever people do with requests through the API, in whatever order: the laws of approvals hold.

The machine drives the real services over a database and keeps its own, simple account of what must
be: whose votes count, what every request and item came to, and which approvals let whom in.
"""

from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.access_request.world import Pdp
from tests.contract.conftest import database_url, postgres, postgres_template, sqlite_template
from tests.queue.world import Queue, queue_over

__all__ = ["database_url", "postgres", "postgres_template", "sqlite_template"]

VOTERS = ["bob", "carol", "erin", "alice", "dana"]
MAY_APPROVE = {"bob", "carol"}
NEEDED = {"one": 1, "two": 2, "strict": 1}
TASK_LIFE = timedelta(days=3)


class Expected:
    """What must have become of a request of one item."""

    def __init__(self, kind: str, resource: str, expires: Any) -> None:
        self.kind = kind
        self.resource = resource
        self.expires = expires
        self.voted: set[str] = set()
        self.approvals = 0
        self.status = "pending"
        self.approval: str | None = None
        self.approved_until: Any = None
        self.revoked = False


class Requests(RuleBasedStateMachine):
    """Submit, vote, cancel, wait, revoke, evaluate, in any order."""

    database = ""
    tasks = Bundle("tasks")

    def __init__(self) -> None:
        super().__init__()
        self.closing = ExitStack()
        folder = Path(mkdtemp(prefix="machine-"))
        address = self.database or f"sqlite:///{folder}/pdp.db"
        self.queue: Queue = self.closing.enter_context(queue_over(address, folder))
        self.expected: dict[str, Expected] = {}

    @property
    def pdp(self) -> Pdp:
        """The PDP behind the queue."""
        return self.queue.pdp

    @initialize(target=tasks, kinds=st.lists(st.sampled_from(sorted(NEEDED)), max_size=2))
    def begin(self, kinds: list[str]) -> Any:
        """There may be requests from before."""
        return multiple(*[self._submit(kind, 1) for kind in kinds])

    @rule(target=tasks, kind=st.sampled_from(sorted(NEEDED)), number=st.integers(1, 3))
    def submit(self, kind: str, number: int) -> str:
        """A request is opened."""
        return self._submit(kind, number)

    def _submit(self, kind: str, number: int) -> str:
        resource = f"{kind}-{number}"
        task = self.queue.request(resource)
        self.expected[task] = Expected(kind, resource, self.pdp.now + TASK_LIFE)
        return task

    @rule(task=tasks, who=st.sampled_from(VOTERS), decision=st.sampled_from(["approve", "deny"]))
    def vote(self, task: str, who: str, decision: str) -> None:
        """Somebody decides, or tries to."""
        known = self.expected[task]
        self._pass_time(known)
        reply = self.queue.decide(task, who, decision)
        if known.status != "pending":
            assert reply.status_code == 409
        elif who not in MAY_APPROVE:
            assert reply.status_code == 403
        elif who in known.voted:
            assert reply.status_code == 409
        else:
            assert reply.status_code == 201, reply.text
            known.voted.add(who)
            self._count(known, decision)
            assert reply.json()["task"]["status"] == known.status

    def _count(self, known: Expected, decision: str) -> None:
        if decision == "deny":
            known.status = "denied"
            return
        known.approvals += 1
        if known.approvals == NEEDED[known.kind]:
            known.status = "approved"
            known.approved_until = self.pdp.now + timedelta(hours=4)

    @rule(task=tasks)
    def cancel(self, task: str) -> None:
        """Its requester no longer wants it."""
        known = self.expected[task]
        self._pass_time(known)
        reply = self.pdp.cancel(task, "as-1")
        if known.status == "pending":
            assert reply.status_code == 200
            known.status = "cancelled"
        else:
            assert reply.status_code == 409

    @rule(task=tasks)
    def somebody_else_cancels(self, task: str) -> None:
        """It is not theirs."""
        assert self.pdp.cancel(task, "as-2").status_code == 404

    @rule(minutes=st.sampled_from([1, 60, 300, 2000]))
    def wait(self, minutes: int) -> None:
        """Time passes, and what is due is done."""
        self.pdp.later(timedelta(minutes=minutes))

    @rule(minutes=st.sampled_from([60, 5000]))
    def wait_without_anybody_looking(self, minutes: int) -> None:
        """Time passes while the runner is down."""
        self.pdp.now += timedelta(minutes=minutes)

    @rule(task=tasks, by=st.sampled_from(["requester", "dana", "erin"]))
    def revoke(self, task: str, by: str) -> None:
        """Somebody takes the approval back, or tries to."""
        known = self.expected[task]
        found = self.queue.task(task)["approvals"]
        assert len(found) == (1 if known.status == "approved" else 0)
        for approval in found:
            path = f"/queue/v1/approvals/{approval['ref']}/revoke"
            if by == "requester":
                reply = self.queue.post(path, {}, "as-1")
            else:
                reply = self.queue.post(path, {"approver": {"type": "user", "id": by}})
            live = not known.revoked and self.pdp.now < known.approved_until
            if by == "erin":
                assert reply.status_code == 404
            else:
                assert reply.status_code == (200 if live else 409)
                known.revoked = True

    @rule(task=tasks)
    def evaluate(self, task: str) -> None:
        """The approval lets in exactly while it counts, and only whom and where it is for."""
        known = self.expected[task]
        self._pass_time(known)
        result = self.pdp.status(task, "as-1").json().get("result")
        assert (result is not None) == (known.status == "approved")
        if result is None:
            return
        live = not known.revoked and self.pdp.now < known.approved_until
        for resource, subject, expected in (
            (known.resource, "alice", live),
            (known.resource, "erin", False),
            ("strict-3" if known.resource != "strict-3" else "two-3", "alice", False),
        ):
            asked = {
                "subject": {"type": "user", "id": subject},
                "action": {"name": "read"},
                "resource": {"type": "doc", "id": resource},
                "context": {"approval": {"id": result["approval"]["id"]}},
            }
            reply = self.pdp.call("POST", "/access/v1/evaluation", "as-1", asked)
            assert reply.json()["decision"] is expected

    @rule(task=consumes(tasks))
    def forget(self, task: str) -> None:
        """What nobody touches any more still keeps its word, as the end of the run shows."""

    def _pass_time(self, known: Expected) -> None:
        if known.status == "pending" and self.pdp.now >= known.expires:
            known.status = "expired"

    @invariant()
    def every_status_is_as_expected(self) -> None:
        """Nothing leaves a terminal state, and nothing reaches one by itself but by its time."""
        for task, known in self.expected.items():
            self._pass_time(known)
            found = self.pdp.status(task, "as-1")
            if found.status_code != 410:
                assert found.json()["task"]["status"] == known.status

    def teardown(self) -> None:
        """Every transition is in the audit once, and the chain is whole.

        Runs share a database, so that each finds the requests of those before it there.
        """
        try:
            for task, known in self.expected.items():
                events = self.pdp.events(task)
                assert events.count("task.created") == 1
                ends = [name for name in events if name.startswith("task.")][1:]
                assert len([name for name in ends if name != "task.created"]) <= 1
                votes = [name for name in events if name.startswith("vote.")]
                assert len(votes) == len(known.voted)
            assert self.pdp.verified()
        finally:
            self.closing.close()


def test_the_laws_hold_whatever_happens() -> None:
    run_state_machine_as_test(Requests, settings=settings(max_examples=4, stateful_step_count=12))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_laws_hold_on_both_databases(database_url: str) -> None:
    there = type("There", (Requests,), {"database": database_url})
    run_state_machine_as_test(there, settings=settings(max_examples=15, stateful_step_count=40))
