"""A task put away and taken up again."""

import copy
import json
from typing import Any

import pytest

from pdp.core.scope import Scope
from pdp.core.task import Task
from pdp.core.task_check import faults_of
from pdp.core.task_clock import tick
from pdp.core.task_events import claim
from pdp.core.task_json import CorruptTask, from_json, plans_from_json, plans_to_json, to_json
from pdp.core.task_open import Wanted
from tests.core.making import HOUR, START, accepted, decide, opened, person, workflow
from tests.core.test_task_open import URGENT

RICH = workflow(
    {
        "name": "board",
        "approvals": 2,
        "remind_after": "1h",
        "escalate_after": "2h",
        "escalate_to": "x",
    },
    {"name": "owner"},
    scope="resource_type",
)


def _tasks() -> list[Task]:
    voted = accepted(
        decide(
            opened(RICH, RICH),
            "bob",
            on_behalf_of=person("carol"),
            approved_until=START + 9 * HOUR,
            scope=Scope("resource_parent", ("Folder", "f")),
            positions=(0,),
        )
    )
    return [
        opened(workflow()),
        opened(Wanted(URGENT, START + HOUR, emergency=True)),
        voted,
        accepted(tick(voted, START + 3 * HOUR)),
        accepted(claim(opened(workflow()), person("bob"), START, eligible=True)),
        accepted(decide(opened(workflow()), "bob")),
        accepted(decide(opened(workflow()), "bob", "deny", reason_code="no")),
    ]


@pytest.mark.requirement("ARAP-182")
@pytest.mark.parametrize("number", range(7))
def test_a_task_comes_back_as_it_was(number: int) -> None:
    task = _tasks()[number]
    state = json.loads(json.dumps(to_json(task)))
    plans = json.loads(json.dumps(plans_to_json(task.plans)))
    assert from_json(state, plans_from_json(plans)) == task


def test_the_version_of_a_frozen_workflow_is_that_of_its_file() -> None:
    task = opened(Wanted(URGENT, emergency=True))
    (plan,) = plans_from_json(plans_to_json(task.plans))
    assert plan.emergency
    assert plan.workflow.version == URGENT.version


def _changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    state = copy.deepcopy(to_json(_tasks()[2]))
    place: Any = state
    for part in path[:-1]:
        place = place[part]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return state


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("items",), None),
        (("items",), []),
        (("items",), 7),
        (("created_at",), "x"),
        (("expires_at",), "2020-01-01T00:00:00Z"),
        (("bundle",), False),
        (("claimed_by",), ["User", "bob"]),
        (("items", 0, "plan"), 9),
        (("items", 0, "step"), 9),
        (("items", 0, "step"), 1),
        (("items", 0, "status"), "approved"),
        (("items", 0, "status"), "cancelled"),
        (("items", 0, "leaves"), []),
        (("items", 0, "leaves", 0, "outcome"), "approved"),
        (("items", 0, "leaves", 0, "outcome"), "denied"),
        (("items", 0, "votes", 0, "leaf"), 1),
        (("items", 0, "votes", 0, "at"), "2020-01-01T00:00:00Z"),
        (("items", 0, "votes", 0, "person"), None),
        (("items", 0, "closed_at"), "2026-05-01T00:00:00Z"),
        (("items", 1, "status"), "pending"),
        (("items", 1, "closed_at"), "2027-05-01T00:00:00Z"),
    ],
)
def test_a_state_that_contradicts_itself_is_refused(path: tuple[Any, ...], value: Any) -> None:
    task = _tasks()[2]
    with pytest.raises(CorruptTask):
        from_json(_changed(path, value), task.plans)


def test_a_vote_that_is_there_twice_is_refused() -> None:
    task = _tasks()[2]
    votes = to_json(task)["items"][0]["votes"]
    with pytest.raises(CorruptTask, match="voted twice"):
        from_json(_changed(("items", 0, "votes"), votes * 2), task.plans)


@pytest.mark.parametrize(
    "plans", [{}, {"plans": [{}]}, {"plans": [{"name": "a", "version": "", "definition": {}}]}]
)
def test_what_are_no_plans_is_refused(plans: dict[str, Any]) -> None:
    with pytest.raises(CorruptTask):
        plans_from_json(plans)


@pytest.mark.requirement("ARAP-201")
@pytest.mark.parametrize(
    "grant",
    [
        {"approved_until": "2026-05-30T00:00:00Z"},
        {"approved_until": "2026-04-30T20:15:00Z"},
        {"approved_at": "2026-04-30T20:15:00Z"},
        {"scope": {"kind": "resource_type"}},
    ],
)
def test_a_grant_beyond_what_was_allowed_is_no_sound_task(grant: dict[str, Any]) -> None:
    task = accepted(decide(opened(workflow()), "bob", approved_until=START + 9 * HOUR))
    state = to_json(task)
    assert faults_of(from_json(state, task.plans)) == []
    state["items"][0]["grant"] |= grant
    with pytest.raises(CorruptTask):
        from_json(state, task.plans)
