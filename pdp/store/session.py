"""One transaction, as the functions of this room see it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, Insert, Table
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from pdp.store.records import Record

R = TypeVar("R", bound=Record)
Hook = Callable[["Session"], None]
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Session:
    """An open transaction of a `Database`; it is not used outside the function it is given to."""

    __slots__ = ("_connection", "_hooks", "notifies", "on_postgres", "topics")

    def __init__(self, connection: Connection, *, notifies: bool = False) -> None:
        self._connection = connection
        self._hooks: dict[str, Hook] = {}
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
        statement = self.insert(table).on_conflict_do_nothing(index_elements=list(key))
        return self.execute(statement, dict(record)).rowcount == 1

    def before_commit(self, name: str, hook: Hook) -> None:
        """Have `hook` run at the very end of the transaction, once for each `name`.

        What locks a row that every writer needs belongs here: the lock is then short, and
        always taken last, in the order of the names, so that writers cannot block each other.
        """
        self._hooks.setdefault(name, hook)

    def finish(self) -> None:
        """Run what `before_commit` asked for."""
        while self._hooks:
            name = min(self._hooks)
            self._hooks.pop(name)(self)
