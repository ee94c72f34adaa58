"""The AuthZEN 1.0 information model: subject, action, resource and context of one evaluation."""

from typing import Any, NamedTuple

from pdp.core.values import JsonObject, JsonValue, pointer


class InvalidRequest(ValueError):
    """A request that is JSON but not of AuthZEN's shape; `at` is the JSON Pointer of the fault."""

    def __init__(self, at: str, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.message = message


class Entity(NamedTuple):
    """A subject or a resource (AuthZEN 1.0, sections 5.1 and 5.2); `json` is it as received."""

    type: str
    id: str
    properties: JsonObject
    json: JsonObject


class Action(NamedTuple):
    """An action (AuthZEN 1.0, section 5.3); `json` is it as received."""

    name: str
    properties: JsonObject
    json: JsonObject


class Evaluation(NamedTuple):
    """One question: may `subject` do `action` on `resource` in `context`?"""

    subject: Entity
    action: Action
    resource: Entity
    context: JsonObject


_NOTHING: JsonObject = {}


def evaluation_from(body: JsonObject, at: str = "") -> Evaluation:
    """Read the four members of an evaluation; members that are not known are ignored.

    Args:
        body: the object that holds `subject`, `action`, `resource` and maybe `context`.
        at: JSON Pointer of `body` within the request, for the error.

    Raises:
        InvalidRequest: a member is missing or of the wrong type (AuthZEN 1.0, section 6.1).
    """
    return Evaluation(
        entity_from(body.get("subject"), at + "/subject"),
        action_from(body.get("action"), at + "/action"),
        entity_from(body.get("resource"), at + "/resource"),
        object_from(body, "context", at),
    )


def entity_from(value: JsonValue, at: str) -> Entity:
    """Read a subject or resource; raises `InvalidRequest`."""
    if type(value) is not dict:
        raise InvalidRequest(at, _absent_or("an object", value))
    kind = value.get("type")
    if type(kind) is not str:
        raise InvalidRequest(at + "/type", _absent_or("a string", kind))
    identifier = value.get("id")
    if type(identifier) is not str:
        raise InvalidRequest(at + "/id", _absent_or("a string", identifier))
    return Entity(kind, identifier, object_from(value, "properties", at), value)


def action_from(value: JsonValue, at: str) -> Action:
    """Read an action; raises `InvalidRequest`."""
    if type(value) is not dict:
        raise InvalidRequest(at, _absent_or("an object", value))
    name = value.get("name")
    if type(name) is not str:
        raise InvalidRequest(at + "/name", _absent_or("a string", name))
    return Action(name, object_from(value, "properties", at), value)


def object_from(body: JsonObject, member: str, at: str) -> JsonObject:
    """The optional object `member` of `body`; absent and null are the empty object."""
    value: Any = body.get(member)
    if value is None:
        return _NOTHING
    if type(value) is not dict:
        raise InvalidRequest(at + pointer(member), "must be an object")
    return value


def _absent_or(wanted: str, value: JsonValue) -> str:
    return "is required" if value is None else f"must be {wanted}"
