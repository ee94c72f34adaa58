"""Example servers, running."""

from collections.abc import Iterator

import pytest

from tests.connected.bank import Bank, open_bank
from tests.connected.counter import Counter, open_counter


@pytest.fixture(scope="package")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """The example of node oidc-provider, all of it running."""
    with open_bank(tmp_path_factory.mktemp("bank")) as bank:
        yield bank


@pytest.fixture(scope="package")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    """The example of Authlib, all of it running."""
    with open_counter(tmp_path_factory.mktemp("counter")) as counter:
        yield counter
