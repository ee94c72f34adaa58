"""The JSON Schemas that editors use for `workflows.yaml` and `mapping.yaml` say what we do."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.core import workflow
from pdp.core.workflow_parse import InvalidWorkflows, parse_workflows
from pdp.policy.source_yaml import parse_yaml

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "schemas" / "workflows.schema.json").read_text())
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA, offline=True)
MAPPING = jsonschema_rs.Draft202012Validator(
    json.loads((ROOT / "schemas" / "mapping.schema.json").read_text()), offline=True
)


def one(**members: Any) -> dict[str, Any]:
    return {"workflows": {"w": {"steps": [{"name": "s"}], **members}}}


def step(**members: Any) -> dict[str, Any]:
    return {"workflows": {"w": {"steps": [{"name": "s", **members}]}}}


def is_read(document: Any) -> bool:
    try:
        parse_workflows(document)
    except InvalidWorkflows:
        return False
    return True


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ("Workflow", workflow.Workflow),
        ("External", workflow.External),
        ("Interaction", workflow.Interaction),
        ("Emergency", workflow.Emergency),
        ("CatalogField", workflow.CatalogField),
    ],
)
def test_each_definition_has_the_members_of_its_value(definition: str, value: Any) -> None:
    known = set(SCHEMA["$defs"][definition]["properties"])
    own = {field.name for field in fields(value) if field.init} - {"version", "pointer"}
    # A workflow's name is its key.
    assert known == own - ({"name"} if definition == "Workflow" else set())


def test_a_step_has_the_members_of_its_value() -> None:
    forms = SCHEMA["$defs"]["Step"]["oneOf"]
    known = {member for form in forms for member in form["properties"]}
    assert known == {field.name for field in fields(workflow.Step)}


READ_BY_BOTH = [
    None,
    {"workflows": None},
    one(),
    one(title="T", description={"en": "a", "de-CH": "b", "*": "c"}, call_to_action="Ask"),
    one(denial_ttl="1d", task_ttl="2w", approval_ttl="PT30M", approval_ttl_max="1h30m"),
    one(scope="resource_type", narrowing=False, distinct_approvers=False, callbacks=False),
    one(form="forms/a.json", hide_payload=True, provisioning=True, standing=True),
    one(emergency={"approvers": ['User::"a"', {"type": "N::User", "id": "b"}], "ttl": "1h"}),
    one(catalogs={"/role": {"entity_type": "Role", "scope_params": {"team": "/team"}}}),
    one(catalogs={"/role": {"items": ["a", {"value": "b", "label": "B"}], "name": "roles"}}),
    step(approvals=2, queue="q", remind_after="4h", escalate_after="1d", escalate_to="boss"),
    step(kind="external", external={"url": "https://a.example/x", "secret": "s"}),
    step(kind="interaction", interaction={"url": "https://a.example/x?y", "ttl": "10m"}),
    step(kind="policy"),
    {"workflows": {"w": {"steps": [{"name": "g", "any_of": [{"name": "a"}, {"name": "b"}]}]}}},
    {"workflows": {"w": {"steps": [{"name": "g", "all_of": [{"name": "a"}]}]}}},
]
REFUSED_BY_BOTH = [
    [],
    {"workflow": {}},
    {"workflows": {"a b": {"steps": [{"name": "s"}]}}},
    {"workflows": {"w": {}}},
    {"workflows": {"w": {"steps": []}}},
    {"workflows": {"w": {"steps": [{}]}}},
    one(tittle="T"),
    one(title=""),
    one(title={"x y": "a"}),
    one(task_ttl="soon"),
    one(scope="everything"),
    one(single_use="yes"),
    one(form="/etc/passwd"),
    one(emergency={"approvers": ["alice"]}),
    one(catalogs={"role": {"entity_type": "Role"}}),
    one(catalogs={"/role": {"entity_type": "Role", "items": ["a"]}}),
    step(kind="robot"),
    step(approvals=0),
    step(kind="external", external={"url": "http://a.example/x", "secret": "s"}),
    step(kind="interaction", interaction={"url": "https://a.example/#x"}),
    step(any_of=[{"name": "a"}], approvals=2),
    step(any_of=[{"name": "a"}], all_of=[{"name": "b"}]),
]


@pytest.mark.parametrize("document", READ_BY_BOTH)
def test_what_is_right_is_right_for_both(document: Any) -> None:
    assert is_read(document)
    VALIDATOR.validate(document)


@pytest.mark.parametrize("document", REFUSED_BY_BOTH)
def test_what_is_wrong_is_wrong_for_both(document: Any) -> None:
    assert not is_read(document)
    assert not VALIDATOR.is_valid(document)


MEMBERS = st.sampled_from(sorted(SCHEMA["$defs"]["Workflow"]["properties"]))
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(["10m", "exact", "x", "", "forms/a.json", "a b", "1h"]),
    st.booleans(),
    st.integers(0, 3),
    st.just({"*": "text"}),
    st.just([{"name": "s"}]),
)


@given(st.dictionaries(MEMBERS, VALUES, max_size=3))
def test_editors_never_warn_of_what_is_read(members: dict[str, Any]) -> None:
    document = one(**members)
    if is_read(document):
        VALIDATOR.validate(document)


@pytest.mark.parametrize("file", ["policies/workflows.yaml", "policies/mapping.yaml"])
def test_the_demo_is_right_for_editors(file: str) -> None:
    validator = VALIDATOR if "workflows" in file else MAPPING
    validator.validate(parse_yaml((ROOT / file).read_bytes()).value)


@pytest.mark.parametrize(
    "document", [{"type": {}}, {"types": {"a": "b c"}}, {"actions": {"a": ""}}, {"types": []}]
)
def test_a_wrong_mapping_is_wrong_for_editors(document: Any) -> None:
    assert not MAPPING.is_valid(document)
