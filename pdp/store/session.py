"""One transaction, as the functions of this room see it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

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
        return [record.model_construct(**row._mapping) for row in rows]

    def first(
        self, record: type[R], statement: Executable, parameters: Parameters | None = None
    ) -> R | None:
        """The first row of a query as a record, or None."""
        row = self.execute(statement, parameters).first()
        return None if row is None else record.model_construct(**row._mapping)

    def scalar(self, statement: Executable, parameters: Parameters | None = None) -> Any:
        """The first column of the first row, or None."""
        return self.execute(statement, parameters).scalar()

    def insert(self, table: Table) -> Any:
        """An INSERT that can say `on_conflict_do_nothing` and `on_conflict_do_update`."""
        return postgres_insert(table) if self.on_postgres else sqlite_insert(table)

    def add(self, table: Table, *records: Record) -> None:
        """Insert records; raises `sqlalchemy.exc.IntegrityError` when a key is taken."""
        if records:
            self.execute(Insert(table), [dict(record) for record in records])

    def add_once(self, table: Table, record: Record, key: Iterable[str]) -> bool:
        """Insert a record unless its key is there already; tells whether it was inserted."""
        names = list(key)
        statement = self.insert(table).on_conflict_do_nothing(index_elements=names)
        # An INSERT's row count is not dependable on every driver; what it returns is.
        returning = statement.returning(table.c[names[0]])
        return self.execute(returning, dict(record)).first() is not None

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
