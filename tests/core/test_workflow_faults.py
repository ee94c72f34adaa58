"""What is said about mistakes in `workflows.yaml`: all at once, each with its place."""

from typing import Any

import pytest

from pdp.core.workflow_parse import InvalidWorkflows, parse_workflows


def _faults(body: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidWorkflows) as caught:
        parse_workflows(body)
    return [(fault.pointer, fault.message) for fault in caught.value.faults]


def _fault_of(**members: Any) -> tuple[str, str]:
    body = {"steps": [{"name": "one"}]} | members
    faults = _faults({"workflows": {"flow": body}})
    assert len(faults) == 1, faults
    pointer, message = faults[0]
    return pointer.removeprefix("/workflows/flow"), message


@pytest.mark.requirement("ARAP-165")
@pytest.mark.parametrize("wish", ["approve", "approved", "allow", "grant", True])
def test_no_setting_lets_a_timeout_approve(wish: Any) -> None:
    step = {"name": "one", "timeout": "1h", "on_timeout": wish}
    pointer, message = _fault_of(steps=[step])
    assert pointer == "/steps/0/on_timeout"
    assert message.startswith("must be `escalate` or `deny`")


def test_every_fault_is_told_at_once_with_its_place() -> None:
    found = _faults(
        {
            "workflows": {
                "a b": {"steps": [{"name": "x"}]},
                "flow": {"title": "", "scop": "exact", "steps": [{"kind": "robot"}]},
                "none": [],
            },
            "extra": 1,
        }
    )
    assert found == [
        ("/workflows/a b", "must be a name of letters, digits, `_`, `.` and `-`, at most 64 long"),
        ("/workflows/flow/steps/0", "`name` is required"),
        (
            "/workflows/flow/steps/0/kind",
            "must be `human`, `policy`, `external` or `interaction`, not `robot`",
        ),
        ("/workflows/flow/title", "must be a text that is not empty"),
        ("/workflows/flow/scop", "`scop` is not known: did you mean `scope`?"),
        ("/workflows/none", "must be an object"),
        ("/extra", "`extra` is not known"),
    ]


@pytest.mark.parametrize(
    ("members", "pointer", "message"),
    [
        ({"steps": []}, "/steps", "must be a list that is not empty"),
        ({"steps": {"name": "x"}}, "/steps", "must be a list that is not empty"),
        ({"steps": None}, "", "`steps` is required: a list of steps, each with a `name`"),
        ({"denial_ttl": "2d"}, "/denial_ttl", "must not be longer than `1d`"),
        (
            {"task_ttl": 600},
            "/task_ttl",
            "`600` is not a duration such as `10m`, `4h`, `3d` or `PT1H`",
        ),
        (
            {"approval_ttl": "2d", "approval_ttl_max": "1d"},
            "/approval_ttl",
            "must not be longer than `approval_ttl_max`",
        ),
        ({"single_use": "yes"}, "/single_use", "must be true or false, not `yes`"),
        (
            {"single_use": True, "standing": True},
            "/standing",
            "a single-use approval cannot be a standing one",
        ),
        (
            {"single_use": True, "scope": "resource_type"},
            "/scope",
            "a single-use approval covers exactly what was asked",
        ),
        ({"form": "../x.json"}, "/form", "must be a path below the schema folder"),
        ({"form": "/etc/x.json"}, "/form", "must be a path below the schema folder"),
        (
            {"title": {"english!": "x"}},
            "/title",
            "`english!` is not a language such as `en` or `de-CH`",
        ),
        ({"emergency": True}, "/emergency", "must be an object"),
        (
            {"emergency": {"approvers": ["erin"]}},
            "/emergency/approvers/0",
            'must be an entity such as `User::"alice"`',
        ),
        (
            {"emergency": {"ttl": "5h"}},
            "/emergency/ttl",
            "must not be longer than the workflow's `approval_ttl`",
        ),
        (
            {"catalogs": {"role": {"items": ["x"]}}},
            "/catalogs/role",
            "must be a JSON Pointer such as `/requested_access/role`",
        ),
        ({"catalogs": {"/role": {}}}, "/catalogs/~1role", "needs either `entity_type` or `items`"),
        (
            {"catalogs": {"/role": {"items": ["x"], "scope_params": {"limit": "/a"}}}},
            "/catalogs/~1role/scope_params/limit",
            "`limit` is a parameter already",
        ),
    ],
)
def test_what_is_wrong_with_a_workflow(members: Any, pointer: str, message: str) -> None:
    assert _fault_of(**members) == (pointer, message)


@pytest.mark.parametrize(
    ("step", "pointer", "message"),
    [
        (
            {"name": "a b"},
            "/name",
            "must be a name of letters, digits, `_`, `.` and `-`, at most 64 long",
        ),
        ({"name": "a", "approvals": 0}, "/approvals", "must be a whole number from 1 to 50"),
        ({"name": "a", "approvals": True}, "/approvals", "must be a whole number from 1 to 50"),
        (
            {"name": "a", "kind": "interaction", "approvals": 2},
            "/approvals",
            "only a `human` step counts approvals",
        ),
        ({"name": "a", "escalate_after": "1h"}, "/escalate_after", "needs `escalate_to`"),
        ({"name": "a", "on_timeout": "deny"}, "/on_timeout", "needs `timeout`"),
        (
            {"name": "a", "timeout": "1h", "on_timeout": "escalate"},
            "/on_timeout",
            "needs `escalate_to`",
        ),
        (
            {"name": "a", "escalate_to": "b"},
            "/escalate_to",
            "needs `escalate_after`, or `timeout` with `on_timeout: escalate`",
        ),
        (
            {"name": "a", "escalate_to": "b", "escalate_after": "2h", "timeout": "1h"},
            "/escalate_after",
            "must be shorter than `timeout`",
        ),
        (
            {"name": "a", "kind": "policy", "timeout": "1h"},
            "/timeout",
            "a `policy` step is decided at once and waits for nothing",
        ),
        (
            {"name": "a", "external": {"url": "https://x.example", "secret": "s"}},
            "/external",
            "belongs to a step of the kind `external`",
        ),
        (
            {
                "name": "a",
                "kind": "external",
                "external": {"url": "http://x.example", "secret": "s"},
            },
            "/external/url",
            "must be an absolute https URL",
        ),
        (
            {"name": "a", "kind": "external", "external": {"url": "https://x.example"}},
            "/external/url",
            "needs `secret`: the call is signed",
        ),
        (
            {"name": "a", "kind": "interaction", "interaction": {"url": "https://x.example/#a"}},
            "/interaction/url",
            "must be an absolute https URL without a fragment",
        ),
        (
            {"name": "a", "any_of": [{"name": "b"}], "queue": "q"},
            "/queue",
            "`queue` is not known in a group of steps: it belongs to the steps of the group",
        ),
        (
            {"name": "a", "any_of": [{"name": "b"}], "all_of": [{"name": "c"}]},
            "",
            "a group has either `any_of` or `all_of`",
        ),
    ],
)
def test_what_is_wrong_with_a_step(step: Any, pointer: str, message: str) -> None:
    assert _fault_of(steps=[step]) == (f"/steps/0{pointer}", message)


def test_two_steps_of_a_workflow_have_different_names() -> None:
    steps = [{"name": "a"}, {"name": "g", "any_of": [{"name": "b"}, {"name": "a"}]}]
    assert _fault_of(steps=steps) == ("/steps", "two steps are named `a`")


def test_a_step_waits_less_long_than_the_task_lives() -> None:
    found = _fault_of(steps=[{"name": "a", "timeout": "2h"}], task_ttl="2h")
    assert found == ("/steps", "step `a`: `timeout` must be shorter than `task_ttl`")


def test_groups_nest_only_so_deep() -> None:
    step: dict[str, Any] = {"name": "s0"}
    for level in range(1, 5):
        step = {"name": f"s{level}", "any_of": [step]}
    pointer, message = _fault_of(steps=[step])
    assert message == "groups must not be nested deeper than 3 levels"
    assert pointer == "/steps/0/any_of/0/any_of/0/any_of/0"


@pytest.mark.parametrize("body", [[], "x", 3, {"workflows": []}, {"workflows": {"a": None}}])
def test_nothing_that_yaml_can_hold_crashes_the_reader(body: Any) -> None:
    assert _faults(body)


def test_the_exception_reads_well() -> None:
    with pytest.raises(InvalidWorkflows, match=r"^/workflows/a/steps/0: `name` is required$"):
        parse_workflows({"workflows": {"a": {"steps": [{}]}}})
