"""What every aggregate is made of: a frozen record, its table, and a page of records."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, cast

from pydantic import ConfigDict
from sqlalchemy import MetaData, Select, Table, and_, inspect, or_
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import SQLModel

T = TypeVar("T")

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Record(SQLModel):
    """A row as others see it: frozen, detached from the database."""

    model_config = ConfigDict(frozen=True)  # type: ignore[assignment]
    metadata: ClassVar[MetaData] = MetaData(naming_convention=_NAMES)


def table_of(row: type[SQLModel]) -> Table:
    """The table behind a row class."""
    return cast(Table, inspect(row).local_table)


class Cursor(NamedTuple):
    """A place in a list ordered by moment, then id; it stays good while the list moves."""

    at: datetime
    id: str

    def encode(self) -> str:
        """An opaque, URL-safe text. It grants nothing: filters and rights are applied anew."""
        raw = json.dumps([(self.at - _EPOCH) // _MICROSECOND, self.id]).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Read what `encode` wrote; raises `ValueError` for anything else."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            micros, identifier = json.loads(raw)
            return cls(_EPOCH + micros * _MICROSECOND, "" + identifier)
        except (ValueError, TypeError, OverflowError):
            raise ValueError("not a cursor") from None


class Page(NamedTuple, Generic[T]):
    """Some items of a list, and where the next ones begin (None: there are none)."""

    items: Sequence[T]
    next: Cursor | None


def after(
    at: ColumnElement[Any], key: ColumnElement[Any], cursor: Cursor, *, newest_first: bool
) -> ColumnElement[bool]:
    """The condition that a row comes after `cursor`, written so that an index can seek it."""
    if newest_first:
        return and_(at <= cursor.at, or_(at < cursor.at, key < cursor.id))
    return and_(at >= cursor.at, or_(at > cursor.at, key > cursor.id))


def ordered(
    statement: Select[Any],
    at: ColumnElement[Any],
    key: ColumnElement[Any],
    cursor: Cursor | None,
    *,
    newest_first: bool,
    limit: int,
) -> Select[Any]:
    """`statement` from `cursor` on, one row more than `limit`, for `page_of` to look ahead."""
    if cursor is not None:
        statement = statement.where(after(at, key, cursor, newest_first=newest_first))
    columns = (at.desc(), key.desc()) if newest_first else (at, key)
    return statement.order_by(*columns).limit(limit + 1)


def page_of(rows: Sequence[T], limit: int, place: Callable[[T], Cursor]) -> Page[T]:
    """Cut the rows of an `ordered` statement to a page."""
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], place(rows[limit - 1]))
