"""AuthZEN 1.0 certification scenario, level Search, Core and Properties."""

from typing import Any

import pytest

from tests.conformance.fixture import (
    ALICE,
    ARCHIVED,
    BOB_AS_ADMIN,
    ENVIRONMENT,
    READ,
    RECORD_1,
    WRITE,
)
from tests.conformance.worlds import (
    ACTION_SEARCH,
    RESOURCE_SEARCH,
    SUBJECT_SEARCH,
    Pep,
    found_in,
)

USER: dict[str, Any] = {"type": "user"}
RECORD: dict[str, Any] = {"type": "record"}
READERS: dict[str, Any] = {"subject": USER, "action": READ, "resource": RECORD_1}
READABLE: dict[str, Any] = {"subject": ALICE, "action": READ, "resource": RECORD}
ALLOWED: dict[str, Any] = {"subject": ALICE, "resource": RECORD_1}


@pytest.mark.requirement("AZ-030")
@pytest.mark.parametrize("context", [{}, {"context": ENVIRONMENT}], ids=["plain", "context"])
def test_searches_find_what_the_core_fixture_allows(pep: Pep, context: dict[str, Any]) -> None:
    assert {"alice", "bob"} <= set(pep.finds(SUBJECT_SEARCH, READERS | context))
    assert "record-1" in pep.finds(RESOURCE_SEARCH, READABLE | context)
    assert {"read", "write"} <= set(pep.finds(ACTION_SEARCH, ALLOWED | context))


@pytest.mark.requirement("AZ-030")
@pytest.mark.parametrize(
    ("path", "asked"),
    [(SUBJECT_SEARCH, READERS), (RESOURCE_SEARCH, READABLE), (ACTION_SEARCH, ALLOWED)],
)
def test_the_context_changes_nothing(pep: Pep, path: str, asked: dict[str, Any]) -> None:
    assert pep.finds(path, asked | {"context": ENVIRONMENT}) == pep.finds(path, asked)


@pytest.mark.requirement("AZ-031")
def test_the_id_of_what_is_searched_for_is_ignored(pep: Pep) -> None:
    readers, readable = pep.finds(SUBJECT_SEARCH, READERS), pep.finds(RESOURCE_SEARCH, READABLE)
    assert pep.finds(SUBJECT_SEARCH, READERS | {"subject": ALICE}) == readers
    assert pep.finds(RESOURCE_SEARCH, READABLE | {"resource": RECORD_1}) == readable


@pytest.mark.requirement("AZ-030")
def test_searches_look_at_properties(pep: Pep) -> None:
    writers = {"subject": USER, "action": WRITE, "resource": ARCHIVED}
    assert "bob" in pep.finds(SUBJECT_SEARCH, writers)
    writable = {"subject": BOB_AS_ADMIN, "action": WRITE, "resource": RECORD}
    assert "record-2" in pep.finds(RESOURCE_SEARCH, writable)
    allowed = {"subject": BOB_AS_ADMIN, "resource": ARCHIVED}
    assert "write" in pep.finds(ACTION_SEARCH, allowed)


@pytest.mark.requirement("AZ-034")
def test_a_limit_of_one_gives_pages_that_a_bare_token_continues(pep: Pep) -> None:
    reply = pep.post(SUBJECT_SEARCH, READERS | {"page": {"limit": 1}})
    found = found_in(SUBJECT_SEARCH, READERS, reply)
    assert len(found) == 1
    while token := reply.body["page"]["next_token"]:
        assert len(found) < 20
        # The scenario's second request, like the specification's example, repeats no limit.
        reply = pep.post(SUBJECT_SEARCH, READERS | {"page": {"token": token}})
        found += found_in(SUBJECT_SEARCH, READERS, reply)
    assert found == pep.finds(SUBJECT_SEARCH, READERS)


@pytest.mark.requirement("AZ-032")
@pytest.mark.parametrize(
    ("path", "asked"),
    [
        (SUBJECT_SEARCH, READERS | {"subject": {"type": "spaceship"}}),
        (SUBJECT_SEARCH, READERS | {"resource": {"type": "spaceship", "id": "record-1"}}),
        (SUBJECT_SEARCH, READERS | {"resource": {"type": "record", "id": "nonexistent"}}),
        (RESOURCE_SEARCH, READABLE | {"resource": {"type": "spaceship"}}),
        (RESOURCE_SEARCH, READABLE | {"subject": {"type": "user", "id": "nonexistent-user"}}),
        (RESOURCE_SEARCH, READABLE | {"subject": {"type": "spaceship", "id": "alice"}}),
        (ACTION_SEARCH, ALLOWED | {"subject": {"type": "user", "id": "nonexistent-user"}}),
        (ACTION_SEARCH, ALLOWED | {"subject": {"type": "spaceship", "id": "alice"}}),
        (ACTION_SEARCH, ALLOWED | {"resource": {"type": "spaceship", "id": "record-1"}}),
        (ACTION_SEARCH, ALLOWED | {"resource": {"type": "record", "id": "nonexistent"}}),
    ],
)
def test_what_is_unknown_is_found_nowhere(pep: Pep, path: str, asked: dict[str, Any]) -> None:
    assert pep.finds(path, asked) == []


@pytest.mark.requirement("AZ-031")
@pytest.mark.parametrize(
    ("path", "asked"),
    [
        (SUBJECT_SEARCH, {"subject": USER, "resource": RECORD_1}),
        (RESOURCE_SEARCH, {"action": READ, "resource": RECORD}),
        (ACTION_SEARCH, {"subject": ALICE}),
        (SUBJECT_SEARCH, {"subject": USER, "action": READ, "resource": RECORD}),
        (RESOURCE_SEARCH, {"subject": USER, "action": READ, "resource": RECORD}),
        (ACTION_SEARCH, {"subject": USER, "resource": RECORD_1}),
        (ACTION_SEARCH, {"subject": ALICE, "resource": RECORD}),
    ],
)
def test_a_search_needs_its_input_entities_whole(
    pep: Pep, path: str, asked: dict[str, Any]
) -> None:
    assert pep.post(path, asked).status == 400
