"""Rich authorization requests and scopes as questions."""

from typing import Any

import pytest

from pdp.core.rar import (
    DetailRule,
    InvalidDetails,
    Rules,
    ScopeRule,
    exceeds,
    questions,
    scope_exceeds,
)


def asked(details: Any = None, scope: str | None = None, rules: Rules | None = None) -> list[Any]:
    found = questions(details, scope, [], rules or Rules())
    return [(each.resource, each.action["name"]) for each in found]


@pytest.mark.requirement("AROP-008")
def test_an_object_is_the_resource_of_its_identifier_with_its_other_members() -> None:
    detail = {
        "type": "customer_records",
        "identifier": "c-4815",
        "actions": ["read", "write"],
        "datatypes": ["orders"],
        "privileges": ["admin"],
    }
    target = {
        "type": "customer_records",
        "id": "c-4815",
        "properties": {"datatypes": ["orders"], "privileges": ["admin"]},
    }
    assert asked([detail]) == [(target, "read"), (target, "write")]


@pytest.mark.requirement("AROP-008")
def test_without_an_identifier_each_location_counts_and_else_the_type() -> None:
    one, two = "https://crm.example/a", "https://crm.example/b"
    assert asked([{"type": "crm", "locations": [one, two], "actions": ["read"]}]) == [
        ({"type": "crm", "id": one}, "read"),
        ({"type": "crm", "id": two}, "read"),
    ]
    assert asked([{"type": "crm"}]) == [({"type": "crm", "id": "crm"}, "request")]


def test_a_scope_value_is_a_resource_and_nothing_is_asked_twice() -> None:
    found = asked([{"type": "crm"}, {"type": "crm"}], "crm:read  openid crm:read")
    assert found == [
        ({"type": "crm", "id": "crm"}, "request"),
        ({"type": "scope", "id": "crm:read"}, "request"),
        ({"type": "scope", "id": "openid"}, "request"),
    ]


def test_resource_indicators_are_asked_for_where_nothing_else_is() -> None:
    found = questions(None, None, ["https://crm.example"])
    assert [each.resource["id"] for each in found] == ["https://crm.example"]
    assert [each.part for each in questions([{"type": "a"}], None, ["https://b"])] == [
        "authorization_details"
    ]
    assert questions(None, None, []) == ()


@pytest.mark.requirement("AROP-009")
def test_rules_rename_and_take_ids_out_of_locations() -> None:
    rule = DetailRule(
        "record", "https://crm.example/records/{id}", {"read": "can_read"}, "see", ("datatypes",)
    )
    rules = Rules({"crm": rule}, (ScopeRule("doc:{id}:read", "document", "d-{id}", "read"),))
    detail = {
        "type": "crm",
        "locations": ["https://crm.example/records/7"],
        "actions": ["read", "write"],
        "datatypes": ["x"],
        "note": "not a property",
    }
    target = {"type": "record", "id": "7", "properties": {"datatypes": ["x"]}}
    assert asked([detail], "doc:9:read", rules) == [
        (target, "can_read"),
        (target, "write"),
        ({"type": "document", "id": "d-9"}, "read"),
    ]
    assert asked([{"type": "crm", "identifier": "7"}], None, rules) == [
        ({"type": "record", "id": "7"}, "see")
    ]


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/records/7",
        "https://crm.example/records/7/../8",
        "https://crm.example/records/",
        "https://crm.example/records/7?x=1",
        "https://crmXexample/records/7",
    ],
)
def test_a_location_that_does_not_fit_its_rule_is_refused(location: str) -> None:
    rules = Rules({"crm": DetailRule(location="https://crm.example/records/{id}")})
    with pytest.raises(InvalidDetails) as fault:
        questions([{"type": "crm", "locations": [location]}], None, [], rules)
    assert fault.value.at == "/authorization_details/0/locations/0"


@pytest.mark.parametrize(
    ("details", "at"),
    [
        ({}, "/authorization_details"),
        ([[]], "/authorization_details/0"),
        ([{}], "/authorization_details/0/type"),
        ([{"type": "a"}, {"type": ""}], "/authorization_details/1/type"),
        ([{"type": "a", "identifier": 7}], "/authorization_details/0/identifier"),
        ([{"type": "a", "actions": "read"}], "/authorization_details/0/actions"),
        ([{"type": "a", "locations": [""]}], "/authorization_details/0/locations"),
        ([{"type": "a"}] * 101, "/authorization_details"),
    ],
)
def test_details_of_another_shape_are_refused(details: Any, at: str) -> None:
    with pytest.raises(InvalidDetails) as fault:
        questions(details, None, [])
    assert fault.value.at == at


@pytest.mark.requirement("DTR-051", "AROP-039")
def test_more_than_was_asked_is_seen() -> None:
    details = [{"type": "a", "actions": ["read"]}]
    assert not exceeds(details, details)
    assert not exceeds(None, details)
    assert exceeds([{"type": "a", "actions": ["read", "write"]}], details)
    assert exceeds(details, None)
    assert not scope_exceeds("a", "b a")
    assert scope_exceeds("a c", "b a")
    assert scope_exceeds("a", None)
