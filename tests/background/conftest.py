"""The databases of the store's own suite, and what the tests of the background share."""

from tests.contract.conftest import (
    database_url,
    db,
    empty_url,
    postgres,
    postgres_template,
    sqlite_template,
)

__all__ = [
    "database_url",
    "db",
    "empty_url",
    "postgres",
    "postgres_template",
    "sqlite_template",
]
