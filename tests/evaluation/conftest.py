"""One running server over the todo world, for the tests that look from outside."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pdp.store.engine import Database
from tests.contract.conftest import (
    database_url,
    db,
    postgres,
    postgres_template,
    sqlite_template,
)
from tests.evaluation.approving import Pdp
from tests.server import Server, running

__all__ = ["database_url", "db", "postgres", "postgres_template", "sqlite_template"]

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the todo policies and their schema."""
    world = DATA / "interop_todo"
    folder = tmp_path_factory.mktemp("todo")
    with running(folder, policies=world / "policies", schemas=world / "schemas") as found:
        yield found


@pytest.fixture
def pep(server: Server) -> Iterator[httpx.Client]:
    """A client with the role pep."""
    with server.client() as client:
        yield client


@pytest.fixture
def pdp(db: Database) -> Pdp:
    """A replica over an empty database, of each kind."""
    return Pdp(db)
