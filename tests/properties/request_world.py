"""Random workflows, random events, and an independent account of what should come of them."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from pdp.core.scope import Scope
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
from pdp.core.workflow import SCOPES, Step, Workflow
from pdp.core.workflow_parse import parse_workflows

START = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = [("User", name) for name in ("ann", "ben", "cat", "dan")]
_HOURS = st.sampled_from([1, 2, 5, 12, 20, 30]).map(lambda hours: f"{hours}h")


@st.composite
def _leaf(draw: st.DrawFn, numbers: Any) -> dict[str, Any]:
    name = f"s{next(numbers)}"
    kind = draw(st.sampled_from(["human", "human", "human", "policy", "external", "interaction"]))
    step: dict[str, Any] = {"name": name, "kind": kind}
    if kind == "policy":
        return step
    if kind == "human":
        step["approvals"] = draw(st.sampled_from([1, 1, 2, 3]))
    if draw(st.booleans()):
        step["remind_after"] = draw(_HOURS)
    ending = draw(st.sampled_from(["none", "deny", "escalate", "later"]))
    if ending in ("deny", "escalate"):
        step |= {"timeout": draw(_HOURS), "on_timeout": ending}
    if ending == "later":
        step["escalate_after"] = draw(_HOURS)
    if ending in ("escalate", "later"):
        step["escalate_to"] = "heads"
    return step


@st.composite
def _step(draw: st.DrawFn, numbers: Any, depth: int = 0) -> dict[str, Any]:
    if depth < 2 and draw(st.integers(0, 3)) == 0:
        group = draw(st.sampled_from(["any_of", "all_of"]))
        parts = [draw(_step(numbers, depth + 1)) for _ in range(draw(st.integers(1, 2)))]
        return {"name": f"g{next(numbers)}", group: parts}
    return draw(_leaf(numbers))


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    """Any workflow of up to three steps, groups within groups."""
    numbers = iter(range(99))
    body = {
        "steps": [draw(_step(numbers)) for _ in range(draw(st.integers(1, 3)))],
        "task_ttl": "40h",
        "approval_ttl": draw(_HOURS),
        "approval_ttl_max": "30h",
        "scope": draw(st.sampled_from(SCOPES)),
        "distinct_approvers": draw(st.booleans()),
        "narrowing": draw(st.sampled_from([True, True, True, False])),
    }
    if draw(st.booleans()):
        approvers = [f'User::"{name}"' for _, name in PEOPLE[:2]]
        body["emergency"] = {"approvers": approvers, "ttl": "1h"}
    name = draw(st.sampled_from(["flow", "other"]))
    found = parse_workflows({"workflows": {name: body}}).get(name)
    assert found is not None
    return found


@dataclass(frozen=True)
class Event:
    """Something that happens `minutes` after what came before."""

    minutes: int
    kind: str
    person: tuple[str, str] = PEOPLE[0]
    terms: dict[str, Any] = field(default_factory=dict)


_VOTES = st.builds(
    Event,
    st.integers(0, 200),
    st.just("vote"),
    st.sampled_from(PEOPLE),
    st.fixed_dictionaries(
        {"decision": st.sampled_from(["approve"] * 7 + ["deny"])},
        optional={
            "on_behalf_of": st.none() | st.sampled_from(PEOPLE),
            "positions": st.none() | st.lists(st.integers(0, 2), min_size=1, max_size=2).map(tuple),
            "hours": st.integers(1, 60),
            "scope": st.sampled_from(
                [None, Scope(), Scope("resource_parent", ("Folder", "f")), Scope("resource_type")]
            ),
            "rest": st.sampled_from(["deny", "leave"]),
        },
    ),
)
_PICKS = {"pick": st.integers(0, 5)}
_ANSWERS = st.builds(
    Event,
    st.integers(0, 200),
    st.just("answer"),
    terms=st.fixed_dictionaries(
        _PICKS | {"outcome": st.sampled_from(["approved"] * 4 + ["refused", "failed"])}
    ),
)
_OTHERS = st.builds(
    Event,
    st.integers(0, 500),
    st.sampled_from(["tick", "claim", "release", "escalate"]),
    st.sampled_from(PEOPLE),
    st.fixed_dictionaries(_PICKS),
)
EVENTS = st.one_of(_VOTES, _VOTES, _ANSWERS, _OTHERS)
WANTED = st.lists(
    st.builds(
        Wanted,
        workflows(),
        st.none() | st.integers(1, 50).map(lambda hours: START + timedelta(hours=hours)),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=3,
)


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
        """One of the steps under way, those first that no person decides."""
        steps = [
            self.task.step_of(item, leaf) for item in self.task.items for leaf in item.open_leaves()
        ]
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
