"""One suite, two databases: `database_url` is an empty database of each kind."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pdp.store import migrate
from pdp.store.engine import Database
from tests.contract import cluster


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a running server, with `{name}` for the database."""
    with cluster.server() as address:
        yield address


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> str:
    """The name of a migrated PostgreSQL database to copy."""
    name = "template_" + uuid.uuid4().hex
    _create(postgres, name)
    _migrate(postgres.format(name=name))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "pdp.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/pdp.db"
    address: str = request.getfixturevalue("postgres")
    name = "t_" + uuid.uuid4().hex
    _create(address, name)
    return address.format(name=name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a migrated, empty database."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "pdp.db")
        return f"sqlite:///{tmp_path}/pdp.db"
    address: str = request.getfixturevalue("postgres")
    name = "t_" + uuid.uuid4().hex
    _create(address, name, request.getfixturevalue("postgres_template"))
    return address.format(name=name)


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """That database, open."""
    database = Database.open(database_url)
    yield database
    database.close()


@pytest.fixture
def postgres_db(postgres: str, postgres_template: str) -> Iterator[Database]:
    """A migrated PostgreSQL database, open: for what SQLite cannot do."""
    name = "t_" + uuid.uuid4().hex
    _create(postgres, name, postgres_template)
    database = Database.open(postgres.format(name=name))
    yield database
    database.close()


def _create(address: str, name: str, template: str = "template0") -> None:
    with psycopg.connect(address.format(name="postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')  # type: ignore[arg-type]


def _migrate(url: str) -> None:
    database = Database.open(url)
    migrate.upgrade(database)
    database.close()
