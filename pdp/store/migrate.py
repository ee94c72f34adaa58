"""Bringing a database to the newest revision: forward only, by one process at a time."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pdp.store.engine import Database, StoreUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0005"
_log = logging.getLogger("pdp.store")
_LOCK = 7_204_611_538_903_122
_WAIT_SECONDS = 60.0


class UnknownRevision(Exception):
    """The database was made by a newer version of this software."""


def upgrade(db: Database) -> bool:
    """Apply what is missing; tells whether anything was.

    Raises:
        UnknownRevision: the database is newer than this software.
        StoreUnavailable: another process kept migrating for a minute.
    """
    found = revision(db)
    if found == HEAD:
        return False
    if found is not None and found not in _known():
        raise UnknownRevision(f"the database has revision `{found}`, newer than this software")
    with db.writer.connect() as connection, connection.begin():
        if db.on_postgres:
            _lock(connection)
        _run_alembic(connection)
    return True


def revision(db: Database) -> str | None:
    """The revision of the database; None for an empty one."""
    with db.reader.connect() as connection:
        if not connection.dialect.has_table(connection, "alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)


def differences(db: Database) -> list[object]:
    """What the tables in the code have and the database has not, or the other way round."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from pdp.store.tables import metadata

    with db.reader.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        return list(compare_metadata(context, metadata))


def config() -> "Config":
    """alembic's configuration for the revisions in this package."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return settings


def _run_alembic(connection: Connection) -> None:
    from alembic import command

    settings = config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


def _known() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}


def _lock(connection: Connection) -> None:
    """Let one process migrate; then never wait long for a table that others use."""
    end = time.monotonic() + _WAIT_SECONDS
    statement = text("SELECT pg_try_advisory_xact_lock(:lock)").bindparams(lock=_LOCK)
    try:
        with connection.begin_nested():
            while not connection.execute(statement).scalar():
                if time.monotonic() > end:
                    raise StoreUnavailable("another process has been migrating for a minute")
                time.sleep(0.1)
    except DBAPIError as error:
        # An engine without advisory locks: there the operator migrates from one place.
        _log.warning("no lock around the migration: %s", error.orig)
    connection.execute(text("SET LOCAL lock_timeout = '5s'"))
