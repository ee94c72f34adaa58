"""The Cedar engine: the only file that imports cedarpy.

Its private entry points are called directly: the public wrappers take 6 us more for each decision.
No schema is given at a decision: coercion has been done before, and validation costs 28 us.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import cedarpy._internal as cedar
import orjson

from pdp.core.values import EntityUid, JsonObject

PolicyHandle = cedar.PolicySet
"""Policies compiled for the engine."""

EngineRequest = dict[str, Any]
"""Principal, action and resource as `{"type", "id"}`, and `context` as JSON text when not empty.

Texts such as `User::"alice"` would do as well, but the engine takes 10 us to read each.
"""

_EVALUATION_ERROR = re.compile(r"error while evaluating policy `policy(\d+)`: ", re.DOTALL)
# Strings and comments are matched so that what they hold is not taken for signs.
_DEEPENING = re.compile(r'//[^\n]*|"(?:[^"\\]|\\.)*"|\|\||&&|\bif\b|[-+*!;(){}\[\]]', re.DOTALL)
_DEEPEST = 450
_VALIDATION_ID = re.compile(r"policy(\d+)")
_TIMINGS = ',"metrics":'
_MOST_ANSWERS = 4096
_answers: dict[str, "EngineAnswer"] = {}
_BAD_ENTITIES = "failed to parse entities from:"
_ANY_REQUEST: EngineRequest = {
    "principal": {"type": "A", "id": ""},
    "action": {"type": "Action", "id": ""},
    "resource": {"type": "A", "id": ""},
}


class CedarSyntaxError(ValueError):
    """Policy text that is not Cedar; `offset` is the place of the fault where it is known."""

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset


class EntityFault(ValueError):
    """Entities that cannot be read, or do not fit the schema; the text is the engine's reason."""


@dataclass(frozen=True, slots=True)
class ParsedPolicy:
    """One policy as the engine reads it.

    Attributes:
        est: the engine's JSON form of it.
        effect: `permit` or `forbid`.
        annotations: by name; one without a value has the empty string.
        index: its place in the text, counted from 0.
        is_template: whether it has a slot.
    """

    est: JsonObject
    effect: Literal["permit", "forbid"]
    annotations: dict[str, str]
    index: int
    is_template: bool


class EngineAnswer(NamedTuple):
    """What the engine says.

    Attributes:
        allowed: the decision.
        reasons: positions, in the compiled sequence, of the policies that led to it.
        errors: position (None when it is not about one policy) and text of each failure.
    """

    allowed: bool
    reasons: tuple[int, ...]
    errors: tuple[tuple[int | None, str], ...]


def parse_policies(text: str) -> list[ParsedPolicy]:
    """Parse policies and templates, in the order of the text; raises `CedarSyntaxError`."""
    _refuse_deep(text)
    try:
        document = orjson.loads(cedar.policies_to_json_str(text))
    except ValueError as error:
        raise CedarSyntaxError(str(error)) from None
    found = [(key, est, False) for key, est in document["staticPolicies"].items()]
    found += [(key, est, True) for key, est in document["templates"].items()]
    found.sort(key=lambda each: int(each[0].removeprefix("policy")))
    return [_parsed(est, index, slots) for index, (_, est, slots) in enumerate(found)]


def _refuse_deep(text: str) -> None:
    # The engine overflows its stack, and ends the process, at some thousand levels.
    if len(text) < 2 * _DEEPEST:
        return
    level = chained = 0
    for found in _DEEPENING.finditer(text):
        sign = found[0]
        if sign == ";":
            level = chained = 0
        elif sign in (")", "]", "}"):
            level -= 1
        elif sign in ("(", "[", "{"):
            level += 1
        elif sign[0] not in '"/':
            chained += 1
        if level + chained > _DEEPEST:
            raise CedarSyntaxError(
                f"nested deeper than {_DEEPEST} levels; instead of a long chain of `||`, "
                "ask whether a set `contains` the value",
                found.start(),
            )


def _parsed(est: JsonObject, index: int, is_template: bool) -> ParsedPolicy:
    annotations = {name: value or "" for name, value in est.get("annotations", {}).items()}
    return ParsedPolicy(est, est["effect"], annotations, index, is_template)


class Link(NamedTuple):
    """A template filled: its position among the texts, and the entity for each of its slots."""

    template: int
    principal: EntityUid | None
    resource: EntityUid | None


def compile_policies(texts: Sequence[str], links: Sequence[Link] = ()) -> PolicyHandle:
    """Compile policies, one in each text, then links; raises `CedarSyntaxError`.

    The engine names them `policy0`, `policy1`, … in this order.
    """
    filled = [_link(link, len(texts) + index) for index, link in enumerate(links)]
    try:
        handle = cedar.PolicySet.from_str("\n".join(texts))
        return handle.with_linked_batch(filled) if filled else handle
    except ValueError as error:
        raise CedarSyntaxError(str(error)) from None


def _link(link: Link, index: int) -> dict[str, Any]:
    slots = {"?principal": link.principal, "?resource": link.resource}
    return {
        "template_id": f"policy{link.template}",
        "new_id": f"policy{index}",
        "values": {slot: {"type": uid[0], "id": uid[1]} for slot, uid in slots.items() if uid},
    }


def authorize(handle: PolicyHandle, entities_json: str, request: EngineRequest) -> EngineAnswer:
    """Decide one request."""
    return _answer(cedar.is_authorized(request, handle, entities_json))


def authorize_batch(
    handle: PolicyHandle, entities_json: str, requests: list[EngineRequest]
) -> list[EngineAnswer]:
    """Decide several requests over the same policies and entities, in order."""
    return [_answer(text) for text in cedar.is_authorized_batch(requests, handle, entities_json)]


def validate(text: str, schema_text: str) -> list[tuple[int, str]]:
    """Validate policies against a schema: the index of the policy, and what is wrong with it.

    Raises:
        CedarSyntaxError: the policies cannot be parsed.
        ValueError: the schema cannot be read.
    """
    found: list[tuple[int, str]] = []
    for error in orjson.loads(cedar.validate_policies(text, _schema(schema_text)))["errors"]:
        if not error["policy_id"]:
            raise CedarSyntaxError(error["error"].removeprefix("Policy parse error: "))
        found.append((_index_of(error["policy_id"]), error["error"]))
    return found


def _index_of(policy_id: str) -> int:
    found = _VALIDATION_ID.fullmatch(policy_id)
    return int(found[1]) if found else 0


def text_of(est: JsonObject) -> str:
    """The Cedar text of one policy in the engine's JSON form."""
    document = {"staticPolicies": {"policy0": est}, "templates": {}, "templateLinks": []}
    return cedar.policies_from_json_str(orjson.dumps(document).decode())


def format_text(text: str, line_width: int = 100, indent: int = 2) -> str:
    """Policies in Cedar's usual layout; raises `CedarSyntaxError`."""
    try:
        return cedar.format_policies(text, line_width, indent)
    except ValueError as error:
        raise CedarSyntaxError(str(error)) from None


def check_entities(entities: Sequence[JsonObject], schema_text: str | None = None) -> None:
    """Read entities as the engine does, with a schema where there is one; raises `EntityFault`."""
    try:
        text = orjson.dumps(entities).decode()
    except orjson.JSONEncodeError as error:
        raise EntityFault(str(error)) from None
    schema = None if schema_text is None else _schema(schema_text)
    # Only a decision names the entity and the attribute: parsing alone says that something is bad.
    result = orjson.loads(cedar.is_authorized(_ANY_REQUEST, "", text, schema))
    for message in result["diagnostics"]["errors"]:
        if message.startswith(_BAD_ENTITIES):
            raise EntityFault(message.removeprefix(f"{_BAD_ENTITIES}\n{text}: "))


def check_schema(schema_text: str) -> None:
    """Have the engine read a schema, in either form; raises `CedarSyntaxError`."""
    try:
        _schema(schema_text)
    except ValueError as error:
        raise CedarSyntaxError(str(error).removeprefix("error parsing schema: ")) from None


def _schema(text: str) -> cedar.Schema:
    if text.lstrip().startswith("{"):
        return cedar.Schema.from_json_str(text)
    return cedar.Schema.from_str(text)


def _answer(text: str) -> EngineAnswer:
    # What comes before the engine's own timings is mostly one of few texts.
    head = text[: text.rfind(_TIMINGS)]
    found = _answers.get(head)
    if found is None:
        found = _read_answer(text)
        if not found.errors:
            if len(_answers) >= _MOST_ANSWERS:
                _answers.clear()
            _answers[head] = found
    return found


def _read_answer(text: str) -> EngineAnswer:
    result = orjson.loads(text)
    diagnostics = result["diagnostics"]
    return EngineAnswer(
        result["decision"] == "Allow",
        tuple([int(name.removeprefix("policy")) for name in diagnostics.get("reason", ())]),
        tuple([_error(error) for error in diagnostics["errors"]]),
    )


def _error(text: str) -> tuple[int | None, str]:
    found = _EVALUATION_ERROR.match(text)
    if found is None:
        return (None, text)
    return (int(found[1]), text[found.end() :])
