"""What commands that work on the database have in common: opening it, faults, and their output."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pdp.settings import Settings, SettingsError
from pdp.store.connect import BadAddress
from pdp.store.engine import Database, StoreUnavailable
from pdp.store.migrate import UnknownRevision, upgrade

Outcome = tuple[int, str]
"""Exit status and text: 0 all is well, 1 what was asked fell short, 2 it could not be tried."""


def with_database(settings: Settings, work: Callable[[Database], Outcome]) -> Outcome:
    """Run `work` on the database of the settings, brought to this version's schema first."""
    try:
        database = Database.open(settings.database)
    except BadAddress as fault:
        return 2, f"`database`: {fault}"
    except OSError as fault:
        return 2, f"`database`: cannot be opened: {fault.strerror}"
    try:
        upgrade(database)
        return work(database)
    except (SettingsError, StoreUnavailable, UnknownRevision) as fault:
        return 2, str(fault)
    finally:
        database.close()


def as_json(value: Any) -> str:
    """JSON for a program to read; moments as RFC 3339."""
    return json.dumps(value, indent=2, default=_plain)


def as_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns for a person to read."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def moment(at: datetime | None) -> str:
    """A moment as RFC 3339 to the second, or a dash."""
    return "-" if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
