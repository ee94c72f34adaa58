"""A queue for each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.conftest import database_url, postgres, postgres_template, sqlite_template
from tests.queue.world import Queue, queue_over

__all__ = ["database_url", "postgres", "postgres_template", "sqlite_template"]


@pytest.fixture
def queue(database_url: str, tmp_path: Path) -> Iterator[Queue]:
    """A queue over an empty database."""
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    with queue_over(database_url, schemas) as found:
        yield found
