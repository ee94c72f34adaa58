"""Chains of actors: believed as far as the caller's credential proves every link."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.access_request.actors import require_actor
from pdp.core.values import JsonObject
from pdp.errors import Problem
from pdp.trust.callers import Caller

ISSUER = "https://login.example.com"
LINKS = ({"sub": "agent-7"}, {"sub": "planner", "iss": "https://other.example.com"}, {"sub": "hub"})
PROVEN = Caller(
    f"{ISSUER}#alice", frozenset({"pep"}), kind="token", client_id="app",
    actor_chain=LINKS, claims={"iss": ISSUER, "sub": "alice"},
)  # fmt: skip
KEYED = Caller("agent-9", frozenset({"pep"}))
TOKEN = Caller(
    f"{ISSUER}#agent-9", frozenset({"pep"}), kind="token", client_id="app",
    claims={"iss": ISSUER, "sub": "agent-9"},
)  # fmt: skip


def chain(*links: tuple[str, str | None]) -> JsonObject:
    """A `client.actor`, the present actor first."""
    found: JsonObject | None = None
    for place, (name, issuer) in reversed(list(enumerate(links))):
        names = ("sub", "iss") if place else ("id", "issuer")
        body: JsonObject = {names[0]: name} | ({names[1]: issuer} if issuer else {})
        found = body if found is None else body | {"act": found}
    assert found is not None
    return found


def test_without_an_actor_there_is_none() -> None:
    assert require_actor({"id": "app", "source": {"session_id": "s"}}, PROVEN) is None


@pytest.mark.requirement("ARAP-056")
@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_chain_that_the_credential_proves_is_believed(length: int) -> None:
    links = [("agent-7", None), ("planner", "https://other.example.com"), ("hub", ISSUER)]
    found = require_actor({"actor": chain(*links[:length])}, PROVEN)
    assert found is not None
    assert (found["id"], found["issuer"]) == ("agent-7", ISSUER)
    depth = 0
    while "act" in found:
        found, depth = found["act"], depth + 1
    assert depth == length - 1


@pytest.mark.requirement("ARAP-057")
@pytest.mark.requirement("ARAP-059")
@pytest.mark.parametrize(
    "actor",
    [
        chain(("agent-8", None)),
        chain(("planner", "https://other.example.com")),
        chain(("agent-7", "https://evil.example.com")),
        chain(("agent-7", None), ("planner", None)),
        chain(("agent-7", None), ("hub", None)),
        chain(("agent-7", None), ("planner", "https://other.example.com"), ("x", None)),
        chain(
            ("agent-7", None), ("planner", "https://other.example.com"), ("hub", None), ("y", None)
        ),
        chain(("alice", None)),
        chain(("app", None)),
    ],
    ids=[
        "other actor", "not the present one", "other issuer", "second of another issuer",
        "a link left out", "other third", "too long", "the subject", "the client",
    ],
)  # fmt: skip
def test_a_link_that_is_not_proven_refuses_all(actor: JsonObject) -> None:
    with pytest.raises(Problem) as refused:
        require_actor({"actor": actor}, PROVEN)
    assert refused.value.status == 403
    assert refused.value.errors[0]["pointer"] == "/client/actor"


def test_a_caller_may_name_itself() -> None:
    assert require_actor({"actor": {"id": "agent-9"}}, KEYED) == {"id": "agent-9"}
    named = require_actor({"actor": {"id": "agent-9", "type": "ai_agent", "x": 1}}, TOKEN)
    assert named == {"id": "agent-9", "issuer": ISSUER}
    assert require_actor({"actor": {"id": "app"}}, TOKEN) is not None


@pytest.mark.parametrize(
    ("actor", "caller"),
    [
        ({"id": "agent-9", "act": {"sub": "x"}}, KEYED),
        ({"id": "agent-9", "issuer": ISSUER}, KEYED),
        ({"id": "anonymous"}, Caller("anonymous", frozenset({"pep"}), kind="anonymous")),
    ],
)
def test_and_nothing_beyond_itself(actor: JsonObject, caller: Caller) -> None:
    with pytest.raises(Problem) as refused:
        require_actor({"actor": actor}, caller)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("actor", "pointer"),
    [
        ("agent-7", "/client/actor"),
        ({}, "/client/actor/id"),
        ({"id": 7}, "/client/actor/id"),
        ({"id": ""}, "/client/actor/id"),
        ({"id": "agent-7", "issuer": 5}, "/client/actor/issuer"),
        ({"id": "agent-7", "act": "x"}, "/client/actor/act"),
        ({"id": "agent-7", "act": {"iss": "x"}}, "/client/actor/act/sub"),
    ],
)
def test_a_misshapen_chain_is_refused_at_its_place(actor: Any, pointer: str) -> None:
    with pytest.raises(Problem) as refused:
        require_actor({"actor": actor}, PROVEN)
    assert (refused.value.status, refused.value.errors[0]["pointer"]) == (400, pointer)


NAMES = st.sampled_from(["agent-7", "planner", "hub", "alice", "app", "x"])
ISSUERS = st.sampled_from([None, ISSUER, "https://other.example.com", "https://evil.example.com"])


@given(st.lists(st.tuples(NAMES, ISSUERS), min_size=1, max_size=5))
def test_only_a_beginning_of_the_proven_chain_is_believed(
    links: list[tuple[str, str | None]],
) -> None:
    proven = [("agent-7", ISSUER), ("planner", "https://other.example.com"), ("hub", ISSUER)]
    meant = [(name, issuer or ISSUER) for name, issuer in links]
    try:
        believed = require_actor({"actor": chain(*links)}, PROVEN) is not None
    except Problem:
        believed = False
    assert believed == (meant == proven[: len(meant)])
