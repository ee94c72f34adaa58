"""The part `oauth` of `mapping.yaml`."""

from typing import Any

import pytest

from pdp.core.rar import DetailRule, Rules, ScopeRule
from pdp.policy.source_oauth import read_rules


def read(members: Any) -> tuple[Rules, list[tuple[object, ...]]]:
    faults: list[tuple[object, ...]] = []
    rules = read_rules(members, lambda at, text: faults.append(tuple(at)))
    return rules, faults


def test_rules_are_read() -> None:
    rules, faults = read(
        {
            "authorization_details": {
                "crm": {
                    "type": "record",
                    "location": "https://crm.example/{id}",
                    "actions": {"read": "can_read"},
                    "action": "see",
                    "properties": ["datatypes"],
                }
            },
            "scopes": {"doc:{id}": {"type": "document", "id": "{id}"}},
        }
    )
    assert faults == []
    detail = DetailRule(
        "record", "https://crm.example/{id}", {"read": "can_read"}, "see", ("datatypes",)
    )
    assert rules == Rules({"crm": detail}, (ScopeRule("doc:{id}", "document", "{id}"),))
    assert read(None) == (Rules(), [])


@pytest.mark.parametrize(
    ("members", "at"),
    [
        ([1], ("oauth",)),
        ({"scope": {}}, ("oauth", "scope")),
        ({"scopes": [1]}, ("oauth", "scopes")),
        ({"scopes": {"a": []}}, ("oauth", "scopes", "a")),
        ({"scopes": {"a": {"type": "t"}}}, ("oauth", "scopes", "a")),
        ({"scopes": {"a": {"type": "t", "id": "{id}"}}}, ("oauth", "scopes", "a")),
        ({"scopes": {"a": {"type": 7, "id": "x"}}}, ("oauth", "scopes", "a", "type")),
        (
            {"authorization_details": {"a": {"typ": "x"}}},
            ("oauth", "authorization_details", "a", "typ"),
        ),
        (
            {"authorization_details": {"a": {"location": "https://x/"}}},
            ("oauth", "authorization_details", "a", "location"),
        ),
        (
            {"authorization_details": {"a": {"actions": ["read"]}}},
            ("oauth", "authorization_details", "a", "actions"),
        ),
        (
            {"authorization_details": {"a": {"properties": "x"}}},
            ("oauth", "authorization_details", "a", "properties"),
        ),
    ],
)
def test_faults_are_told_with_their_place(members: Any, at: tuple[str, ...]) -> None:
    rules, faults = read(members)
    assert rules == Rules()
    assert faults == [at]
