"""Rich authorization requests (RFC 9396) and scopes as questions of resource and action.

Without rules, an object of `authorization_details` is the resource `{type, id: identifier, else
each location, else type}` with its other members as properties, one question for each of its
`actions`; a scope value is the action `request` on `{type: "scope", id: value}`. Rules, from
`mapping.yaml`, rename types and actions and take ids out of locations.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

from pdp.core.binding import same
from pdp.core.values import JsonObject, JsonValue, pointer

REQUEST = "request"
"""The action of what names none."""
MOST_DETAILS = 100
_NAMED = frozenset({"type", "identifier", "locations", "actions"})

Part = Literal["authorization_details", "scope", "resource"]


class DetailRule(NamedTuple):
    """How the objects of one `authorization_details` type are read.

    Attributes:
        type: of the resource; None: that of the object.
        location: a location with `{id}` where the resource's id stands; None: all of it is the id.
        actions: what its actions are called; those not listed keep their names.
        action: of an object without `actions`.
        properties: members that become properties of the resource; None: all others.
    """

    type: str | None = None
    location: str | None = None
    actions: Mapping[str, str] = {}
    action: str = REQUEST
    properties: tuple[str, ...] | None = None


class ScopeRule(NamedTuple):
    """What a scope value asks for; `{id}` in `id` is what `{id}` in the value stood for."""

    value: str
    type: str
    id: str
    action: str = REQUEST


class Rules(NamedTuple):
    """The OAuth part of `mapping.yaml`."""

    details: Mapping[str, DetailRule] = {}
    scopes: tuple[ScopeRule, ...] = ()


NO_RULES = Rules()


class Wanted(NamedTuple):
    """One question that a request comes to, and the part of the request it comes from.

    Attributes:
        part, position: the member of the request, and the place in it.
        resource, action: as AuthZEN has them.
    """

    part: Part
    position: int
    resource: JsonObject
    action: JsonObject


class InvalidDetails(ValueError):
    """An object of `authorization_details`, or a scope, that cannot be read; `at` says where."""

    def __init__(self, at: str, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.message = message


def questions(
    details: JsonValue, scope: str | None, resources: Sequence[str], rules: Rules = NO_RULES
) -> tuple[Wanted, ...]:
    """All that a request asks for, as one unit: each detail and action, then each scope value.

    A request without either asks for the resources that it names (RFC 8707).

    Raises:
        InvalidDetails: for what is not of RFC 9396's shape, or does not fit its rule.
    """
    found: list[Wanted] = []
    for position, each in enumerate(_array(details)):
        found += _of_detail(each, position, rules)
    for position, value in enumerate(_values(scope)):
        found.append(_of_scope(value, position, rules))
    if not found:
        for position, name in enumerate(dict.fromkeys(resources)):
            target: JsonObject = {"type": "resource", "id": name}
            found.append(Wanted("resource", position, target, {"name": REQUEST}))
    # What is asked twice is asked once: the same question cannot have two answers.
    distinct: list[Wanted] = []
    for wanted in found:
        if not any(_same_question(wanted, other) for other in distinct):
            distinct.append(wanted)
    return tuple(distinct)


def exceeds(granted: JsonValue, asked: JsonValue) -> bool:
    """Whether granted `authorization_details` hold an object that was not asked for."""
    wanted = _array(asked)
    return any(not any(same(each, other) for other in wanted) for each in _array(granted))


def scope_exceeds(granted: str | None, asked: str | None) -> bool:
    """Whether a granted scope has a value that was not asked for."""
    return not set(_values(granted)) <= set(_values(asked))


def _same_question(left: Wanted, right: Wanted) -> bool:
    return same(left.resource, right.resource) and same(left.action, right.action)


def _array(details: JsonValue) -> list[Any]:
    if details is None:
        return []
    if type(details) is not list:
        raise InvalidDetails("/authorization_details", "must be an array")
    if len(details) > MOST_DETAILS:
        raise InvalidDetails("/authorization_details", f"must have at most {MOST_DETAILS} elements")
    return details


def _of_detail(value: JsonValue, position: int, rules: Rules) -> list[Wanted]:
    at = pointer("authorization_details", position)
    if type(value) is not dict:
        raise InvalidDetails(at, "must be an object")
    kind = _text(value, "type", at, required=True)
    assert kind is not None
    rule = rules.details.get(kind, DetailRule())
    names = _ids(value, kind, rule, at)
    actions = _texts(value, "actions", at)
    named = [rule.actions.get(action, action) for action in actions] or [rule.action]
    properties = {
        name: member
        for name, member in value.items()
        if (name not in _NAMED if rule.properties is None else name in rule.properties)
    }
    more: JsonObject = {"properties": properties} if properties else {}
    return [
        Wanted(
            "authorization_details",
            position,
            {"type": rule.type or kind, "id": name, **more},
            {"name": action},
        )
        for name in names
        for action in dict.fromkeys(named)
    ]


def _ids(value: JsonObject, kind: str, rule: DetailRule, at: str) -> list[str]:
    identifier = _text(value, "identifier", at)
    locations = _texts(value, "locations", at)
    if identifier is not None:
        return [identifier]
    if not locations:
        return [kind]
    if rule.location is None:
        return list(dict.fromkeys(locations))
    found: list[str] = []
    for index, location in enumerate(locations):
        match = _pattern(rule.location).fullmatch(location)
        if match is None:
            raise InvalidDetails(at + pointer("locations", index), "is no location of this type")
        found.append(match["id"])
    return list(dict.fromkeys(found))


def _of_scope(value: str, position: int, rules: Rules) -> Wanted:
    for rule in rules.scopes:
        match = _pattern(rule.value).fullmatch(value)
        if match is not None:
            held = match.groupdict().get("id") or ""
            target: JsonObject = {"type": rule.type, "id": rule.id.replace("{id}", held)}
            return Wanted("scope", position, target, {"name": rule.action})
    return Wanted("scope", position, {"type": "scope", "id": value}, {"name": REQUEST})


@cache
def _pattern(text: str) -> re.Pattern[str]:
    before, mark, after = text.partition("{id}")
    held = r"(?P<id>[^/?#\s]+)" if mark else ""
    return re.compile(re.escape(before) + held + re.escape(after))


def _values(scope: str | None) -> list[str]:
    return [] if scope is None else list(dict.fromkeys(each for each in scope.split(" ") if each))


def _text(value: JsonObject, member: str, at: str, *, required: bool = False) -> str | None:
    found = value.get(member)
    if found is None and not required:
        return None
    if type(found) is not str or not found:
        raise InvalidDetails(at + pointer(member), "must be a string that is not empty")
    return found


def _texts(value: JsonObject, member: str, at: str) -> list[str]:
    found = value.get(member)
    if found is None:
        return []
    if type(found) is not list or not all(type(each) is str and each for each in found):
        raise InvalidDetails(at + pointer(member), "must be an array of strings")
    return list(found)
