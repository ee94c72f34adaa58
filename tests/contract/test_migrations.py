"""Migrations: from nothing to the newest revision, once, whoever starts at the same time."""

import pytest
from sqlalchemy import text

from pdp.store import migrate, tasks
from pdp.store.engine import Database
from tests.contract.make import race, task


def test_an_empty_database_becomes_what_the_code_expects(empty_url: str) -> None:
    db = Database.open(empty_url)
    assert migrate.revision(db) is None
    assert migrate.upgrade(db)
    assert migrate.revision(db) == migrate.HEAD
    assert migrate.differences(db) == []
    db.close()


def test_a_second_upgrade_does_nothing(db: Database) -> None:
    assert not migrate.upgrade(db)


@pytest.mark.slow
def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    def start(_: int) -> bool:
        db = Database.open(empty_url)
        try:
            migrate.upgrade(db)
            return migrate.revision(db) == migrate.HEAD
        finally:
            db.close()

    assert race(start, 4) == [True] * 4
    db = Database.open(empty_url)
    db.write(lambda session: tasks.create(session, task()))
    db.close()


def test_a_newer_database_is_refused(db: Database) -> None:
    db.write(
        lambda session: [session.execute(text("UPDATE alembic_version SET version_num = '9999'"))]
    )
    with pytest.raises(migrate.UnknownRevision, match="`9999`"):
        migrate.upgrade(db)
