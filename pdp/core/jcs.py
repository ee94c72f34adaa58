"""Canonical JSON (RFC 8785): one byte string for each JSON value, whoever wrote it."""

import hashlib
import json
import math

import orjson
import rfc8785

from pdp.core.values import JsonValue, pointer

_MOST = 2**53 - 1


class NotCanonical(ValueError):
    """A value without a canonical form, such as an integer beyond 2^53 - 1; `at` is its pointer."""

    def __init__(self, at: str, message: str) -> None:
        super().__init__(f"{at or '/'}: {message}")
        self.at = at


def canonical(value: JsonValue) -> bytes:
    """The canonical bytes of a JSON value.

    Integers beyond 2^53 - 1 are refused rather than rounded: two amounts that differ must never
    have one hash.

    Raises:
        NotCanonical: naming the place of what cannot be written.
    """
    try:
        return orjson.dumps(value, option=_SORTED) if _simple(value) else rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise NotCanonical(*_culprit(value, ()) or ("", str(error))) from None
    except RecursionError:
        raise NotCanonical("", "nested too deep") from None


def fingerprint(value: JsonValue) -> str:
    """SHA-256 in hex that is equal for values that mean the same, whatever their spelling.

    Unlike `canonical` it takes every JSON value: integers beyond 2^53 - 1 count by all digits.
    """
    try:
        written = canonical(value)
    except NotCanonical:
        written = b"exact:" + json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(written).hexdigest()


# For values without fractions and with ASCII texts this writes the same bytes ten times faster:
# only numbers, and names beyond the BMP, are written or sorted otherwise.
_SORTED = orjson.OPT_SORT_KEYS


def _simple(value: JsonValue) -> bool:
    kind = type(value)
    if kind is str:
        return value.isascii()  # type: ignore[union-attr]
    if kind is dict:
        for name, inner in value.items():  # type: ignore[union-attr]
            if type(name) is not str or not name.isascii() or not _simple(inner):
                return False
        return True
    if kind is list:
        return all(map(_simple, value))  # type: ignore[arg-type]
    if kind is int:
        return -_MOST <= value <= _MOST  # type: ignore[operator]
    return value is None or kind is bool


def _culprit(value: JsonValue, path: tuple[str | int, ...]) -> tuple[str, str] | None:
    if isinstance(value, dict):
        for name, inner in value.items():
            found = _culprit(inner, (*path, name)) or _culprit_text(name, (*path, name))
            if found:
                return found
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found = _culprit(inner, (*path, index))
            if found:
                return found
    elif isinstance(value, str):
        return _culprit_text(value, path)
    elif isinstance(value, int) and not -_MOST <= value <= _MOST:
        return pointer(*path), "an integer beyond 2^53 - 1 has no exact JSON number"
    elif isinstance(value, float) and not math.isfinite(value):
        return pointer(*path), "a number must be finite"
    return None


def _culprit_text(text: str, path: tuple[str | int, ...]) -> tuple[str, str] | None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return pointer(*path), "a text must be valid Unicode"
    return None
