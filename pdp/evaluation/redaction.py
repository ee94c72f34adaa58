"""Which parts of a request are left out of the decision log."""

from collections.abc import Sequence
from typing import Any

from pdp.core.values import JsonObject

REDACTED = "[redacted]"


class Redaction:
    """Rules that replace members of a logged request with a marker.

    A rule is a path of member names joined by dots, `*` standing for any one member:
    `subject.properties.ssn`, `context.*`, `*.properties.salary`.
    """

    def __init__(self, rules: Sequence[str]) -> None:
        self._rules = [tuple(rule.split(".")) for rule in rules]

    def apply(self, request: JsonObject) -> JsonObject:
        """A copy of `request` without what the rules name; `request` itself stays as it is."""
        redacted: Any = request
        for rule in self._rules:
            redacted = _without(redacted, rule)
        result: JsonObject = redacted
        return result


def _without(value: Any, path: tuple[str, ...]) -> Any:
    if not path:
        return REDACTED
    if isinstance(value, list):
        return [_without(item, path) for item in value]
    if not isinstance(value, dict):
        return value
    name, rest = path[0], path[1:]
    names = list(value) if name == "*" else [name] if name in value else []
    return {**value, **{member: _without(value[member], rest) for member in names}}
