"""Stored entities in Cedar's explicit JSON form, which is read without a schema.

With a schema Cedar lets a reference be written `{"type", "id"}` and an address be written as a
string. The engine decides without the schema, so what the schema would say is written out here.
"""

from typing import Any, NamedTuple

import orjson

from pdp.policy.schema_types import EntityRef, Extension, Record, Schema, SetOf, Type

_MOST_PLANS = 4096


class Column(NamedTuple):
    """One attribute: its place among those stored, its name, and its type if that matters."""

    at: int
    name: str
    key: str
    type: Type | None


class Explicit:
    """Writes out values of one schema; without a schema they are taken as they are."""

    def __init__(self, schema: Schema | None) -> None:
        self._entity_types = {} if schema is None else schema.entity_types
        self._plans: dict[tuple[str, tuple[str, ...], frozenset[str] | None], list[Column]] = {}

    def columns(
        self, entity_type: str, names: tuple[str, ...], wanted: frozenset[str] | None
    ) -> list[Column]:
        """Which stored attributes are wanted; `wanted` is None for all."""
        key = (entity_type, names, wanted)
        found = self._plans.get(key)
        if found is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            found = self._plans[key] = [
                Column(at, name, orjson.dumps(name).decode() + ":", self._type(entity_type, name))
                for at, name in enumerate(names)
                if wanted is None or name in wanted
            ]
        return found

    def tags_type(self, entity_type: str) -> Type | None:
        """The type of the tags of an entity type, if it may be written implicitly."""
        known = self._entity_types.get(entity_type)
        if known is None or known.tags is None or not _may_be_implicit(known.tags):
            return None
        return known.tags

    def _type(self, entity_type: str, name: str) -> Type | None:
        known = self._entity_types.get(entity_type)
        attribute = None if known is None else known.shape.attributes.get(name)
        if attribute is None or not _may_be_implicit(attribute.type):
            return None
        return attribute.type


def explicit_text(text: str, kind: Type | None) -> str:
    """A value as JSON text, written out."""
    return text if kind is None else orjson.dumps(explicit_value(text, kind)).decode()


def explicit_value(text: str, kind: Type | None) -> Any:
    """A value given as JSON text, written out."""
    value = orjson.loads(text)
    return value if kind is None else _explicit(value, kind)


def explicit_tags(text: str, kind: Type | None) -> str:
    """The tags of an entity as JSON text, each written out."""
    if kind is None:
        return text
    tags = {name: _explicit(value, kind) for name, value in orjson.loads(text).items()}
    return orjson.dumps(tags).decode()


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


def _record(value: dict[str, Any], kind: Record) -> dict[str, Any]:
    types = kind.attributes
    return {
        name: _explicit(inner, types[name].type) if name in types else inner
        for name, inner in value.items()
    }
