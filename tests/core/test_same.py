"""Structural comparison, as ARAP's Binding Token Integrity words it."""

from typing import Any

import pytest

from pdp.core.binding import same, same_subject


@pytest.mark.requirement("ARAP-101")
def test_the_order_of_members_does_not_count() -> None:
    assert same({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1})


@pytest.mark.requirement("ARAP-101")
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([1, 2], [2, 1]),
        ([1, 2], [1, 2, 3]),
        ({"a": None}, {}),
        (None, False),
        (None, ""),
        (0, False),
        (1, True),
        (1, "1"),
        ([], {}),
        ([[]], [{}]),
        ({"a": 1}, {"b": 1}),
        ("é", "e\u0301"),
        ("A", "a"),
        (9007199254740993, 9007199254740992.0),
    ],
)
def test_what_is_not_the_same(left: Any, right: Any) -> None:
    assert not same(left, right)
    assert not same(right, left)
    assert not same({"x": [left]}, {"x": [right]})


@pytest.mark.requirement("ARAP-102")
@pytest.mark.parametrize(("left", "right"), [(1, 1.0), (1.0, 1e0), (0, -0.0), (10**15, 1e15)])
def test_numbers_compare_by_value(left: Any, right: Any) -> None:
    assert same(left, right)


@pytest.mark.requirement("ARAP-100")
@pytest.mark.parametrize(
    "properties", [None, {}, {"act": {"sub": "agent"}}, {"act": None}], ids=str
)
def test_the_actor_of_a_subject_does_not_count(properties: Any) -> None:
    bare = {"type": "user", "id": "alice"}
    assert same_subject(bare, bare if properties is None else bare | {"properties": properties})


@pytest.mark.requirement("ARAP-096")
@pytest.mark.parametrize(
    "other",
    [
        {"type": "user", "id": "bob", "properties": {"level": 3}},
        {"type": "agent", "id": "alice", "properties": {"level": 3}},
        {"type": "user", "id": "alice", "properties": {"level": 4}},
        {"type": "user", "id": "alice", "properties": {"level": 3, "more": 1}},
        {"type": "user", "id": "alice", "properties": {}},
        {"type": "user", "id": "alice", "properties": {"level": 3}, "more": 1},
    ],
)
def test_anything_else_of_a_subject_does(other: dict[str, Any]) -> None:
    assert not same_subject(
        {"type": "user", "id": "alice", "properties": {"level": 3, "act": {"sub": "a"}}}, other
    )
