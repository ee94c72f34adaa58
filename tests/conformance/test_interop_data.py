"""The recorded requests and expected answers of the AuthZEN working group's interop events."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.worlds import (
    EVALUATION,
    EVALUATIONS,
    RESOURCE_SEARCH,
    SUBJECT_SEARCH,
    Pep,
    found_in,
)

_RECORDED = Path(__file__).parent.parent / "data"


def recorded(name: str, kind: str = "evaluation") -> list[dict[str, Any]]:
    """The cases of a file."""
    cases: list[dict[str, Any]] = json.loads((_RECORDED / name).read_text("utf-8"))[kind]
    return cases


@pytest.mark.requirement("AZ-001")
def test_every_recorded_evaluation_of_the_to_do_interop_is_answered_as_expected(todo: Pep) -> None:
    cases = recorded("interop_todo/decisions.json")
    replies = [todo.post(EVALUATION, case["request"]) for case in cases]
    assert {reply.status for reply in replies} == {200}
    wrong = [
        (case, reply.body)
        for case, reply in zip(cases, replies, strict=True)
        if reply.body["decision"] is not case["expected"]
    ]
    assert (len(cases), wrong) == (40, [])


@pytest.mark.requirement("AZ-020")
def test_every_recorded_batch_of_the_to_do_interop_is_answered_as_expected(todo: Pep) -> None:
    cases = recorded("interop_todo/decisions.json", "evaluations")
    replies = [todo.post(EVALUATIONS, case["request"]) for case in cases]
    assert len(cases) == 3
    for case, reply in zip(cases, replies, strict=True):
        assert reply.status == 200
        found = [{"decision": result["decision"]} for result in reply.body["evaluations"]]
        assert found == case["expected"], case


@pytest.mark.requirement("AZ-030")
@pytest.mark.parametrize(
    ("name", "path", "count"),
    [
        ("interop_search/subject.json", SUBJECT_SEARCH, 60),
        ("interop_search/resource.json", RESOURCE_SEARCH, 18),
    ],
)
def test_every_recorded_search_finds_exactly_what_is_expected(
    library: Pep, name: str, path: str, count: int
) -> None:
    cases = recorded(name)
    assert len(cases) == count
    for case in cases:
        reply = library.post(path, case["request"])
        found = found_in(path, case["request"], reply)
        assert sorted(found) == sorted(each["id"] for each in case["expected"]["results"]), case
