"""A request under way: its items, each on its own way through the steps of a workflow.

The machine is a family of pure functions `(task, event, now) -> Change`. A task holds all that its
future depends on, timers included, so it may be put away and taken up again at any moment.

    task_open    a submission becomes a task
    task_vote    people decide
    task_answers policies, third parties and interactions answer
    task_events  it is cancelled, denied, failed, escalated, claimed
    task_clock   time passes
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from pdp.core.scope import Scope
from pdp.core.values import EntityUid
from pdp.core.workflow import Step, Workflow

Status = Literal["pending", "approved", "denied", "expired", "cancelled", "failed", "partial"]
Decision = Literal["approve", "deny"]
Outcome = Literal["approved", "denied", "refused", "failed", "skipped"]
"""What came of a step: `denied` by a person; `refused` by a policy, a third party or time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The way that items go: a workflow as it was when they were submitted.

    On the emergency path the workflow is that path, and only its named approvers count.
    """

    workflow: Workflow
    emergency: bool = False


class Vote(NamedTuple):
    """One person's decision on one step of one item.

    Attributes:
        leaf: the step's number within the workflow's leaves.
        on_behalf_of: whom the person stands in for; the vote counts as that one's too.
        evidence: the ids of the policies that permitted it.
    """

    leaf: int
    person: EntityUid
    decision: Decision
    at: datetime
    on_behalf_of: EntityUid | None = None
    approved_until: datetime | None = None
    scope: Scope | None = None
    reason_code: str | None = None
    evidence: tuple[str, ...] = ()

    @property
    def people(self) -> frozenset[EntityUid]:
        """Everybody who has spoken by this vote."""
        return frozenset(each for each in (self.person, self.on_behalf_of) if each)


class Leaf(NamedTuple):
    """A step of an item that has begun.

    Attributes:
        number: its place among the workflow's leaves.
        since: when it began; its timers count from here.
        outcome: None while it is under way.
        reason: the code of what a bad outcome came from.
        reminded: how many reminders were sent.
        escalated_to: the queue that was added.
    """

    number: int
    since: datetime
    outcome: Outcome | None = None
    reason: str | None = None
    reminded: int = 0
    escalated_to: str | None = None


class Grant(NamedTuple):
    """What the approval of an item amounts to."""

    approved_at: datetime
    approved_until: datetime
    scope: Scope


@dataclass(frozen=True, slots=True)
class Item:
    """One resource and action of a task.

    Attributes:
        position: as submitted, from 0.
        plan: which of the task's plans it follows.
        step: which of the plan's steps is in progress, from 0.
        leaves: the steps that have begun.
        requested_until: how long access is wished; the item is pointless after it.
        automatic: a policy approved it without any step.
        reason_code: why it was denied, cancelled or failed.
    """

    position: int
    plan: int
    status: Status = "pending"
    step: int = 0
    leaves: tuple[Leaf, ...] = ()
    votes: tuple[Vote, ...] = ()
    requested_until: datetime | None = None
    automatic: bool = False
    closed_at: datetime | None = None
    reason_code: str | None = None
    grant: Grant | None = None

    @property
    def pending(self) -> bool:
        """Whether it can still become anything."""
        return self.status == "pending"

    def open_leaves(self) -> Iterator[Leaf]:
        """The steps that are under way."""
        if self.pending:
            yield from (leaf for leaf in self.leaves if leaf.outcome is None)


@dataclass(frozen=True, slots=True)
class Task:
    """A request with all its items; one that is no bundle has exactly one."""

    plans: tuple[Plan, ...]
    items: tuple[Item, ...]
    bundle: bool
    created_at: datetime
    expires_at: datetime
    claimed_by: EntityUid | None = None
    claimed_at: datetime | None = None

    @property
    def status(self) -> Status:
        """The aggregate of the items (ARAP, Access Request Response)."""
        return aggregate(item.status for item in self.items)

    @property
    def pending(self) -> bool:
        """Whether any item is."""
        return any(item.pending for item in self.items)

    @property
    def closed_at(self) -> datetime | None:
        """When the last item was closed; None while one is pending."""
        closed = [item.closed_at for item in self.items if item.closed_at]
        return None if self.pending else max(closed, default=None)

    def plan_of(self, item: Item) -> Plan:
        """The plan that an item follows."""
        return self.plans[item.plan]

    def step_of(self, item: Item, leaf: Leaf) -> Step:
        """The step of the workflow that a leaf is."""
        return self.plans[item.plan].workflow.leaves()[leaf.number]

    def deadline_of(self, item: Item) -> datetime:
        """When a pending item expires: with the task, or with what could still be granted."""
        chosen = (vote.approved_until for vote in item.votes)
        bounds = (self.expires_at, item.requested_until, *chosen)
        return min(moment for moment in bounds if moment is not None)

    def queues(self) -> tuple[str, ...]:
        """Where the task waits now, sorted; where it waited last, once it is closed."""
        pending = [item for item in self.items if item.pending]
        found: set[str] = set()
        for item in pending or self.items:
            for leaf in item.leaves:
                if leaf.outcome is None or not item.pending:
                    step = self.step_of(item, leaf)
                    found.update(queue for queue in (step.queue, leaf.escalated_to) if queue)
        return tuple(sorted(found))


class Question(NamedTuple):
    """May this person, or this policy, decide this step of this item? Cedar answers."""

    position: int
    leaf: int


def aggregate(statuses: Iterable[Status]) -> Status:
    """The status of a bundle: pending while an item is, else the common one, else `partial`."""
    distinct = set(statuses)
    if "pending" in distinct:
        return "pending"
    return distinct.pop() if len(distinct) == 1 else "partial"


def votable(step: Step, leaf: Leaf) -> bool:
    """Whether people decide it: a human step, or another that was escalated to people."""
    return leaf.outcome is None and (step.kind == "human" or leaf.escalated_to is not None)


def open_questions(task: Task) -> tuple[Question, ...]:
    """The steps that a person could vote on now, of every pending item."""
    return tuple(
        Question(item.position, leaf.number)
        for item in task.items
        for leaf in item.open_leaves()
        if votable(task.step_of(item, leaf), leaf)
    )


def policy_questions(task: Task) -> tuple[Question, ...]:
    """The `policy` steps that wait for Cedar's answer, which must be given before anything else."""
    return tuple(
        Question(item.position, leaf.number)
        for item in task.items
        for leaf in item.open_leaves()
        if task.step_of(item, leaf).kind == "policy"
    )


def slot_of(position: int, leaf: int) -> int:
    """One number for a step of an item, by which votes are kept; the leaf's own for a single."""
    return position * 100 + leaf
