"""The part `oauth` of `mapping.yaml`: `authorization_details` and scopes to resources and actions."""

from collections.abc import Callable
from typing import Any

from pdp.core.rar import NO_RULES, REQUEST, DetailRule, Rules, ScopeRule
from pdp.policy.source_yaml import Path

Fault = Callable[[Path, str], None]
_DETAIL = ("type", "location", "actions", "action", "properties")
_SCOPE = ("type", "id", "action")


def read_rules(members: Any, fault: Fault) -> Rules:
    """Read the rules; what is wrong with them is told to `fault`, with its place."""
    if not isinstance(members or {}, dict):
        fault(("oauth",), "`oauth` must have the members `authorization_details` and `scopes`")
        return NO_RULES
    details: dict[str, DetailRule] = {}
    scopes: list[ScopeRule] = []
    for part, rules in (members or {}).items():
        at: Path = ("oauth", part)
        if part not in ("authorization_details", "scopes"):
            fault(at, f"`{part}` is not known here")
        elif not isinstance(rules or {}, dict):
            fault(at, f"`{part}` must map names to rules")
        else:
            for name, rule in (rules or {}).items():
                if part == "scopes":
                    scopes += _scope(str(name), rule, (*at, name), fault)
                else:
                    details |= _detail(str(name), rule, (*at, name), fault)
    return Rules(details, tuple(scopes))


def _detail(name: str, rule: Any, at: Path, fault: Fault) -> dict[str, DetailRule]:
    if not _known(rule, _DETAIL, at, fault):
        return {}
    texts = {key: rule[key] for key in ("type", "location", "action") if key in rule}
    actions, properties = rule.get("actions", {}), rule.get("properties")
    if not _texts(texts, at, fault):
        return {}
    if "location" in texts and str(texts["location"]).count("{id}") != 1:
        fault((*at, "location"), "`location` must have `{id}` once")
        return {}
    if not isinstance(actions, dict) or not all(isinstance(each, str) for each in actions.values()):
        fault((*at, "actions"), "`actions` must map names to names")
        return {}
    if properties is not None and not _names(properties):
        fault((*at, "properties"), "`properties` must be a list of names")
        return {}
    return {
        name: DetailRule(
            texts.get("type"),
            texts.get("location"),
            dict(actions),
            texts.get("action", REQUEST),
            None if properties is None else tuple(properties),
        )
    }


def _scope(name: str, rule: Any, at: Path, fault: Fault) -> list[ScopeRule]:
    if not _known(rule, _SCOPE, at, fault) or not _texts(rule, at, fault):
        return []
    if "type" not in rule or "id" not in rule:
        fault(at, "a scope needs `type` and `id`")
        return []
    if name.count("{id}") > 1 or ("{id}" in rule["id"] and "{id}" not in name):
        fault(at, "a scope may hold `{id}` once, and `id` only what the scope holds")
        return []
    return [ScopeRule(name, rule["type"], rule["id"], rule.get("action", REQUEST))]


def _known(rule: Any, members: tuple[str, ...], at: Path, fault: Fault) -> bool:
    if not isinstance(rule, dict):
        fault(at, f"must be an object with any of {', '.join(members)}")
        return False
    strange = [key for key in rule if key not in members]
    for key in strange:
        fault((*at, key), f"`{key}` is not known here")
    return not strange


def _texts(rule: dict[str, Any], at: Path, fault: Fault) -> bool:
    wrong = [key for key, value in rule.items() if not isinstance(value, str) or not value]
    for key in wrong:
        fault((*at, key), f"`{key}` must be a text")
    return not wrong


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
