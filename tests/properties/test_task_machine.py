"""A hypothesis state machine over one request: its author may do anything at any time."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from pdp.core.task import open_questions
from pdp.core.task_ballot import Ballot
from pdp.core.task_clock import tick
from pdp.core.task_events import cancel, deny, expire, fail
from pdp.core.task_open import Wanted
from pdp.core.task_vote import vote
from tests.examples import times
from tests.properties.request_stories import PEOPLE, WANTED, Event
from tests.properties.request_world import World, check_whole, permits


class Request(RuleBasedStateMachine):
    """People, third parties, operators and the clock act on one request."""

    world: World

    @initialize(wanted=WANTED, restarts=st.booleans())
    def submit(self, wanted: list[Wanted], restarts: bool) -> None:
        self.world = World(wanted, restarts=restarts)

    @rule(minutes=st.integers(1, 600))
    def wait(self, minutes: int) -> None:
        self.world.happen(Event(minutes, "tick"))

    @rule(data=st.data(), person=st.sampled_from(PEOPLE), approve=st.booleans())
    def decide(self, data: st.DataObject, person: tuple[str, str], approve: bool) -> None:
        questions = open_questions(self.world.task)
        named = data.draw(st.none() | st.sets(st.integers(0, 2), min_size=1))
        terms: dict[str, Any] = {"decision": "approve" if approve else "deny"}
        if named is not None:
            terms["positions"] = tuple(named)
        change = self.world.happen(Event(0, "vote", person, terms))
        if change.refusal is None:
            assert any(permits(person, question) for question in questions)

    @rule(pick=st.integers(0, 5), outcome=st.sampled_from(["approved", "refused", "failed"]))
    def answer(self, pick: int, outcome: str) -> None:
        self.world.happen(Event(0, "answer", terms={"pick": pick, "outcome": outcome}))

    @rule(person=st.sampled_from(PEOPLE))
    def vote_without_permission(self, person: tuple[str, str]) -> None:
        before = self.world.task
        change = vote(before, Ballot(person, "approve"), {}, self.world.now)
        assert change.refusal is not None
        assert change.task == tick(before, self.world.now).task

    @precondition(lambda self: not self.world.task.pending)
    @rule(end=st.sampled_from([cancel, deny, fail, expire]))
    def end_again(self, end: Any) -> None:
        change = end(self.world.task, self.world.now)
        assert change.refusal is not None
        assert change.task == self.world.task

    @precondition(lambda self: self.world.task.pending)
    @rule(chance=st.integers(0, 9))
    def cancel(self, chance: int) -> None:
        if chance == 0:
            assert self.world.happen(Event(0, "cancel")).refusal is None
            assert not self.world.task.pending

    @rule(minutes=st.integers(0, 600))
    def look_ahead(self, minutes: int) -> None:
        later = self.world.now + timedelta(minutes=minutes)
        once = tick(self.world.task, later).task
        assert tick(once, later).task == once
        approved = [item for item in once.items if item.status == "approved"]
        assert approved == [item for item in self.world.task.items if item.status == "approved"]

    @invariant()
    def laws(self) -> None:
        check_whole(self.world)


Request.TestCase.settings = times(0.6, stateful_step_count=25)
TestRequest = pytest.mark.requirement("ARAP-149")(Request.TestCase)
