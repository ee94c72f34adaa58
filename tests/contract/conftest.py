"""One suite, two databases: `database_url` is an empty database of each kind.

Other suites import these fixtures; whatever they do, one server and one pool serve the process.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pdp.store import migrate
from pdp.store.engine import Database
from tests.contract import cluster
from tests.contract.pool import Pool

EACH_KIND = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
_ADDRESS = pytest.StashKey[str]()
_POOL = pytest.StashKey[Pool]()


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> str:
    """The address of a running server, with `{name}` for the database."""
    if _ADDRESS not in pytestconfig.stash:
        running = ExitStack()
        pytestconfig.stash[_ADDRESS] = running.enter_context(cluster.server())
        pytestconfig.add_cleanup(running.close)
    return pytestconfig.stash[_ADDRESS]


@pytest.fixture(scope="session")
def postgres_template(postgres: str, pytestconfig: pytest.Config) -> Pool:
    """The databases of that server."""
    if _POOL not in pytestconfig.stash:
        pytestconfig.stash[_POOL] = Pool(postgres)
    return pytestconfig.stash[_POOL]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "pdp.db"
    database = Database.open(f"sqlite:///{path}")
    migrate.upgrade(database)
    database.close()
    return path


@pytest.fixture(params=EACH_KIND)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/pdp.db"
        return
    pool: Pool = request.getfixturevalue("postgres_template")
    name = pool.create()
    yield request.getfixturevalue("postgres").format(name=name)
    pool.drop(name)


@pytest.fixture(params=EACH_KIND)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a migrated, empty database."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "pdp.db")
        yield f"sqlite:///{tmp_path}/pdp.db"
        return
    pool: Pool = request.getfixturevalue("postgres_template")
    with pool.migrated() as address:
        yield address


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """That database, open."""
    database = Database.open(database_url)
    yield database
    database.close()


@pytest.fixture
def postgres_db(postgres_template: Pool) -> Iterator[Database]:
    """A migrated PostgreSQL database, open: for what SQLite cannot do."""
    with postgres_template.migrated() as address:
        database = Database.open(address)
        yield database
        database.close()
