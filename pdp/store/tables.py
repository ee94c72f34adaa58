"""Every table, for the migrations to compare with."""

from pdp.store import (
    clients,
    decisions,
    entities,
    keys,
    policy_versions,
    versions,
)
from pdp.store.records import Record

__all__ = ["clients", "decisions", "entities", "keys", "metadata", "policy_versions", "versions"]

metadata = Record.metadata
