"""Versions and the watcher: every replica hears of a change, in the order of commits."""

import queue
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from pdp.store import versions
from pdp.store.changes import Changes
from pdp.store.engine import Database
from tests.contract.make import race

WAIT_SECONDS = 10.0


@pytest.fixture
def replica(db: Database) -> Iterator[Database]:
    """Another process's view of the same database."""
    other = Database.open(db.url)
    yield other
    other.close()


@pytest.fixture
def changes(replica: Database) -> Iterator[Changes]:
    """Its watcher, running."""
    watching = Changes(replica)
    watching.start()
    yield watching
    watching.close()


def test_a_replica_hears_of_each_topic_it_follows(db: Database, changes: Changes) -> None:
    heard: queue.Queue[tuple[str, int]] = queue.Queue()
    changes.subscribe("keys", lambda version: heard.put(("keys", version)))
    changes.subscribe("clients", lambda version: heard.put(("clients", version)))
    db.write(lambda session: versions.announce(session, "entities"))
    db.write(lambda session: versions.announce(session, "keys"))
    assert heard.get(timeout=WAIT_SECONDS) == ("keys", 1)
    db.write(lambda session: versions.announce(session, "clients"))
    assert heard.get(timeout=WAIT_SECONDS) == ("clients", 1)


def test_what_was_there_before_the_start_is_not_news(db: Database, replica: Database) -> None:
    db.write(lambda session: versions.announce(session, "keys"))
    heard: list[int] = []
    watching = Changes(replica)
    watching.subscribe("keys", heard.append)
    watching.start()
    watching.look()
    watching.close()
    assert heard == []


def test_a_listener_that_fails_stops_neither_the_others_nor_the_next_change(
    db: Database, replica: Database
) -> None:
    heard: list[int] = []
    watching = Changes(replica)

    def fail(_: int) -> None:
        raise OSError("not now")

    watching.subscribe("keys", fail)
    watching.subscribe("keys", heard.append)
    for _ in range(2):
        db.write(lambda session: versions.announce(session, "keys"))
        watching.look()
    assert heard == [1, 2]


def test_announcing_twice_in_one_transaction_counts_once(db: Database) -> None:
    db.write(lambda session: [versions.announce(session, "keys") for _ in range(2)])
    assert db.read(versions.current) == {"keys": 1}


def test_versions_are_never_given_twice(db: Database) -> None:
    seen = race(lambda _: db.write(lambda session: versions.bump(session, "entities")), 16)
    assert sorted(seen) == list(range(1, 17))


@pytest.mark.postgres
def test_the_watcher_survives_the_loss_of_its_connections(postgres_db: Database) -> None:
    replica = Database.open(postgres_db.url)
    watching = Changes(replica)
    watching.start()
    heard: queue.Queue[int] = queue.Queue()
    watching.subscribe("keys", heard.put)
    kill = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    postgres_db.peek(lambda session: session.scalar(kill))
    postgres_db.write(lambda session: versions.announce(session, "keys"))
    assert heard.get(timeout=WAIT_SECONDS) == 1
    watching.close()
    replica.close()
