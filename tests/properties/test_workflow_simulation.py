"""Random workflows against a simulated clock, with restarts and late timers at any tick."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.task_clock import next_wake, tick
from pdp.core.task_open import Wanted
from pdp.core.workflow import Workflow
from pdp.core.workflow_json import workflow_to_json
from pdp.core.workflow_parse import workflow_from_json
from tests.examples import times
from tests.properties.request_stories import EVENTS, START, WANTED, Event, workflows
from tests.properties.request_world import World, check_whole

Wishes = list[Wanted]
Story = list[Event]
_STORIES = st.lists(EVENTS, min_size=2, max_size=15)


@given(workflows())
def test_any_workflow_survives_being_frozen(flow: Workflow) -> None:
    assert workflow_from_json(flow.name, workflow_to_json(flow)) == flow


@pytest.mark.requirement("ARAP-135")
@pytest.mark.requirement("ARAP-149")
@pytest.mark.requirement("ARAP-165")
@pytest.mark.requirement("ARAP-166")
@times(4)
@given(WANTED, _STORIES)
def test_whatever_happens_the_laws_hold(wanted: Wishes, story: Story) -> None:
    world = World(wanted)
    for event in story:
        world.happen(event)
    check_whole(world)


@given(WANTED, _STORIES)
def test_a_restart_at_every_tick_changes_nothing(wanted: Wishes, story: Story) -> None:
    steady, restarted = World(wanted), World(wanted, restarts=True)
    for event in story:
        steady.happen(event)
        restarted.happen(event)
        assert restarted.task == steady.task
    assert restarted.effects == steady.effects


@given(WANTED, _STORIES, st.data())
def test_timers_that_run_late_early_or_twice_change_nothing(
    wanted: Wishes,
    story: Story,
    data: st.DataObject,
) -> None:
    lazy, eager = World(wanted), World(wanted)
    for event in story:
        for minutes in data.draw(st.lists(st.integers(0, event.minutes), max_size=2).map(sorted)):
            eager.take(tick(eager.task, eager.now + timedelta(minutes=minutes)))
        lazy.happen(event)
        eager.happen(event)
        assert eager.task == lazy.task
    check_whole(eager)


@pytest.mark.requirement("ARAP-150")
@pytest.mark.requirement("ARAP-183")
@given(WANTED, _STORIES)
def test_every_request_ends_and_wakes_itself_until_it_has(wanted: Wishes, story: Story) -> None:
    world = World(wanted)
    for event in story:
        world.happen(event)
    approved = [item.position for item in world.task.items if item.status == "approved"]
    for _ in range(500):
        moment = next_wake(world.task)
        if moment is None:
            break
        before = world.task
        world.take(tick(world.task, max(moment, world.now)))
        assert world.task != before
    assert not world.task.pending
    assert world.task.closed_at is not None
    assert world.task.closed_at <= START + timedelta(hours=40)
    assert approved == [item.position for item in world.task.items if item.status == "approved"]
    check_whole(world)
