"""A PDP with authorization servers for each kind of database."""

from collections.abc import Iterator

import pytest

from tests.contract.conftest import database_url, postgres, postgres_template, sqlite_template
from tests.deferral.world import Server, oauth_serving

__all__ = ["database_url", "postgres", "postgres_template", "sqlite_template"]


@pytest.fixture
def server(database_url: str) -> Iterator[Server]:
    """A PDP over an empty database."""
    with oauth_serving(database_url) as found:
        yield found
