"""JSON as this software accepts it, and the small value types that every room shares."""

import math
import re
from typing import Any, Literal

import jiter

JsonScalar = None | bool | int | float | str
JsonValue = JsonScalar | list[Any] | dict[str, Any]
JsonObject = dict[str, Any]
EntityUid = tuple[str, str]
"""A Cedar entity: its (possibly namespaced) type and its id."""

JsonFault = Literal["syntax", "duplicate_member", "encoding", "number", "depth", "empty"]

MAX_DEPTH = 64

# Only a number with three digits of exponent, or with 200 in a row, can overflow to infinity.
_SUSPECT_NUMBER = re.compile(rb"[0-9](?:[eE][+]?[0-9]{3}|[0-9]{199})")


class InvalidJson(ValueError):
    """A body that is not strict I-JSON (RFC 7493): `fault` is its kind, the text says where."""

    def __init__(self, fault: JsonFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


def parse_json(raw: bytes | bytearray, max_depth: int = MAX_DEPTH) -> JsonValue:
    """Parse strict JSON: one value, UTF-8, no duplicate members, finite numbers, bounded depth.

    Raises:
        InvalidJson: naming the fault and, where known, line and column.
    """
    if not raw or raw.isspace():
        raise InvalidJson("empty", "the body is empty")
    try:
        value: JsonValue = jiter.from_json(
            bytes(raw), allow_inf_nan=False, catch_duplicate_keys=True
        )
    except ValueError as error:
        raise InvalidJson(_fault_of(str(error)), str(error)) from None
    if raw.count(b"[") + raw.count(b"{") > max_depth and _depth(value, max_depth) > max_depth:
        raise InvalidJson("depth", f"nested deeper than {max_depth} levels")
    if _SUSPECT_NUMBER.search(raw) and not _finite(value):
        raise InvalidJson("number", "a number is too large to be represented")
    return value


def _fault_of(message: str) -> JsonFault:
    if message.startswith("Detected duplicate key"):
        return "duplicate_member"
    if "recursion" in message:
        return "depth"
    if "unicode" in message or "hex escape" in message or "surrogate" in message:
        return "encoding"
    if message.startswith("number out of range"):
        return "number"
    return "syntax"


def _depth(value: JsonValue, limit: int) -> int:
    level: list[Any] = [value]
    depth = 0
    while level and depth <= limit:
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        depth += any(isinstance(item, dict | list) for item in level)
        level = [item for item in inner if isinstance(item, dict | list)]
    return depth


def _finite(value: JsonValue) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(_finite(item) for item in value.values())
    if isinstance(value, list):
        return all(_finite(item) for item in value)
    return True


def pointer(*parts: str | int) -> str:
    """The JSON Pointer (RFC 6901) that names the member at `parts`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
