"""One transaction, as the functions of this room see it."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, CursorResult, Executable, Insert, Table
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from pdp.store.records import Record

R = TypeVar("R", bound=Record)
Flush = Callable[["Session", list[Any]], None]
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Session:
    """An open transaction of a `Database`; it is not used outside the function it is given to."""

    __slots__ = ("_connection", "_ending", "notifies", "on_postgres", "topics")

    def __init__(self, connection: Connection, *, notifies: bool = False) -> None:
        self._connection = connection
        self._ending: dict[tuple[int, str], tuple[Flush, list[Any]]] = {}
        self.on_postgres = connection.dialect.name == "postgresql"
        self.notifies = notifies
        self.topics: set[str] = set()

    def execute(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> CursorResult[Any]:
        """Run one statement, with one or many sets of parameters."""
        result: CursorResult[Any] = self._connection.execute(statement, parameters)
        return result

    def all(
        self, record: type[R], statement: Executable, parameters: Parameters | None = None
    ) -> list[R]:
        """Every row of a query, as records."""
        rows = self.execute(statement, parameters)
        return [cast(R, record.model_construct(**row._mapping)) for row in rows]

    def first(
        self, record: type[R], statement: Executable, parameters: Parameters | None = None
    ) -> R | None:
        """The first row of a query as a record, or None."""
        row = self.execute(statement, parameters).first()
        return None if row is None else cast(R, record.model_construct(**row._mapping))

    def scalar(self, statement: Executable, parameters: Parameters | None = None) -> Any:
        """The first column of the first row, or None."""
        return self.execute(statement, parameters).scalar()

    def add(self, table: Table, *records: Record) -> None:
        """Insert records; raises `sqlalchemy.exc.IntegrityError` when a key is taken."""
        if records:
            rows = [dict(record) for record in records]
            self.execute(_plain_insert(table), rows if len(rows) > 1 else rows[0])

    def add_once(self, table: Table, record: Record, key: Sequence[str]) -> bool:
        """Insert a record unless its key is there already; tells whether it was inserted."""
        statement = _insert_once(table, tuple(key), self.on_postgres)
        return self.execute(statement, dict(record)).first() is not None

    def at_end(self, place: int, name: str, item: Any, flush: Flush) -> None:
        """Have `flush(session, items)` run once, at the very end, with every item of `name`.

        What locks a row that every writer needs belongs here: the lock is then short and taken
        last, by every writer in the same order of `place` and name, so none blocks another.
        """
        self._ending.setdefault((place, name), (flush, []))[1].append(item)

    def finish(self) -> None:
        """Run what `at_end` collected."""
        while self._ending:
            first = min(self._ending)
            flush, items = self._ending.pop(first)
            flush(self, items)


# Building a statement costs more than running it: those that recur are built once.


@cache
def _plain_insert(table: Table) -> Insert:
    return Insert(table)


@cache
def insert_into(table: Table, on_postgres: bool) -> Any:
    """An INSERT in the dialect that knows ON CONFLICT."""
    return postgres_insert(table) if on_postgres else sqlite_insert(table)


@cache
def _insert_once(table: Table, key: tuple[str, ...], on_postgres: bool) -> Any:
    # An INSERT's row count is not dependable on every driver; what it returns is.
    statement = insert_into(table, on_postgres).on_conflict_do_nothing(index_elements=list(key))
    return statement.returning(table.c[key[0]])
