"""Canonical JSON."""

from typing import Any

import pytest
import rfc8785

from pdp.core.jcs import NotCanonical, canonical, fingerprint


@pytest.mark.parametrize(
    "value",
    [
        {"b": [1, True, None, "x"], "a": {}, "c": []},
        {"text": 'quote " slash / back \\ tab \t nul \x00 del \x7f'},
        {"é": 1, "z": 2, "\ufb33": 3, "😀": 4},
        [1.5, 1e21, 1e-7, -0.0, 2**53 - 1, -(2**53) + 1],
        "plain",
        7,
        None,
    ],
)
def test_the_fast_way_writes_what_the_library_writes(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ({"a": [{"b/c": 2**53}]}, "/a/0/b~1c"),
        ([1.0, float("nan")], "/1"),
        ({"x": float("inf")}, "/x"),
        ({"x": "\ud800"}, "/x"),
        ({"\ud800": 1}, "/\ud800"),
        (-(2**53), ""),
    ],
)
def test_what_has_no_canonical_form_is_named(value: Any, at: str) -> None:
    with pytest.raises(NotCanonical) as caught:
        canonical(value)
    assert caught.value.at == at


def test_bottomless_nesting_is_refused() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotCanonical, match="deep"):
        canonical(value)


@pytest.mark.requirement("ARAP-118")
@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ({"a": 1, "b": [1.0, {}]}, {"b": [1, {}], "a": 1.0}, True),
        ({"a": 2**60, "b": 1}, {"b": 1, "a": 2**60}, True),
        ({"a": 2**60}, {"a": 2**60 + 1}, False),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": None}, {}, False),
        ({"items": [{"x": 1}]}, {"items": [{"x": 2}]}, False),
        (1, True, False),
    ],
)
def test_a_fingerprint_is_of_the_meaning(left: Any, right: Any, equal: bool) -> None:
    assert (fingerprint(left) == fingerprint(right)) == equal
