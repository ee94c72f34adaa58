"""What the engine says about a slice is what it says about the whole set (design.md, law 1)."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.policy.authorizer import Answer, Authorizer
from pdp.policy.extension_values import cedar_datetime
from pdp.policy.slicing import TemplateLink
from tests.examples import times
from tests.policy.building import NOON, authorizer_of, policies_of
from tests.properties.cedar_world import Maker, Verdict, World, whole

CALLER = {"id": "pep", "a": {"__entity": {"type": "User", "id": "a"}}}


def check(seed: int, size: int) -> None:
    """Every request of a drawn world is decided alike by the slices and by the whole set."""
    maker = Maker(Random(seed), size)
    world = maker.world()
    authorizer = authorizer_in(world)
    requests = [maker.request() for _ in range(10)]
    answers = [authorizer.decide(each, now=NOON, caller=CALLER) for each in requests]
    for request, answer in zip(requests, answers, strict=True):
        context: dict[str, Any] = {**request.context, "now": cedar_datetime(NOON), "caller": CALLER}
        assert verdict_of(answer, authorizer) == whole(world, request, context), request
    several = authorizer.decide_many(requests, now=NOON, caller=CALLER)
    assert [verdict_of(each, authorizer) for each in several] == [
        verdict_of(each, authorizer) for each in answers
    ]


def authorizer_in(world: World) -> Authorizer:
    """The world, sliced."""
    policies = policies_of(*world.texts)
    links = [
        TemplateLink(policies[link.template], link.principal, link.resource) for link in world.links
    ]
    return authorizer_of((), world.entities, links=links, policies=policies)


def verdict_of(answer: Answer, authorizer: Authorizer) -> Verdict:
    """An answer with its policies by position; a link counts as its template."""
    position = {policy: index for index, policy in enumerate(authorizer.bundle.policies)}
    return Verdict(
        answer.allowed,
        sorted(position[policy] for policy in answer.determining),
        sorted((position[policy], text) for policy, text in answer.errors if policy),
    )


@given(seed=st.integers(0, 2**48), size=st.integers(1, 16))
@times(2.5)
def test_a_slice_decides_as_the_whole_set_does(seed: int, size: int) -> None:
    check(seed, size)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@given(seed=st.integers(0, 2**48), size=st.integers(1, 40))
@settings(max_examples=3000, deadline=None)
def test_a_slice_decides_as_the_whole_set_does_in_many_worlds(seed: int, size: int) -> None:
    check(seed, size)
