"""Migrated PostgreSQL databases that tests use one after the other.

Making one takes a tenth of a second and leaves 300 files to remove; emptying one takes 2 ms.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from pdp.store import migrate
from pdp.store.engine import Database

_TERMINATE = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_SHAPE = """
    SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (
        SELECT concat_ws(' ', attrelid::regclass, attname, atttypid, attnotnull) AS line
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(' ', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger
        UNION ALL SELECT concat_ws(' ', datname, setconfig) FROM pg_db_role_setting
        JOIN pg_database ON pg_database.oid = setdatabase WHERE datname = current_database()
        UNION ALL SELECT 'revision ' || version_num FROM alembic_version
    ) AS lines
"""
_TABLES = (
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
)


class Pool:
    """Databases of one server.

    Args:
        address: of the server's databases, with `{name}` for the name.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._free: list[str] = []
        self._template: str | None = None
        self._shape: object = None

    def create(self, template: str = "template0") -> str:
        """A new database; its name."""
        name = "t_" + uuid.uuid4().hex
        with self._connected("postgres") as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')  # type: ignore[arg-type]
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        with self._connected("postgres") as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """The address of a migrated, empty database, for as long as the context is entered."""
        name = self._free.pop() if self._free else self.create(self._ready_template())
        try:
            yield self._address.format(name=name)
        finally:
            if self._emptied(name):
                self._free.append(name)
            else:
                self.drop(name)

    def _ready_template(self) -> str:
        if self._template is None:
            name = self.create()
            database = Database.open(self._address.format(name=name))
            migrate.upgrade(database)
            database.close()
            with self._connected(name) as connection:
                self._shape = connection.execute(_SHAPE).fetchone()
            self._template = name
        return self._template

    def _emptied(self, name: str) -> bool:
        """Empty a database; False when what a test did to it is more than rows."""
        try:
            with self._connected(name) as connection:
                connection.execute(_TERMINATE)
                if connection.execute(_SHAPE).fetchone() != self._shape:
                    return False
                # As a replica does: neither foreign keys nor what guards the audit hold it up.
                connection.execute("SET session_replication_role = replica")
                for (table,) in connection.execute(_TABLES).fetchall():
                    connection.execute(f'DELETE FROM "{table}"')
                connection.execute(
                    "SELECT setval(quote_ident(sequencename)::regclass, start_value, false)"
                    " FROM pg_sequences WHERE schemaname = 'public'"
                )
        except psycopg.Error:
            return False
        return True

    @contextmanager
    def _connected(self, name: str) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self._address.format(name=name), autocommit=True) as connection:
            yield connection
