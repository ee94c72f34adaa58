"""The data of the AuthZEN working group's interop events, against real servers."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.evaluation.conftest import DATA
from tests.server import running


def _cases(world: str, file: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads((DATA / world / file).read_text("utf-8"))
    return found


@pytest.mark.parametrize("with_schema", [True, False], ids=["schema", "no-schema"])
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.requirement("AZ-001", "AZ-020")
def test_the_todo_scenario_holds(tmp_path: Path, with_schema: bool, workers: int) -> None:
    world = DATA / "interop_todo"
    schemas = world / "schemas" if with_schema else None
    with (
        running(tmp_path, policies=world / "policies", schemas=schemas, workers=workers) as server,
        server.client() as client,
    ):
        cases = _cases("interop_todo", "decisions.json")
        for case in cases["evaluation"]:
            answer = client.post("/access/v1/evaluation", json=case["request"])
            assert answer.json()["decision"] is case["expected"], case
        for case in cases["evaluations"]:
            answer = client.post("/access/v1/evaluations", json=case["request"])
            assert _decisions(answer.json()["evaluations"]) == _decisions(case["expected"]), case


@pytest.mark.parametrize("with_schema", [True, False], ids=["schema", "no-schema"])
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.requirement("AZ-030", "AZ-033")
def test_the_search_scenario_holds(tmp_path: Path, with_schema: bool, workers: int) -> None:
    world = DATA / "interop_search"
    schemas = world / "schemas" if with_schema else None
    with (
        running(tmp_path, policies=world / "policies", schemas=schemas, workers=workers) as server,
        server.client() as client,
    ):
        for kind in ("subject", "resource"):
            for case in _cases("interop_search", f"{kind}.json")["evaluation"]:
                answer = client.post(f"/access/v1/search/{kind}", json=case["request"])
                expected = case["expected"]["results"]
                assert _sorted(answer.json()["results"]) == _sorted(expected), case
                _every_result_would_be_allowed(client, kind, case["request"], expected)


def _every_result_would_be_allowed(
    client: httpx.Client, kind: str, request: dict[str, Any], results: list[dict[str, Any]]
) -> None:
    if not results:
        return
    items = [{kind: {**request[kind], **result}} for result in results]
    answer = client.post("/access/v1/evaluations", json={**request, "evaluations": items})
    assert all(_decisions(answer.json()["evaluations"]))


def _decisions(items: list[dict[str, Any]]) -> list[bool]:
    return [item["decision"] for item in items]


def _sorted(results: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted((result["type"], result["id"]) for result in results)
