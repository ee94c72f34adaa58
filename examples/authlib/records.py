"""Keeps records in a SQLite file, so that they outlive the process. A real server has a database.

Nothing can be found in it by who reads it: what a record is called by, a code or a token, is kept
as a hash.
"""

import hashlib
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

_TABLE = """
create table if not exists record (
    kind text not null, name text not null, value text not null, until real not null,
    primary key (kind, name)
)
"""


class Records:
    """Records of some kinds, each with a name and an end."""

    def __init__(self, file: Path) -> None:
        file.touch(0o600)
        self._file = file
        self._run("pragma journal_mode = wal")
        self._run(_TABLE)

    def put(self, kind: str, name: str, value: dict[str, Any], seconds: float) -> None:
        """Keep a record, in the place of what had its name."""
        now = time.time()
        row = (kind, _hash(name), json.dumps(value), now + seconds)
        self._run("delete from record where until <= ?", now)
        self._run("insert or replace into record values (?, ?, ?, ?)", *row)

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """A record, unless it has ended."""
        return self._one("select value from record where", kind, name)

    def take(self, kind: str, name: str) -> dict[str, Any] | None:
        """A record, which is gone then; of many who take it one gets it."""
        return self._one("delete from record where", kind, name, " returning value")

    def _one(self, what: str, kind: str, name: str, more: str = "") -> dict[str, Any] | None:
        which = f"{what} kind = ? and name = ? and until > ?{more}"
        rows = self._run(which, kind, _hash(name), time.time())
        return json.loads(rows[0][0]) if rows else None

    def _run(self, statement: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self._file, timeout=10, isolation_level=None)) as database:
            return database.execute(statement, values).fetchall()


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
