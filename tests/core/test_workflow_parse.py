"""`workflows.yaml`: what it may say, the defaults, and what is said about mistakes."""

import json
from datetime import timedelta
from typing import Any

import pytest

from pdp.core.workflow import Emergency, External, Step, Workflow
from pdp.core.workflow_json import workflow_to_json
from pdp.core.workflow_parse import (
    parse_workflows,
    version_of,
    workflow_from_json,
)
from tests.core.making import workflow

EVERYTHING: dict[str, Any] = {
    "title": {"en": "Manager approval", "de-CH": "Freigabe"},
    "description": "Your manager is asked.",
    "call_to_action": "Request access",
    "reason": "approval_required",
    "denial_ttl": "10m",
    "task_ttl": "3d",
    "approval_ttl": "4h",
    "approval_ttl_max": "7d",
    "scope": "resource_type",
    "single_use": False,
    "standing": True,
    "narrowing": False,
    "distinct_approvers": False,
    "form": "forms/manager.json",
    "catalogs": {
        "/requested_access/role": {
            "name": "roles",
            "entity_type": "App::Role",
            "action": "request_role",
            "label": "title",
            "search_param": "search",
            "scope_params": {"department": "/context/department"},
            "value_path": "/id",
            "label_path": "/name",
        },
        "/requested_access/size": {"items": ["s", {"value": "l", "label": "Large"}]},
    },
    "hide_payload": True,
    "provisioning": True,
    "callbacks": False,
    "emergency": {
        "approvers": ['User::"erin"', {"type": "User", "id": 'o"k'}],
        "ttl": "30m",
        "review_within": "1d",
        "justification": 30,
        "queue": "war-room",
        "notify": ["security", "owners"],
    },
    "steps": [
        {"name": "risk", "kind": "policy"},
        {
            "name": "eyes",
            "title": "Two pairs of eyes",
            "all_of": [
                {
                    "name": "manager",
                    "kind": "human",
                    "approvals": 2,
                    "queue": "managers",
                    "remind_after": "4h",
                    "remind_times": 5,
                    "escalate_after": "1d",
                    "escalate_to": "security",
                    "timeout": "2d",
                    "on_timeout": "deny",
                },
                {"name": "either", "any_of": [{"name": "a"}, {"name": "b"}]},
            ],
        },
        {
            "name": "fraud",
            "kind": "external",
            "external": {"url": "https://fraud.example/check", "secret": "fraud"},
            "timeout": "1h",
            "on_timeout": "escalate",
            "escalate_to": "fraud-desk",
        },
        {
            "name": "consent",
            "kind": "interaction",
            "interaction": {"url": "https://id.example/verify", "ttl": "20m", "title": "Verify"},
        },
    ],
}


def test_only_a_step_with_a_name_is_needed_and_the_defaults_are_those_documented() -> None:
    flow = workflow({"name": "manager"})
    assert flow == Workflow(
        name="flow",
        steps=(Step("manager", kind="human", approvals=1, queue="flow"),),
        reason="approval_required",
        denial_ttl=timedelta(minutes=10),
        task_ttl=timedelta(days=3),
        approval_ttl=timedelta(hours=4),
        approval_ttl_max=timedelta(days=7),
        scope="exact",
        single_use=False,
        distinct_approvers=True,
        version=flow.version,
    )


def test_every_member_is_read() -> None:
    flow = parse_workflows({"workflows": {"all": EVERYTHING}}).get("all")
    assert flow is not None
    assert flow.title == (("en", "Manager approval"), ("de-CH", "Freigabe"))
    assert flow.emergency == Emergency(
        (("User", "erin"), ("User", 'o"k')),
        timedelta(minutes=30),
        timedelta(days=1),
        30,
        "war-room",
        ("security", "owners"),
    )
    assert [leaf.name for leaf in flow.leaves()] == [
        "risk",
        "manager",
        "a",
        "b",
        "fraud",
        "consent",
    ]
    assert flow.steps[2].external == External("https://fraud.example/check", "fraud")
    assert flow.queues() == {"all", "managers", "security", "fraud-desk", "war-room"}
    assert [field.name for field in flow.catalogs] == ["roles", "all.size"]
    assert flow.catalogs[1].items == (("s", "s"), ("l", "Large"))


@pytest.mark.parametrize("body", [EVERYTHING, {"steps": [{"name": "one"}]}], ids=["all", "least"])
def test_a_frozen_workflow_comes_back_as_it_was(body: Any) -> None:
    flow = parse_workflows({"workflows": {"all": body}}).get("all")
    assert flow is not None
    written = json.loads(json.dumps(workflow_to_json(flow)))
    assert workflow_from_json("all", written) == flow


def test_the_order_of_the_file_is_kept() -> None:
    body = {name: {"steps": [{"name": "s"}]} for name in ("zebra", "ant", "moose")}
    assert parse_workflows({"workflows": body}).names == ("zebra", "ant", "moose")


@pytest.mark.parametrize("body", [None, {}, {"workflows": None}, {"workflows": {}}])
def test_there_need_be_no_workflow(body: Any) -> None:
    assert len(parse_workflows(body)) == 0


def test_the_version_covers_the_whole_definition_and_nothing_but_it() -> None:
    plain = workflow({"name": "one"})
    assert (
        plain.version
        == workflow({"name": "one", "approvals": 1}, reason="approval_required").version
    )
    assert plain.version != workflow({"name": "one", "approvals": 2}).version
    assert plain.version != workflow({"name": "one"}, title="New").version
    assert plain.version == version_of(plain)
    assert len(plain.version) == 64


def test_a_default_life_gives_way_to_a_shorter_maximum() -> None:
    assert workflow(approval_ttl_max="1h").approval_ttl == timedelta(hours=1)
    assert workflow(approval_ttl="30d").approval_ttl_max == timedelta(days=30)


def test_a_timeout_with_somebody_to_escalate_to_escalates() -> None:
    step = workflow({"name": "a", "timeout": "1h", "escalate_to": "b"}).steps[0]
    assert step.on_timeout == "escalate"
    step = workflow({"name": "a", "timeout": "1h"}).steps[0]
    assert step.on_timeout == "deny"
