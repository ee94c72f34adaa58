"""Which parts of a request are left out of the decision log."""

from collections.abc import Sequence
from typing import Any

from pdp.core.values import JsonObject

REDACTED = "[redacted]"


class Redaction:
    """Rules that replace members of a logged request with a marker.

    A rule is a JSON Pointer (RFC 6901), `*` standing for any one member or item:
    `/subject/properties/ssn`, `/context/*`, `/*/properties/salary`.
    """

    def __init__(self, rules: Sequence[str]) -> None:
        self._rules = [_path(rule) for rule in rules]

    def apply(self, request: JsonObject) -> JsonObject:
        """A copy of `request` without what the rules name; `request` itself stays as it is."""
        redacted: Any = request
        for rule in self._rules:
            redacted = _without(redacted, rule)
        result: JsonObject = redacted
        return result


def _path(rule: str) -> tuple[str, ...]:
    parts = rule.removeprefix("/").split("/")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)


def _without(value: Any, path: tuple[str, ...]) -> Any:
    if not path:
        return REDACTED
    name, rest = path[0], path[1:]
    if isinstance(value, list):
        # A rule that was written for one value holds for each of several as well.
        inner = rest if name == "*" or name.isdecimal() else path
        chosen = [
            name == "*" or not name.isdecimal() or int(name) == at for at in range(len(value))
        ]
        return [
            _without(item, inner) if taken else item
            for item, taken in zip(value, chosen, strict=True)
        ]
    if not isinstance(value, dict):
        return value
    names = list(value) if name == "*" else [name] if name in value else []
    return {**value, **{member: _without(value[member], rest) for member in names}}
