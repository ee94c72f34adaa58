"""A PDP for each kind of database."""

from collections.abc import Iterator

import pytest

from tests.access_request.world import Pdp, serving
from tests.contract.conftest import database_url, postgres, postgres_template, sqlite_template

__all__ = ["database_url", "postgres", "postgres_template", "sqlite_template"]


@pytest.fixture
def pdp(database_url: str) -> Iterator[Pdp]:
    """A PDP over an empty database."""
    with serving(database_url) as found:
        yield found
