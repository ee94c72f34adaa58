"""Requests to which anything may happen, and an independent account of what should come of it."""

from collections import Counter
from datetime import timedelta
from typing import Any

from pdp.core.task import Item, Question, Task, open_questions, policy_questions
from pdp.core.task_answers import external_result, interaction_done, policy_result
from pdp.core.task_ballot import Ballot
from pdp.core.task_check import faults_of
from pdp.core.task_clock import tick
from pdp.core.task_effects import (
    ApprovalGranted,
    AuditEvent,
    Callback,
    Change,
    ItemResolved,
    TaskResolved,
    VoteCast,
)
from pdp.core.task_events import cancel, claim, escalate, release
from pdp.core.task_json import from_json, plans_from_json, plans_to_json, to_json
from pdp.core.task_open import Wanted, open_task
from pdp.core.task_vote import vote
from pdp.core.workflow import Step
from tests.properties.request_stories import PEOPLE, START, Event


def permits(person: tuple[str, str], question: Question) -> bool:
    """Whom Cedar permits what, in this world: nearly everybody nearly everything."""
    return (PEOPLE.index(person) + question.position + question.leaf) % 5 != 0


def policy_permits(question: Question) -> bool:
    """What the policy steps answer, in this world."""
    return (question.position + question.leaf) % 3 != 0


class World:
    """A task, a clock, and everything that ever followed from an event.

    Args:
        restarts: whether the task is put away and taken up again after every event.
    """

    def __init__(self, wanted: list[Wanted], *, restarts: bool = False) -> None:
        self.restarts = restarts
        self.now = START
        self.effects: list[Any] = []
        opened = open_task(wanted, bundle=len(wanted) > 1, now=START)
        assert opened.refusal is None
        self.task = opened.task
        self.take(opened)

    def take(self, change: Change) -> None:
        """Keep what an event made of the task, and answer the policy steps that it began."""
        before = self.task
        self.task = change.task
        self.effects.extend(change.effects)
        check_step(before, change)
        while questions := policy_questions(self.task):
            answers = {each: ("p",) for each in questions if policy_permits(each)}
            before = self.task
            change = policy_result(self.task, answers, self.now)
            self.task = change.task
            self.effects.extend(change.effects)
            check_step(before, change)
        if self.restarts:
            plans = plans_from_json(plans_to_json(self.task.plans))
            self.task = from_json(to_json(self.task), plans)

    def happen(self, event: Event) -> Change:
        """Let an event happen."""
        self.now += timedelta(minutes=event.minutes)
        change = self._change(event)
        self.take(change)
        return change

    def _change(self, event: Event) -> Change:
        task, now = self.task, self.now
        step = self._picked(int(event.terms.get("pick", 0)))
        match event.kind:
            case "vote":
                terms = dict(event.terms)
                hours = terms.pop("hours", None)
                until = None if hours is None else START + timedelta(hours=hours)
                ballot = Ballot(event.person, approved_until=until, **terms)
                questions = open_questions(tick(task, now).task)
                allowed = {each: ("p",) for each in questions if permits(event.person, each)}
                return vote(task, ballot, allowed, now)
            case "answer" if step.kind == "interaction":
                return interaction_done(task, step.name, now)
            case "answer":
                return external_result(task, step.name, event.terms["outcome"], now)
            case "claim":
                return claim(task, event.person, now, eligible=True)
            case "release":
                return release(task, event.person, now)
            case "escalate":
                return escalate(task, step.name, "heads", now)
            case "cancel":
                return cancel(task, now)
        return tick(task, now)

    def _picked(self, pick: int) -> Step:
        """One of the steps under way now, those first that no person decides."""
        task = tick(self.task, self.now).task
        steps = [task.step_of(item, leaf) for item in task.items for leaf in item.open_leaves()]
        steps.sort(key=lambda step: step.kind == "human")
        return steps[pick % len(steps)] if steps else Step("none")


def check_step(before: Task, change: Change) -> None:
    """What must hold of every single change."""
    after = change.task
    assert faults_of(after) == []
    for old, new in zip(before.items, after.items, strict=True):
        if not old.pending:
            assert new == old, "what is decided never changes"
        assert new.votes[: len(old.votes)] == old.votes, "no vote is ever taken back"
    if change.refusal is not None:
        assert not any(isinstance(effect, VoteCast) for effect in change.effects)
    if after != before:
        assert any(isinstance(effect, AuditEvent) for effect in change.effects)


def check_whole(world: World) -> None:
    """What must hold of everything that followed, taken together."""
    task = world.task
    cast = [effect for effect in world.effects if isinstance(effect, VoteCast)]
    kept = [(item.position, each) for item in task.items for each in item.votes]
    assert sorted(map(repr, kept)) == sorted(repr((each.position, each.vote)) for each in cast)
    assert len({(each.slot, each.vote.person) for each in cast}) == len(cast)
    resolved = [effect for effect in world.effects if isinstance(effect, ItemResolved)]
    closed = {item.position: item.status for item in task.items if not item.pending}
    assert {each.position: each.status for each in resolved} == closed
    assert len(resolved) == len(closed)
    granted = Counter(
        effect.position for effect in world.effects if isinstance(effect, ApprovalGranted)
    )
    assert granted == Counter(item.position for item in task.items if item.status == "approved")
    endings = [
        effect.event.removeprefix("task.")
        for effect in world.effects
        if isinstance(effect, AuditEvent)
        and effect.event in {f"task.{status}" for status in _ENDINGS}
    ]
    over = [] if task.pending else [task.status]
    assert endings == over
    assert [effect.status for effect in world.effects if isinstance(effect, TaskResolved)] == over
    assert [effect.event for effect in world.effects if isinstance(effect, Callback)] == over
    for item in task.items:
        check_item(task, item)


_ENDINGS = ("approved", "denied", "expired", "cancelled", "failed", "partial")


def check_item(task: Task, item: Item) -> None:
    """The laws of one item, told without the machine's own reckoning of steps."""
    plan = task.plan_of(item)
    for each in item.votes:
        assert permits(each.person, Question(item.position, each.leaf))
        if plan.emergency:
            assert each.person in PEOPLE[:2]
    for place, each in enumerate(item.votes):
        for other in item.votes[:place]:
            if each.leaf == other.leaf or plan.workflow.distinct_approvers:
                assert not each.people & other.people
    if item.status == "approved":
        numbers = iter(range(99))
        assert all(_carried(step, item, numbers) for step in plan.workflow.steps)
        assert item.grant is not None
        assert START <= item.grant.approved_at < item.grant.approved_until
        bounds = [
            item.grant.approved_at + plan.workflow.approval_ttl_max,
            item.requested_until,
            *(each.approved_until for each in item.votes),
        ]
        assert all(item.grant.approved_until <= bound for bound in bounds if bound is not None)
    if item.status == "expired":
        assert item.closed_at == task.deadline_of(item)


def _carried(step: Step, item: Item, numbers: Any) -> bool:
    """Whether a step has what it takes, by the votes and answers alone."""
    if step.parts:
        carried = [_carried(part, item, numbers) for part in step.parts]
        return any(carried) if step.any_of else all(carried)
    number = next(numbers)
    votes = [each for each in item.votes if each.leaf == number]
    if any(each.decision == "deny" for each in votes):
        return False
    approvals = {each.person for each in votes}
    if step.kind == "human":
        return len(approvals) >= step.approvals
    if step.kind == "policy":
        return policy_permits(Question(item.position, number))
    answered = [leaf.outcome for leaf in item.leaves if leaf.number == number]
    return bool(approvals) or answered == ["approved"]
