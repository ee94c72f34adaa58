"""Chains of actors: what is claimed against what a credential proves."""

from typing import Any

import pytest

from pdp.core.actor import Actor, InvalidActor, claimed_chain, is_proven, proven_chain

IDP = "https://idp.example"
CLAIM = {
    "id": "agent-7",
    "issuer": IDP,
    "type": "ai_agent",
    "act": {"sub": "orchestrator", "iss": IDP, "sub_profile": "service"},
}
PROVEN = (Actor("agent-7", IDP), Actor("orchestrator", IDP))


@pytest.mark.requirement("ARAP-059")
def test_a_chain_is_read_from_the_immediate_actor_outward() -> None:
    assert claimed_chain(CLAIM) == PROVEN
    assert claimed_chain(None) == ()
    assert proven_chain([{"sub": "agent-7", "iss": IDP}, {"sub": "x"}]) == (PROVEN[0], Actor("x"))


@pytest.mark.requirement("ARAP-056")
@pytest.mark.requirement("ARAP-057")
@pytest.mark.parametrize(
    ("claimed", "holds"),
    [
        ((), True),
        (PROVEN[:1], True),
        (PROVEN, True),
        ((*PROVEN, Actor("root", IDP)), False),
        ((PROVEN[1], PROVEN[0]), False),
        ((PROVEN[0], Actor("other", IDP)), False),
        ((PROVEN[0], Actor("orchestrator", "https://evil.example")), False),
        ((Actor("agent-7"),), True),
        ((Actor("agent-7", "https://evil.example"),), False),
    ],
)
def test_every_link_must_be_covered(claimed: tuple[Actor, ...], holds: bool) -> None:
    assert is_proven(claimed, PROVEN, IDP) == holds


def test_a_link_without_an_issuer_is_of_the_credentials() -> None:
    assert is_proven([Actor("a", IDP)], [Actor("a")], IDP)
    assert not is_proven([Actor("a", IDP)], [Actor("a")], "https://other.example")


def _deep(levels: int) -> dict[str, Any]:
    link: dict[str, Any] = {"sub": "a"}
    for _ in range(levels):
        link = {"sub": "a", "act": link}
    return {"id": "a", "act": link}


@pytest.mark.parametrize(
    ("actor", "at"),
    [
        ("agent", "/client/actor"),
        ({}, "/client/actor/id"),
        ({"id": ""}, "/client/actor/id"),
        ({"sub": "agent"}, "/client/actor/id"),
        ({"id": "a", "issuer": 7}, "/client/actor/issuer"),
        ({"id": "a", "act": {"id": "b"}}, "/client/actor/act/sub"),
        ({"id": "a", "act": []}, "/client/actor/act"),
        (_deep(20), "/client/actor" + "/act" * 10),
    ],
)
def test_a_malformed_chain_is_refused_with_its_place(actor: Any, at: str) -> None:
    with pytest.raises(InvalidActor) as caught:
        claimed_chain(actor)
    assert caught.value.at == at
