"""Handles that wait, thousands of them: copies of one that was given out."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.http import free_port, pinned, process, ready
from bench.requests import World, multiply
from pdp.deferral.handles import hash_of
from pdp.store import deferrals
from pdp.store.engine import Database
from pdp.trust.keys import KeyRing

AS = "demo-as-key"
AGENT = {"id": "agent"}
_ROWS = 10_000


def code(number: int) -> str:
    """The code of a handle by its number."""
    return f"waiting-{number:08}"


async def given(world: World, http: Any, **more: Any) -> None:
    """One token request that is deferred."""
    body = {
        "client": AGENT,
        "grant_type": "client_credentials",
        "completion_mode": "deferred",
        "subject": {"type": "user", "id": "alice"},
        "authorization_details": [
            {"type": "document", "identifier": "plan-7", "actions": ["read"]}
        ],
    }
    headers = {"authorization": f"Bearer {AS}"}
    reply = await http.post("/oauth/v1/token-requests", json=body | more, headers=headers)
    assert reply.json().get("error") == "authorization_pending", reply.text


def wait(world: World, count: int) -> None:
    """Have `count` handles wait, each on a request of its own, whose codes are `code(n)`."""
    world.run(lambda http: given(world, http))
    database, keys = world.database, world.server.services.keys
    (task,) = database.read(lambda s: [row.id for row in s.execute(text("SELECT id FROM tasks"))])
    multiply(database, task, count)
    _copy_handles(database, keys, task, count)


def _copy_handles(database: Database, keys: KeyRing, task: str, count: int) -> None:
    first = database.read(lambda s: deferrals.of_task(s, task)[0])
    for start in range(1, count + 1, _ROWS):
        copies = [
            first.model_copy(
                update={
                    "hash": hash_of(keys, "dtr", "demo-as", AGENT["id"], code(number)),
                    "ref": f"dfr_{number}",
                    "task_id": f"{task}-{number}",
                }
            )
            for number in range(start, min(count, start + _ROWS - 1) + 1)
        ]
        database.write(lambda s, copies=copies: s.add(deferrals.deferrals, *copies))  # type: ignore[misc]


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The demo's callers over the world of `folder`, one worker on one core; gives its URL."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "pdp.cli", "serve", "--demo", "--port", str(port)),
        *("--policies", str(folder / "policies"), "--schemas", str(folder / "policies")),
        *("--database", f"sqlite:///{folder}/pdp.db"),
    ]
    with process(pinned(0, command), dict(os.environ)):
        yield ready(port)
