"""Where decision records go: the database, a file, or standard output."""

import os
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

import orjson

from pdp.core.values import JsonObject
from pdp.store import decisions
from pdp.store.engine import Database

Sink = Callable[[Sequence[JsonObject]], object]


def database_sink(database: Database) -> Sink:
    """Records as rows that `GET /admin/v1/decisions` finds."""

    def write(records: Sequence[JsonObject]) -> None:
        rows = [_row(record) for record in records]
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


def _row(record: JsonObject) -> decisions.Decision:
    request = record["request"]
    at: datetime = record["at"]
    return decisions.Decision.model_construct(
        evaluation_id=record["evaluation_id"] or "dec_" + secrets.token_hex(12),
        at=at,
        decision=record["decision"],
        subject_type=_part(request, "subject", "type"),
        subject_id=_part(request, "subject", "id"),
        action=_part(request, "action", "name"),
        resource_type=_part(request, "resource", "type"),
        resource_id=_part(request, "resource", "id"),
        policy_version=record["policy_version"],
        caller=record["caller"],
        request_id=record["request_id"],
        detail={
            "request": request,
            "policies": record["policies"],
            "entity_version": record["entity_version"],
        },
    )


def _part(request: JsonObject, member: str, name: str) -> str:
    # A redaction rule may have replaced the whole member.
    value = request[member]
    return str(value[name] if isinstance(value, dict) else value)
