"""A server for the admin API's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.admin.serving import Client, serving


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Client]:
    """Calls the server."""
    with serving(tmp_path) as client:
        yield client
