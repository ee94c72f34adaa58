"""`python -m bench.requests`: what asking costs, in ratios between figures of one run.

A denial that can be requested against a plain one; whole requests (ask, submit, approve, poll) per
second beside a million past ones against none; the first page of a queue with 100,000 requests
against 100; a poll against one read by primary key. Writes docs/benchmarks/requests.md.

Exit status 1 when a target is missed. With --quick the numbers are small and mean nothing.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import httpx
from sqlalchemy import text

from bench.targets import Target, table
from pdp.access_request.status import show_task
from pdp.app import Server
from pdp.services import Services, utc_now
from pdp.settings import Settings
from pdp.store import tasks
from pdp.store.engine import Database
from pdp.trust.callers import Caller

PAGE = Path("docs/benchmarks/requests.md")
POLICIES = """
@id("approved") @approval("manager")
permit (principal in Group::"staff", action == Action::"read", resource)
when { context has approval && context.approval.template == "manager" };
@id("writes")
permit (principal in Group::"staff", action == Action::"write", resource)
when { context has device && context.device.managed };
@id("managers")
permit (principal in Group::"managers", action == Action::"access_request:approve", resource);
"""
WORKFLOWS = "workflows:\n  manager:\n    steps:\n      - { name: manager, queue: managers }\n"
MEMBERS = {"alice": "staff", "bob": "managers"}
ADMIN, PEP, INBOX = "demo-admin-key", "demo-pep-key", "demo-inbox-key"
CALLER = Caller("demo-pep", frozenset({"pep"}))


class Sizes(NamedTuple):
    """How much is measured."""

    past: int
    pending: int
    rounds: int
    cycles: int


WHOLE = Sizes(1_000_000, 100_000, 9, 40)
QUICK = Sizes(2_000, 400, 2, 3)


class World:
    """A server in this process over a database of its own."""

    def __init__(self, folder: Path) -> None:
        (folder / "policies").mkdir(parents=True)
        (folder / "policies/main.cedar").write_text(POLICIES)
        (folder / "policies/workflows.yaml").write_text(WORKFLOWS)
        entities = [
            {
                "uid": {"type": "User", "id": name},
                "attrs": {},
                "parents": [{"type": "Group", "id": group}],
            }
            for name, group in MEMBERS.items()
        ]
        (folder / "policies/entities.json").write_text(json.dumps(entities))
        settings = Settings(
            demo=True,
            database=f"sqlite:///{folder}/pdp.db",
            policies=folder / "policies",
            schemas=folder / "policies",
        )
        self.server = Server(Services(settings, utc_now))

    @property
    def database(self) -> Database:
        """Its database."""
        return self.server.services.database

    async def request(self, http: httpx.AsyncClient) -> str:
        """One whole request: ask, submit, approve, poll; its id."""
        task = await self.submitted(http)
        body = {"decision": "approve", "approver": {"type": "User", "id": "bob"}}
        await _sent(http, "POST", f"/queue/v1/tasks/{task}/decisions", INBOX, body)
        shown = await _sent(http, "GET", f"/access/v1/requests/{task}", PEP)
        assert shown["task"]["status"] == "approved"
        return task

    async def submitted(self, http: httpx.AsyncClient) -> str:
        """A request that was made; its id."""
        asked = _question()
        context = (await _sent(http, "POST", "/access/v1/evaluation", PEP, asked))["context"]
        hint = context["access_request"]
        denial = {name: hint[name] for name in ("binding_token", "expires_at")}
        found = await _sent(http, "POST", "/access/v1/requests", PEP, asked | {"denial": denial})
        return str(found["task"]["id"])

    def run(self, work: Callable[[httpx.AsyncClient], Any]) -> Any:
        """Run something with a client of the server."""

        async def whole() -> Any:
            transport = httpx.ASGITransport(self.server)
            async with httpx.AsyncClient(transport=transport, base_url="http://pdp") as http:
                return await work(http)

        return anyio.run(whole)


def measure(folder: Path, sizes: Sizes) -> list[Target]:
    """Everything, each against its target."""
    first = World(folder / "first")
    waiting, approved = first.run(first.submitted), first.run(first.request)
    return [
        Target("a denial that can be requested over a plain one", _denials(first, sizes), 4),
        Target(
            f"requests per second beside {sizes.past:,} past ones, of those beside none",
            _cycles(folder, sizes),
            0.8,
            at_least=True,
        ),
        Target(
            f"first page of a queue with {sizes.pending:,} requests over one with 100",
            _pages(folder, sizes),
            3,
        ),
        Target("a poll over one read by primary key", _polls(first, waiting, sizes), 1.5),
        Target("a poll of an approved one over one read", _polls(first, approved, sizes), 1.5),
    ]


def _denials(world: World, sizes: Sizes) -> float:
    """The whole of an evaluation but for sockets: authenticated, decided, logged, answered."""

    async def best() -> list[float]:
        found = [float("inf")] * 2
        for _ in range(20 * sizes.rounds):
            for place, action in enumerate(("write", "read")):
                body = json.dumps(_question(action)).encode()
                began = time.perf_counter()
                for _ in range(20):
                    await _answered(world.server, body)
                found[place] = min(found[place], (time.perf_counter() - began) / 20)
        return found

    plain, offered = anyio.run(best)
    return offered / plain


async def _answered(server: Server, body: bytes) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/access/v1/evaluation",
        "raw_path": b"/access/v1/evaluation",
        "query_string": b"",
        "headers": [
            (b"authorization", b"Bearer " + PEP.encode()),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ],
    }
    await server(scope, receive, send)


def _polls(world: World, task: str, sizes: Sizes) -> float:
    desk, db, now = world.server.services.desk, world.database, utc_now()
    row, poll = _best(
        [
            lambda: db.peek(lambda s: tasks.get(s, task)),
            lambda: db.peek(lambda s: show_task(s, desk, task, CALLER, now)),
        ],
        sizes,
    )
    return poll / row


def _cycles(folder: Path, sizes: Sizes) -> float:
    """Both databases in turn, so that what else the machine does falls on both."""
    worlds = [World(folder / "fresh"), World(folder / "old")]
    multiply(worlds[1].database, worlds[1].run(worlds[1].request), sizes.past)
    seconds: list[list[float]] = [[], []]
    for _ in range(sizes.rounds):
        for world, found in zip(worlds, seconds, strict=True):

            async def several(http: httpx.AsyncClient, world: World = world) -> None:
                for _ in range(sizes.cycles):
                    await world.request(http)

            found.append(_took(partial(world.run, several)))
    fresh, old = (statistics.median(found) for found in seconds)
    return fresh / old


def _pages(folder: Path, sizes: Sizes) -> float:
    async def page(http: httpx.AsyncClient) -> None:
        await _sent(http, "GET", "/queue/v1/tasks?status=pending&queue=managers&limit=50", ADMIN)

    found = []
    for name, pending in (("few", 100), ("many", sizes.pending)):
        world = World(folder / name)
        multiply(world.database, world.run(world.submitted), pending - 1)
        found.append(min(_took(partial(world.run, page)) for _ in range(10 * sizes.rounds)))
    return found[1] / found[0]


def multiply(database: Database, task: str, copies: int) -> None:
    """Copy a request as it is kept, its place in a queue too, under ids of their own."""
    with database.writer.connect() as connection:
        for name, key in (("tasks", "id"), ("task_queues", "task_id")):
            columns = [row[1] for row in connection.execute(text(f"PRAGMA table_info({name})"))]
            chosen = ", ".join(f"{key} || '-' || n" if each == key else each for each in columns)
            connection.execute(
                text(
                    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers"
                    f" WHERE n < :most) INSERT INTO {name} ({', '.join(columns)})"
                    f" SELECT {chosen} FROM {name}, numbers WHERE {key} = :task"
                ),
                {"most": copies, "task": task},
            )
        connection.execute(text("ANALYZE"))
        connection.commit()


async def _sent(
    http: httpx.AsyncClient, method: str, path: str, key: str, body: Any = None
) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {key}"}
    reply = await http.request(method, path, headers=headers, json=body)
    assert reply.status_code < 300, reply.text
    return dict(reply.json())


def _question(action: str = "read") -> dict[str, Any]:
    return {
        "subject": {"type": "user", "id": "alice"},
        "action": {"name": action},
        "resource": {"type": "document", "id": "plan-7"},
    }


def _best(works: Sequence[Callable[[], object]], sizes: Sizes) -> list[float]:
    """Seconds of each at its best, measured in turn."""
    best = [float("inf")] * len(works)
    for _ in range(20 * sizes.rounds):
        for place, work in enumerate(works):
            best[place] = min(best[place], _took(work, 20))
    return best


def _took(work: Callable[[], object], times: int = 1) -> float:
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times


def page_of(found: list[Target]) -> str:
    """The page as Markdown."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}."
    head = "# Access requests\n\nMade by `python -m bench.requests`, in process, on SQLite."
    return "\n\n".join([head, table(found), machine]) + "\n"


def main() -> int:
    """Measure, print, write; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.requests", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="little and briefly, for tests")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pdp-bench-") as folder:
        found = measure(Path(folder), QUICK if options.quick else WHOLE)
    print(page_of(found))
    if options.quick:
        return 0
    PAGE.write_text(page_of(found))
    return 0 if all(target.holds for target in found) else 1


if __name__ == "__main__":
    sys.exit(main())
