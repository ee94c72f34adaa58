"""Servers for the admin API's tests."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.admin.replicas import Replica, replica, world
from tests.admin.serving import Client, serving
from tests.contract.conftest import (  # noqa: F401 - fixtures
    database_url,
    postgres,
    postgres_template,
    sqlite_template,
)

StartReplica = Callable[..., Replica]


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Client]:
    """Calls the server."""
    with serving(tmp_path) as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with policies and schemas that a test may change."""
    return world(tmp_path)


@pytest.fixture
def start(folder: Path, database_url: str) -> Iterator[StartReplica]:  # noqa: F811
    """Starts a replica over the folder and the database, with further settings."""
    with ExitStack() as running:

        def started(**settings: Any) -> Replica:
            return running.enter_context(replica(folder, database_url, **settings))

        yield started
    shutil.rmtree(folder, ignore_errors=True)
