"""A form's JSON Schema as fields for a page, and what a page sends back as the schema's instance."""

import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from pdp.core.values import JsonObject, pointer

FieldKind = Literal[
    "text",
    "area",
    "choice",
    "choices",
    "check",
    "number",
    "moment",
    "date",
    "email",
    "url",
    "lines",
    "json",
    "group",
]
DEEPEST = 4
LONG_TEXT = 120


class Field(NamedTuple):
    """One field of a page.

    Attributes:
        at: its JSON Pointer in the instance, which is also its name on the page.
        options: `(value as JSON text, label)` of a choice.
        fields: those of a group.
    """

    at: str
    kind: FieldKind
    title: str
    description: str = ""
    required: bool = False
    options: tuple[tuple[str, str], ...] = ()
    schema: Mapping[str, Any] = MappingProxyType({})
    fields: tuple["Field", ...] = ()


def fields_of(
    schema: JsonObject, choices: Mapping[str, Sequence[tuple[str, str]]] | None = None
) -> tuple[Field, ...]:
    """The fields of a published form, in the order written.

    Args:
        choices: `(value, label)` of the fields that are chosen from a catalog, by pointer.
    """
    found: list[Field] = []
    for part, inner in schema.get("properties", {}).items():
        if isinstance(inner, dict):
            found.extend(_members(inner, inner, pointer(part), choices or {}, 1))
    return tuple(found)


def instance_of(fields: Sequence[Field], sent: Mapping[str, Sequence[str]]) -> JsonObject:
    """What was filled in, as an instance of the form; an empty field is one left out."""
    instance: JsonObject = {}
    for field in leaves(fields):
        value = _value(field, [each for each in sent.get(field.at, ()) if each != ""])
        if value is not _NOTHING:
            _put(instance, field.at, value)
    return instance


def leaves(fields: Sequence[Field]) -> Iterator[Field]:
    """Every field that is not a group."""
    for field in fields:
        if field.kind == "group":
            yield from leaves(field.fields)
        else:
            yield field


_NOTHING = object()


def _members(
    schema: JsonObject,
    root: JsonObject,
    at: str,
    choices: Mapping[str, Sequence[tuple[str, str]]],
    depth: int,
) -> list[Field]:
    required = schema.get("required")
    needed = set(required) if isinstance(required, list) else set()
    properties = schema.get("properties")
    found = []
    for name, inner in (properties if isinstance(properties, dict) else {}).items():
        place = at + pointer(name)
        resolved = _resolved(inner, root)
        found.append(_field(resolved, root, place, name, name in needed, choices, depth))
    return found


def _field(
    schema: JsonObject,
    root: JsonObject,
    at: str,
    name: str,
    required: bool,
    choices: Mapping[str, Sequence[tuple[str, str]]],
    depth: int,
) -> Field:
    title = schema.get("title") or name.replace("_", " ").capitalize()
    texts = (str(title), str(schema.get("description") or ""), required)
    if at in choices:
        options = tuple((json.dumps(value), label) for value, label in choices[at])
        several = schema.get("type") == "array"
        return Field(at, "choices" if several else "choice", *texts, options, schema)
    if isinstance(schema.get("enum"), list):
        return Field(at, "choice", *texts, _options(schema["enum"]), schema)
    if schema.get("type") == "object" and schema.get("properties") and depth < DEEPEST:
        inner = tuple(_members(schema, root, at, choices, depth + 1))
        return Field(at, "group", *texts, schema=schema, fields=inner)
    if schema.get("type") == "array":
        items = _resolved(schema.get("items"), root)
        if isinstance(items.get("enum"), list):
            return Field(at, "choices", *texts, _options(items["enum"]), schema)
        if items.get("type") == "string":
            return Field(at, "lines", *texts, schema=schema)
    return Field(at, _plain_kind(schema), *texts, schema=schema)


def _plain_kind(schema: JsonObject) -> FieldKind:
    kind, form = schema.get("type"), schema.get("format")
    if kind == "boolean":
        return "check"
    if kind in ("integer", "number"):
        return "number"
    if kind != "string" and "pattern" not in schema and form is None:
        return "json"
    by_format: dict[str, FieldKind] = {
        "date-time": "moment",
        "date": "date",
        "email": "email",
        "uri": "url",
    }
    if isinstance(form, str) and form in by_format:
        return by_format[form]
    longest = schema.get("maxLength")
    return "area" if isinstance(longest, int) and longest > LONG_TEXT else "text"


def _resolved(schema: Any, root: JsonObject, steps: int = 8) -> JsonObject:
    """A schema with its reference within the form followed; what cannot be read is anything."""
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and steps:
        found: Any = root if schema["$ref"].startswith("#") else None
        for part in schema["$ref"].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        schema = {**found, **beside} if isinstance(found, dict) else beside
        steps -= 1
    return schema if isinstance(schema, dict) else {}


def _options(values: Sequence[Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (json.dumps(value), value if isinstance(value, str) else json.dumps(value))
        for value in values
    )


def _value(field: Field, sent: Sequence[str]) -> Any:
    if field.kind == "check":
        return bool(sent) if sent or field.required else _NOTHING
    if not sent:
        return _NOTHING
    if field.kind == "choices":
        return [_parsed(each) for each in sent]
    if field.kind == "lines":
        return [line for line in sent[0].replace("\r\n", "\n").split("\n") if line]
    if field.kind in ("choice", "number", "json"):
        return _parsed(sent[0])
    if field.kind == "moment" and len(sent[0]) in (16, 19):
        # What a browser's field of date and time gives; the page says that it is UTC.
        return sent[0] + (":00Z" if len(sent[0]) == 16 else "Z")
    return sent[0].replace("\r\n", "\n")


def _parsed(text: str) -> Any:
    """JSON where it is some, else the text itself, which the schema then refuses by its type."""
    try:
        return json.loads(text, parse_constant=lambda name: name)
    except (ValueError, RecursionError):
        return text


def _put(instance: JsonObject, at: str, value: Any) -> None:
    *above, last = [part.replace("~1", "/").replace("~0", "~") for part in at.split("/")[1:]]
    for name in above:
        instance = instance.setdefault(name, {})
    instance[last] = value
