"""Column types that behave alike on SQLite and PostgreSQL, and the annotations that use them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import jiter
import orjson
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, LargeBinary, Text
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field

# PostgreSQL text cannot hold U+0000: it is written as a private-use pair, and so is its escape,
# so that different strings stay different.
_ESCAPES = {"\ue000": "\ue000\ue001", "\x00": "\ue000\ue002"}


def escape_nul(text: str) -> str:
    """Write `text` without U+0000, one to one; almost every text comes back as it is."""
    if "\x00" not in text and "\ue000" not in text:
        return text
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def unescape_nul(text: str) -> str:
    """The inverse of `escape_nul`."""
    if "\ue000" not in text:
        return text
    return text.replace("\ue000\ue002", "\x00").replace("\ue000\ue001", "\ue000")


class ByteText(TypeDecorator[str]):
    """Text compared and sorted byte by byte: BINARY on SQLite, collation "C" on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type the driver sees."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Text(collation="C"))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else escape_nul(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """From the database."""
        return None if value is None else unescape_nul(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, aware and in UTC on both databases; a naive one is refused with `ValueError`."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonDoc(TypeDecorator[Any]):
    """A JSON value kept as text, exactly: member order, big integers, `1` against `1.0`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else dump_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """From the database."""
        return None if value is None else jiter.from_json(value.encode())

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        """A document compares as the document it is bound as."""
        return self


def dump_json(value: Any) -> str:
    """The text of a JSON value; integers of any size."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


# Writers number rows themselves, save where the database counts them out.
RowNumber = BigInteger().with_variant(Integer(), "sqlite")

_Column = Callable[..., Any]
_field: _Column = Field

Key = Annotated[str, _field(sa_type=ByteText, primary_key=True)]
Words = Annotated[str, _field(sa_type=ByteText)]
MaybeWords = Annotated[str | None, _field(sa_type=ByteText)]
Moment = Annotated[datetime, _field(sa_type=UtcDateTime)]
MaybeMoment = Annotated[datetime | None, _field(sa_type=UtcDateTime)]
Doc = Annotated[dict[str, Any], _field(sa_type=JsonDoc)]
MaybeDoc = Annotated[dict[str, Any] | None, _field(sa_type=JsonDoc)]
DocList = Annotated[list[Any], _field(sa_type=JsonDoc)]
MaybeDocList = Annotated[list[Any] | None, _field(sa_type=JsonDoc)]
NumberKey = Annotated[
    int,
    _field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}),
]
CountedKey = Annotated[
    int | None,
    _field(sa_type=RowNumber, primary_key=True, sa_column_kwargs={"autoincrement": True}),
]
Count = Annotated[int, _field(sa_type=BigInteger)]
MaybeCount = Annotated[int | None, _field(sa_type=BigInteger)]
Sealed = Annotated[bytes, _field(sa_type=LargeBinary)]
MaybeSealed = Annotated[bytes | None, _field(sa_type=LargeBinary)]
