"""The databases of the store's own suite."""

from tests.contract.conftest import postgres, postgres_db, postgres_template

__all__ = ["postgres", "postgres_db", "postgres_template"]
