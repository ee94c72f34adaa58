"""`python -m bench.deferral`: what waiting costs, in ratios between figures of one run.

Pending polls a second against plain evaluations, over HTTP on one core; a poll beside a million
handles against one beside a thousand, in process. Writes docs/benchmarks/deferral.md.

Exit status 1 when a target is missed. With --quick the numbers are small and mean nothing.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import anyio

from bench.http import CONNECTIONS, pinned
from bench.requests import PEP, World
from bench.targets import Target, table
from bench.waiting import AGENT, AS, code, serving, wait

PAGE = Path("docs/benchmarks/deferral.md")
_POLL = "/oauth/v1/deferrals/poll"
_EVALUATION = "/access/v1/evaluation"
_QUESTION = {
    "subject": {"type": "user", "id": "alice"},
    "action": {"name": "write"},
    "resource": {"type": "document", "id": "plan-7"},
    "context": {"device": {"managed": True}},
}
_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {key}"
local number = {first}
request = function()
  number = number % {count} + 1
  return wrk.format(nil, nil, nil, string.format('{body}', number))
end
"""


class Sizes(NamedTuple):
    """How much is measured."""

    polled: int
    few: int
    many: int
    rounds: int
    seconds: int


WHOLE = Sizes(60_000, 1_000, 1_000_000, 5, 3)
QUICK = Sizes(2_000, 50, 500, 1, 1)


def measure(folder: Path, sizes: Sizes) -> list[Target]:
    """Everything, each against its target."""
    return [
        Target(
            "pending polls a second, of plain evaluations a second",
            _rates(folder / "rates", sizes),
            0.5,
            at_least=True,
        ),
        Target(
            f"a poll beside {sizes.many:,} handles over one beside {sizes.few:,}",
            anyio.run(_growth, folder, sizes),
            1.3,
        ),
    ]


def _rates(folder: Path, sizes: Sizes) -> float:
    world = World(folder)
    wait(world, sizes.polled)
    world.server.services.close()
    poll = json.dumps({"deferral_code": code(0).replace("0" * 8, "%08d"), "client": AGENT})
    polls = _SCRIPT.format(key=AS, first=0, count=sizes.polled, body=poll)
    questions = _SCRIPT.format(key=PEP, first=0, count=1, body=json.dumps(_QUESTION))
    found = []
    with serving(folder) as url:
        _rate(url + _EVALUATION, questions, 1, folder)
        for _ in range(sizes.rounds):
            asked = _rate(url + _EVALUATION, questions, sizes.seconds, folder)
            found.append(_rate(url + _POLL, polls, sizes.seconds, folder) / asked)
            polls = polls.replace("local number = ", "local number = 997 + ")
    return statistics.median(found)


def _rate(url: str, script: str, seconds: int, folder: Path) -> float:
    path = folder / "ask.lua"
    path.write_text(script)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(path), url]
    output = subprocess.run(pinned(1, command), check=True, capture_output=True, text=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert rate is not None
    return float(rate[1])


async def _growth(folder: Path, sizes: Sizes) -> float:
    """Both databases in turn, each poll with another handle: none is polled too fast."""
    worlds = []
    for count in (sizes.few, sizes.many):
        world = World(folder / f"of-{count}")
        await anyio.to_thread.run_sync(wait, world, count)
        worlds.append((world, count))
    times: list[list[float]] = [[], []]
    for turn in range(sizes.few):
        for (world, count), found in zip(worlds, times, strict=True):
            number = turn * (count // sizes.few) + 1
            body = json.dumps({"deferral_code": code(number), "client": AGENT}).encode()
            began = time.perf_counter()
            answer = await _posted(world.server, _POLL, AS, body)
            found.append(time.perf_counter() - began)
            assert answer["error"] == "authorization_pending", answer
    few, many = (statistics.median(found) for found in times)
    return many / few


async def _posted(server: Any, path: str, key: str, body: bytes) -> Any:
    told = bytearray()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        told.extend(message.get("body", b""))

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [
            (b"authorization", b"Bearer " + key.encode()),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ],
    }
    await server(scope, receive, send)
    return json.loads(told)


def page_of(found: list[Target]) -> str:
    """The page as Markdown."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}."
    head = "# Waiting\n\nMade by `python -m bench.deferral`, on SQLite."
    return "\n\n".join([head, table(found), machine]) + "\n"


def main() -> int:
    """Measure, print, write; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.deferral", description=__doc__)
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
