"""A submission becomes a task."""

from datetime import timedelta

import pytest

from pdp.core.task import Question, policy_questions
from pdp.core.task_effects import (
    AskInteraction,
    AskPolicy,
    CallExternal,
    Notify,
    Refusal,
    Timer,
)
from pdp.core.task_open import Wanted, emergency_fault, open_task
from pdp.core.workflow import External, Interaction
from tests.core.making import HOUR, START, accepted, decide, effects, events, opened, workflow

DAY = timedelta(days=1)


@pytest.mark.requirement("ARAP-145")
def test_a_task_begins_pending_with_its_first_step_under_way() -> None:
    flow = workflow({"name": "manager", "queue": "managers"}, {"name": "owner"}, task_ttl="2d")
    change = open_task([Wanted(flow)], bundle=False, now=START)
    task = accepted(change)
    assert task.status == "pending"
    assert task.expires_at == START + 2 * DAY
    assert task.queues() == ("managers",)
    assert effects(change, Notify) == [
        Notify("approval_needed", queue="managers", step="manager", positions=(0,))
    ]
    assert effects(change, Timer) == [Timer(START + 2 * DAY, "expire")]
    assert events(change) == ["task.created"]


def test_every_kind_of_step_calls_for_what_it_needs() -> None:
    page = {"url": "https://id.example/verify"}
    flow = workflow(
        {
            "name": "all",
            "all_of": [
                {"name": "rule", "kind": "policy"},
                {"name": "fraud", "kind": "external"},
                {"name": "visit", "kind": "interaction", "interaction": page},
            ],
        }
    )
    change = open_task([Wanted(flow)], bundle=False, now=START)
    end = START + 3 * DAY
    assert effects(change, AskPolicy) == [AskPolicy("rule", 0, (0,))]
    assert effects(change, CallExternal) == [CallExternal("fraud", 1, (0,), External(), end)]
    assert effects(change, AskInteraction) == [
        AskInteraction("visit", 2, (0,), Interaction(page["url"]), end)
    ]
    assert policy_questions(change.task) == (Question(0, 0),)


@pytest.mark.requirement("ARAP-183")
def test_a_task_ends_no_later_than_what_is_asked_for() -> None:
    assert opened(Wanted(workflow(), START + HOUR)).expires_at == START + HOUR
    assert opened(Wanted(workflow(), START + 99 * DAY)).expires_at == START + 3 * DAY


def test_a_task_ends_on_a_whole_second_unless_it_would_be_over_at_once() -> None:
    late = START + timedelta(milliseconds=600)
    change = open_task([Wanted(workflow())], bundle=False, now=late)
    assert accepted(change).expires_at == START + 3 * DAY
    brief = late + timedelta(milliseconds=300)
    change = open_task([Wanted(workflow())], bundle=False, now=late, expires_by=brief)
    assert accepted(change).expires_at == brief


@pytest.mark.requirement("AROP-027")
def test_the_requester_may_bound_the_life_of_the_task() -> None:
    change = open_task(
        [Wanted(workflow())], bundle=False, now=START, expires_by=START + timedelta(minutes=5)
    )
    assert accepted(change).expires_at == START + timedelta(minutes=5)


@pytest.mark.parametrize("wish", [START, START - HOUR])
def test_what_would_be_over_already_is_refused(wish: object) -> None:
    change = open_task([Wanted(workflow(), wish)], bundle=False, now=START)  # type: ignore[arg-type]
    assert change.refusal == Refusal("passed", "what is requested would be over already")
    assert change.effects == ()


def test_a_bundle_lives_as_long_as_its_longest_wish_and_each_item_as_its_own() -> None:
    task = opened(Wanted(workflow(), START + HOUR), Wanted(workflow(), START + 2 * HOUR))
    assert task.expires_at == START + 2 * HOUR
    assert [task.deadline_of(item) for item in task.items] == [START + HOUR, START + 2 * HOUR]


def test_items_of_one_workflow_share_its_plan() -> None:
    first, second = workflow({"name": "a"}), workflow({"name": "b"})
    task = opened(first, second, first)
    assert [item.plan for item in task.items] == [0, 1, 0]
    assert task.queues() == ("flow",)


@pytest.mark.parametrize("count", [0, 2])
def test_several_things_are_a_bundle(count: int) -> None:
    with pytest.raises(ValueError, match="bundle"):
        open_task([Wanted(workflow())] * count, bundle=False, now=START)


URGENT = workflow(
    {"name": "manager", "queue": "managers", "escalate_after": "1h", "escalate_to": "heads"},
    {"name": "owner", "queue": "owners"},
    scope="resource_type",
    standing=True,
    emergency={
        "approvers": ['User::"erin"'],
        "ttl": "20m",
        "review_within": "2d",
        "queue": "war-room",
        "notify": ["security"],
    },
)
WORDS = "the mail server is on fire"


@pytest.mark.requirement("ARAP-062")
@pytest.mark.requirement("ARAP-063")
def test_an_emergency_takes_a_path_of_its_own_and_everybody_skipped_is_told() -> None:
    change = open_task([Wanted(URGENT, emergency=True)], bundle=False, now=START)
    task = accepted(change)
    assert task.queues() == ("war-room",)
    assert effects(change, Notify) == [
        *(Notify("skipped", queue=q) for q in ("heads", "managers", "owners", "security")),
        Notify("emergency", queue="war-room", step="emergency", positions=(0,)),
    ]


@pytest.mark.requirement("ARAP-063")
def test_an_emergency_approval_is_short_exact_and_to_be_reviewed() -> None:
    task = opened(Wanted(URGENT, emergency=True))
    change = decide(task, "erin", approved_until=START + 5 * HOUR)
    accepted(change)
    granted = change.effects[3]
    assert granted.emergency is True  # type: ignore[union-attr]
    assert granted.approved_until == START + HOUR + timedelta(minutes=20)  # type: ignore[union-attr]
    assert granted.review_by == START + HOUR + 2 * DAY  # type: ignore[union-attr]
    assert granted.scope.kind == "exact"  # type: ignore[union-attr]
    assert granted.standing is False  # type: ignore[union-attr]


@pytest.mark.requirement("ARAP-062")
def test_only_the_people_named_may_approve_an_emergency_whatever_policy_says() -> None:
    change = decide(opened(Wanted(URGENT, emergency=True)), "mallory")
    assert change.refusal is not None
    assert change.refusal.reason == "not_named"
    assert change.task.pending


def test_an_emergency_without_a_path_takes_the_usual_one() -> None:
    task = opened(Wanted(workflow({"name": "a", "queue": "q"}), emergency=True))
    assert not task.plans[0].emergency
    assert task.queues() == ("q",)


@pytest.mark.parametrize(
    ("flow", "words", "overdue", "fault"),
    [
        (URGENT, WORDS, False, None),
        (workflow(), WORDS, False, "`flow` has no emergency path"),
        (
            workflow(emergency={"ttl": "5m"}),
            WORDS,
            False,
            "nobody may approve on the emergency path of `flow`",
        ),
        (URGENT, None, False, "an emergency needs a justification of at least 20 characters"),
        (URGENT, " " * 30, False, "an emergency needs a justification of at least 20 characters"),
        (URGENT, WORDS, True, "the review of an earlier emergency approval is overdue"),
    ],
)
@pytest.mark.requirement("ARAP-063")
def test_what_the_emergency_path_asks_for(
    flow: object, words: str | None, overdue: bool, fault: str | None
) -> None:
    assert emergency_fault(flow, words, review_overdue=overdue) == fault  # type: ignore[arg-type]
