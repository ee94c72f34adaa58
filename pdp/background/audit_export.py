"""The audit as JSON Lines or CSV, a little at a time."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Literal

from pdp.store.audit import AuditRecord, body_of, canonical

Format = Literal["jsonl", "csv"]
COLUMNS = (
    "seq", "at", "event", "task_id", "actor_type", "actor_id", "actor", "origin", "details",
    "prev_hash", "hash",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def document(record: AuditRecord) -> dict[str, Any]:
    """An event as JSON: what its hash covers, and the hashes."""
    return body_of(record) | {"prev_hash": record.prev_hash, "hash": record.hash}


def exported(
    records: Iterable[AuditRecord],
    style: Format,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[str]:
    """The text of the records from `since` on, before `until`: line after line."""
    chosen = (
        record
        for record in records
        if (since is None or record.at >= since) and (until is None or record.at < until)
    )
    return _lines(chosen) if style == "jsonl" else _rows(chosen)


def _lines(records: Iterable[AuditRecord]) -> Iterator[str]:
    for record in records:
        yield canonical(document(record)) + "\n"


def _rows(records: Iterable[AuditRecord]) -> Iterator[str]:
    yield _csv(COLUMNS)
    for record in records:
        body = document(record)
        yield _csv([_cell(body[name]) for name in COLUMNS])


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    # A spreadsheet would take such text for a formula; whoever needs it exactly takes JSON Lines.
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


def _csv(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()
