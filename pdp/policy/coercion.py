"""JSON values into Cedar's JSON form: by the schema's type where there is one, else by their own.

Without a type: strings, integers of 64 bits, booleans, arrays as sets, objects as records. What
Cedar cannot hold (null, a fraction, a number out of range, or what is not of the type the schema
wants) is left out and named. A caller cannot write Cedar's escapes `__entity` and `__extn` by
hand: as Cedar's JSON form has no way to hold them as data, they are left out as well.
"""

from collections.abc import Callable
from typing import Any

from pdp.core.values import JsonObject, pointer
from pdp.policy.extension_values import EXTENSIONS, Unfit, cedar_datetime
from pdp.policy.schema_types import EntityRef, Primitive, Record, SetOf, Type

__all__ = ["ESCAPES", "Coercion", "EntityTypeOf", "cedar_datetime"]

ESCAPES = frozenset({"__entity", "__extn", "__expr"})
"""Names by which Cedar's JSON form recognises what is not plain data."""

EntityTypeOf = Callable[[str], str]
"""Turns a type name that a caller wrote into the Cedar type."""

_MIN, _MAX = -(2**63), 2**63 - 1
# A JSON number beyond this has lost digits before it came here.
_LARGEST_WHOLE_FLOAT = 2.0**53

_Path = tuple[str | int, ...]


class Coercion:
    """Turns values into Cedar's JSON form and remembers what had to be left out.

    Args:
        entity_type: how a type name in an entity reference is read.
    """

    __slots__ = ("_entity_type", "dropped")

    def __init__(self, entity_type: EntityTypeOf) -> None:
        self._entity_type = entity_type
        self.dropped: list[str] = []

    def members(self, values: JsonObject, record: Record | None, at: _Path) -> JsonObject:
        """The members of an object, by the types of `record` where it knows them.

        Args:
            values: as received.
            record: its type, or None.
            at: where it is in the request.
        """
        found: JsonObject = {}
        for name, value in values.items():
            known = record.attributes.get(name) if record is not None else None
            if name in ESCAPES:
                self.dropped.append(pointer(*at, name))
            elif known is None and (value.__class__ is str or value.__class__ is bool):
                found[name] = value
            else:
                try:
                    found[name] = self._value(value, known.type if known else None, (*at, name))
                except Unfit:
                    self.dropped.append(pointer(*at, name))
        return found

    def _value(self, value: Any, kind: Type | None, at: _Path) -> Any:
        if kind is None:
            return self._plain(value, at)
        if isinstance(kind, Primitive):
            return _primitive(value, kind)
        if isinstance(kind, EntityRef):
            return self._reference(value, kind)
        if isinstance(kind, SetOf):
            return self._set(value, kind.element, at)
        if isinstance(kind, Record):
            if not isinstance(value, dict):
                raise Unfit
            return self.members(value, kind, at)
        return EXTENSIONS[kind.name](value)

    def _plain(self, value: Any, at: _Path) -> Any:
        if isinstance(value, bool | str):
            return value
        if isinstance(value, int | float):
            return _whole(value)
        if isinstance(value, list):
            return self._set(value, None, at)
        if isinstance(value, dict):
            return self.members(value, None, at)
        raise Unfit

    def _set(self, value: Any, element: Type | None, at: _Path) -> list[Any]:
        if not isinstance(value, list):
            raise Unfit
        found = []
        for index, item in enumerate(value):
            try:
                found.append(self._value(item, element, (*at, index)))
            except Unfit:
                self.dropped.append(pointer(*at, index))
        return found

    def _reference(self, value: Any, kind: EntityRef) -> JsonObject:
        if isinstance(value, str):
            return {"__entity": {"type": kind.name, "id": value}}
        if isinstance(value, dict):
            inner = value.get("__entity")
            value = inner if isinstance(inner, dict) else value
            name, identifier = value.get("type"), value.get("id")
            if isinstance(identifier, str) and isinstance(name, str):
                wanted = name if name == kind.name else self._entity_type(name)
                if wanted == kind.name:
                    return {"__entity": {"type": wanted, "id": identifier}}
        raise Unfit


def _primitive(value: Any, kind: Primitive) -> Any:
    if kind.name == "Bool" and isinstance(value, bool):
        return value
    if kind.name == "String" and isinstance(value, str):
        return value
    if kind.name == "Long" and isinstance(value, int | float) and not isinstance(value, bool):
        return _whole(value)
    raise Unfit


def _whole(value: float) -> int:
    if isinstance(value, float):
        if not value.is_integer() or abs(value) > _LARGEST_WHOLE_FLOAT:
            raise Unfit
        return int(value)
    if not _MIN <= value <= _MAX:
        raise Unfit
    return value
