"""How the two databases are opened: addresses, pools, and what each connection is told first."""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

SQLITE_READERS = 4
POSTGRES_POOL = 10
BUSY_MS = 5_000
IDLE_IN_TRANSACTION_MS = 60_000


class BadAddress(ValueError):
    """The database address is not one this software can open."""


def parse_address(text: str) -> URL:
    """Read `sqlite:///relative`, `sqlite:////absolute` or `postgresql://…`; raises `BadAddress`."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise BadAddress("not a database address: want `sqlite:///…` or `postgresql://…`") from None
    kind = url.get_backend_name()
    if kind == "sqlite":
        if not url.database or url.database == ":memory:":
            raise BadAddress("a SQLite address must name a file: `sqlite:///var/pdp.db`")
        return url.set(drivername="sqlite+pysqlite")
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise BadAddress(f"neither a sqlite nor a postgresql address: `{kind}`")


def sqlite_engines(url: URL) -> tuple[Engine, Engine]:
    """The one writer and the readers of a SQLite file, made with its folder if need be."""
    path = Path(url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
    writer = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=BUSY_MS / 1000)
    reader = create_engine(url, pool_size=SQLITE_READERS, max_overflow=0)
    _set_up_sqlite(
        writer, "BEGIN IMMEDIATE", ["PRAGMA synchronous=FULL", "PRAGMA cache_size=-65536"]
    )
    _set_up_sqlite(reader, "BEGIN", ["PRAGMA query_only=ON", "PRAGMA cache_size=-16384"])
    return writer, reader


def _set_up_sqlite(engine: Engine, begin: str, pragmas: list[str]) -> None:
    first = [f"PRAGMA busy_timeout={BUSY_MS}", "PRAGMA journal_mode=WAL", "PRAGMA foreign_keys=ON"]

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # Without this the driver opens transactions by itself, too late and not IMMEDIATE.
        connection.isolation_level = None
        for pragma in first + pragmas:
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql(begin)


def postgres_engines(url: URL) -> tuple[Engine, Engine]:
    """A writer and a reader over one pool of PostgreSQL connections."""
    options = (
        f"-c timezone=UTC -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}"
        " -c client_min_messages=warning"
    )
    arguments: dict[str, Any] = {"connect_timeout": 5, "application_name": "authzen-pdp"}
    if "options" not in url.query:
        arguments["options"] = options
    writer = create_engine(url, pool_size=POSTGRES_POOL, max_overflow=0, connect_args=arguments)
    reader = writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return writer, reader
