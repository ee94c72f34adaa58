"""The databases of the store's own suite, a key ring, and an HTTP sink on this machine."""

from collections.abc import Iterator

import pytest

from pdp.background.outbound_poster import OutboundPoster
from pdp.settings import OutboundSettings
from pdp.store.engine import Database
from pdp.trust.keys import KeyRing
from pdp.trust.master_key import MasterKey
from pdp.trust.outbound import Outbound
from tests.background.sink import Sink, listening
from tests.contract.conftest import (
    database_url,
    db,
    empty_url,
    postgres,
    postgres_template,
    sqlite_template,
)
from tests.contract.make import NOW

__all__ = [
    "database_url",
    "db",
    "empty_url",
    "postgres",
    "postgres_template",
    "sqlite_template",
]


@pytest.fixture
def keys(db: Database) -> KeyRing:
    """The key ring of the database."""
    ring = KeyRing(db, MasterKey(b"k" * 32))
    ring.prepare(NOW)
    return ring


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Somebody to call."""
    with listening() as listener:
        yield listener


@pytest.fixture
def poster() -> OutboundPoster:
    """The guarded client, allowed to reach this machine."""
    settings = OutboundSettings(allow_hosts=["127.0.0.1"], allow_networks=["127.0.0.0/8"])
    return OutboundPoster(Outbound(settings), lambda: NOW)
