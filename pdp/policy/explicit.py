"""Stored entities in Cedar's explicit JSON form, which is read without a schema.

With a schema Cedar lets a reference be written `{"type", "id"}` and an address be written as a
string. The engine decides without the schema, so what the schema would say is written out here.
"""

from typing import Any

import orjson

from pdp.core.values import JsonObject
from pdp.policy.schema_types import EntityRef, Extension, Record, Schema, SetOf, Type

_NONE: dict[str, Type] = {}


class Explicit:
    """Writes out values of one schema; without a schema they are taken as they are."""

    def __init__(self, schema: Schema | None) -> None:
        self._entity_types = {} if schema is None else schema.entity_types
        self._implicit: dict[str, dict[str, Type]] = {}

    def attributes(self, entity_type: str, values: JsonObject) -> JsonObject:
        """Attributes of an entity, written out."""
        implicit = self._implicit.get(entity_type)
        if implicit is None:
            implicit = self._of_type(entity_type)
        if not implicit:
            return values
        return {
            name: _explicit(value, implicit[name]) if name in implicit else value
            for name, value in values.items()
        }

    def tags_text(self, entity_type: str, text: str) -> str:
        """Tags of an entity as JSON text, written out."""
        known = self._entity_types.get(entity_type)
        if known is None or known.tags is None or not _may_be_implicit(known.tags):
            return text
        tags = {name: _explicit(value, known.tags) for name, value in orjson.loads(text).items()}
        return orjson.dumps(tags).decode()

    def _of_type(self, entity_type: str) -> dict[str, Type]:
        known = self._entity_types.get(entity_type)
        if known is None:
            return _NONE
        found = {
            name: attribute.type
            for name, attribute in known.shape.attributes.items()
            if _may_be_implicit(attribute.type)
        }
        self._implicit[entity_type] = found
        return found


def _may_be_implicit(kind: Type) -> bool:
    if isinstance(kind, SetOf):
        return _may_be_implicit(kind.element)
    if isinstance(kind, Record):
        return any(_may_be_implicit(each.type) for each in kind.attributes.values())
    return isinstance(kind, EntityRef | Extension)


def _explicit(value: Any, kind: Type) -> Any:
    if isinstance(kind, SetOf) and isinstance(value, list):
        return [_explicit(each, kind.element) for each in value]
    if isinstance(value, dict):
        if "__entity" in value or "__extn" in value:
            return value
        if isinstance(kind, Record):
            return _record(value, kind)
        if isinstance(kind, EntityRef) and value.keys() == {"type", "id"}:
            return {"__entity": value}
        if isinstance(kind, Extension) and value.keys() == {"fn", "arg"}:
            return {"__extn": value}
    if isinstance(kind, Extension) and isinstance(value, str):
        return {"__extn": {"fn": "ip" if kind.name == "ipaddr" else kind.name, "arg": value}}
    return value


def _record(value: JsonObject, kind: Record) -> JsonObject:
    types = kind.attributes
    return {
        name: _explicit(inner, types[name].type) if name in types else inner
        for name, inner in value.items()
    }
