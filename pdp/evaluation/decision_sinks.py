"""Where decision records go: the database, a file, or standard output."""

import os
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from pdp.core.values import JsonObject
from pdp.store import decisions
from pdp.store.engine import Database

Sink = Callable[[Sequence[JsonObject]], object]
_ID_BYTES = 12


def database_sink(database: Database) -> Sink:
    """Records as rows that `GET /admin/v1/decisions` finds."""

    def write(records: Sequence[JsonObject]) -> None:
        # One call for all: each asks the operating system, which costs more than the row.
        names = secrets.token_hex(_ID_BYTES * len(records))
        rows = [_row(r, names[i * 2 * _ID_BYTES :][: 2 * _ID_BYTES]) for i, r in enumerate(records)]
        database.write(lambda session: decisions.add(session, rows))

    return write


def descriptor_sink(descriptor: int) -> Sink:
    """Records as JSON lines."""

    def write(records: Sequence[JsonObject]) -> None:
        data = b"".join(
            orjson.dumps({"event": "decision", **record}, option=orjson.OPT_APPEND_NEWLINE)
            for record in records
        )
        os.write(descriptor, data)

    return write


def _row(record: JsonObject, name: str) -> dict[str, Any]:
    request = record["request"]
    return {
        "evaluation_id": record["evaluation_id"] or "dec_" + name,
        "at": record["at"],
        "decision": record["decision"],
        "subject_type": _part(request, "subject", "type"),
        "subject_id": _part(request, "subject", "id"),
        "action": _part(request, "action", "name"),
        "resource_type": _part(request, "resource", "type"),
        "resource_id": _part(request, "resource", "id"),
        "policy_version": record["policy_version"],
        "caller": record["caller"],
        "request_id": record["request_id"],
        "detail": {
            "request": request,
            "policies": record["policies"],
            "entity_version": record["entity_version"],
            **({"approval": record["approval"]} if record["approval"] is not None else {}),
        },
    }


def _part(request: JsonObject, member: str, name: str) -> str:
    # A redaction rule may have replaced the whole member.
    value = request[member]
    return str(value[name] if isinstance(value, dict) else value)
