"""JSON values into Cedar's JSON form: by the schema's type where there is one, else by their own.

Without a type: strings, integers of 64 bits, booleans, arrays as sets, objects as records. What
Cedar cannot hold (null, a fraction, a number out of range) is left out and named. A caller can
not write Cedar's escapes `__entity` and `__extn` by hand: they are data like any other, which
Cedar's JSON form has no way to hold, so they are left out as well.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from ipaddress import ip_interface
from typing import Any

from pdp.core.values import JsonObject, pointer
from pdp.policy.schema_types import EntityRef, Extension, Primitive, Record, SetOf, Type

_MIN, _MAX = -(2**63), 2**63 - 1
_ESCAPES = frozenset({"__entity", "__extn", "__expr"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

EntityTypeOf = Callable[[str], str]
"""Turns a type name that a caller wrote into the Cedar type."""


class _Unfit(Exception):
    """A value that Cedar cannot hold in that place."""


class Coercion:
    """Turns values into Cedar's JSON form and remembers what had to be left out.

    Args:
        entity_type: how a type name in an entity reference is read.
        trusted: whether Cedar's own escapes are understood, as in `entities.json`.
    """

    def __init__(self, entity_type: EntityTypeOf, *, trusted: bool = False) -> None:
        self._entity_type = entity_type
        self._trusted = trusted
        self.dropped: list[str] = []

    def members(self, values: JsonObject, record: Record | None, at: str) -> JsonObject:
        """The members of an object, by the types of `record` where it knows them."""
        found: JsonObject = {}
        types = record.attributes if record is not None else {}
        for name, value in values.items():
            known = types.get(name)
            where = at + pointer(name)
            try:
                if name in _ESCAPES:
                    raise _Unfit
                found[name] = self._value(value, known.type if known else None, where)
            except _Unfit:
                self.dropped.append(where)
        return found

    def _value(self, value: Any, kind: Type | None, at: str) -> Any:
        if self._trusted and isinstance(value, dict) and not _ESCAPES.isdisjoint(value):
            return value
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
                raise _Unfit
            return self.members(value, kind, at)
        return _EXTENSIONS[kind.name](value, kind)

    def _plain(self, value: Any, at: str) -> Any:
        if isinstance(value, bool | str):
            return value
        if isinstance(value, int) and _MIN <= value <= _MAX:
            return value
        if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
            return int(value)
        if isinstance(value, list):
            return self._set(value, None, at)
        if isinstance(value, dict):
            return self.members(value, None, at)
        raise _Unfit

    def _set(self, value: Any, element: Type | None, at: str) -> list[Any]:
        if not isinstance(value, list):
            raise _Unfit
        found = []
        for index, item in enumerate(value):
            where = at + pointer(index)
            try:
                found.append(self._value(item, element, where))
            except _Unfit:
                self.dropped.append(where)
        return found

    def _reference(self, value: Any, kind: EntityRef) -> JsonObject:
        if isinstance(value, str):
            return {"__entity": {"type": kind.name, "id": value}}
        if isinstance(value, dict):
            name, identifier = value.get("type"), value.get("id")
            if isinstance(identifier, str) and isinstance(name, str):
                wanted = name if name == kind.name else self._entity_type(name)
                if wanted == kind.name:
                    return {"__entity": {"type": wanted, "id": identifier}}
        raise _Unfit


def _primitive(value: Any, kind: Primitive) -> Any:
    if kind.name == "Bool" and isinstance(value, bool):
        return value
    if kind.name == "String" and isinstance(value, str):
        return value
    if kind.name == "Long" and not isinstance(value, bool):
        if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
            value = int(value)
        if isinstance(value, int) and _MIN <= value <= _MAX:
            return value
    raise _Unfit


def _extension(kind: Extension, argument: str) -> JsonObject:
    name = "ip" if kind.name == "ipaddr" else kind.name
    return {"__extn": {"fn": name, "arg": argument}}


def _decimal(value: Any, kind: Extension) -> JsonObject:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _Unfit
    try:
        exact = Decimal(str(value))
        rounded = exact.quantize(Decimal("0.0001"))
    except InvalidOperation:
        raise _Unfit from None
    if rounded != exact or not _MIN <= int(rounded * 10_000) <= _MAX:
        raise _Unfit
    text = f"{rounded:f}".rstrip("0")
    return _extension(kind, text + "0" if text.endswith(".") else text)


def _address(value: Any, kind: Extension) -> JsonObject:
    try:
        ip_interface(value if isinstance(value, str) else "")
    except ValueError:
        raise _Unfit from None
    # Cedar knows no scopes, no dotted masks and no dotted part in an IPv6 address.
    _, _, prefix = value.partition("/")
    if "%" in value or (":" in value and "." in value) or (prefix and not prefix.isdigit()):
        raise _Unfit
    return _extension(kind, value)


def _datetime(value: Any, kind: Extension) -> JsonObject:
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            moment = _EPOCH + timedelta(milliseconds=value)
        except OverflowError:
            raise _Unfit from None
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise _Unfit from None
        if moment.tzinfo is None:
            if len(value) != 10:
                raise _Unfit
            moment = moment.replace(tzinfo=UTC)
    else:
        raise _Unfit
    return cedar_datetime(moment)


def cedar_datetime(moment: datetime) -> JsonObject:
    """A moment as Cedar's `datetime`, to the millisecond."""
    try:
        text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError):
        raise _Unfit from None
    return {"__extn": {"fn": "datetime", "arg": text.replace("+00:00", "Z")}}


_UNITS = (86_400_000, 3_600_000, 60_000, 1000, 1)
_DURATION = re.compile(
    r"-?(?=\d)(?:(\d{1,15})d)?(?:(\d{1,15})h)?(?:(\d{1,15})m)?(?:(\d{1,15})s)?(?:(\d{1,15})ms)?",
    re.ASCII,
)


def _duration(value: Any, kind: Extension) -> JsonObject:
    if isinstance(value, int) and not isinstance(value, bool) and _MIN <= value <= _MAX:
        return _extension(kind, f"{value}ms")
    if isinstance(value, str) and _is_duration(value):
        return _extension(kind, value)
    raise _Unfit


def _is_duration(text: str) -> bool:
    match = _DURATION.fullmatch(text)
    if match is None:
        return False
    milliseconds = sum(
        int(part or 0) * size for part, size in zip(match.groups(), _UNITS, strict=True)
    )
    return milliseconds <= _MAX


_EXTENSIONS: dict[str, Callable[[Any, Extension], JsonObject]] = {
    "decimal": _decimal,
    "ipaddr": _address,
    "datetime": _datetime,
    "duration": _duration,
}
