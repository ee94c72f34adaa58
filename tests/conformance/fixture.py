"""The people, records and actions of the certification scenario, as requests name them."""

from typing import Any

ALICE: dict[str, Any] = {"type": "user", "id": "alice"}
BOB: dict[str, Any] = {"type": "user", "id": "bob"}
BOB_AS_ADMIN: dict[str, Any] = {**BOB, "properties": {"role": "admin"}}
RECORD_1: dict[str, Any] = {"type": "record", "id": "record-1"}
RECORD_2: dict[str, Any] = {"type": "record", "id": "record-2"}
ACTIVE: dict[str, Any] = {**RECORD_1, "properties": {"status": "active"}}
ARCHIVED: dict[str, Any] = {**RECORD_2, "properties": {"status": "archived"}}
READ: dict[str, Any] = {"name": "read"}
WRITE: dict[str, Any] = {"name": "write"}
DELETE_SOFTLY: dict[str, Any] = {"name": "delete", "properties": {"soft": True}}
DELETE_FOR_GOOD: dict[str, Any] = {"name": "delete", "properties": {"soft": False}}
ENVIRONMENT: dict[str, Any] = {"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"}
FIRST_RULE: dict[str, Any] = {"subject": ALICE, "action": READ, "resource": RECORD_1}
"""Alice reads the first record: the request that the scenario repeats most."""


def without(body: dict[str, Any], *path: str) -> dict[str, Any]:
    """The body less the member at `path`."""
    name, *rest = path
    if not rest:
        return {key: value for key, value in body.items() if key != name}
    return {**body, name: without(body[name], *rest)}


def having(body: dict[str, Any], value: Any, *path: str) -> dict[str, Any]:
    """The body with `value` at `path`."""
    name, *rest = path
    return {**body, name: having(body[name], value, *rest) if rest else value}
