"""Servers as processes: what is started, what it says, how it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.server import Server

POLICY = '@id("{id}")\npermit (principal, action == Action::"{id}", resource);\n'
_PATIENCE_SECONDS = 60.0


def folder_of(folder: Path, *actions: str) -> Path:
    """A policy folder that permits these actions, swapped in as a whole."""
    policies = folder / "policies"
    policies.mkdir(exist_ok=True)
    fresh = folder / "fresh.cedar"
    fresh.write_text("".join(POLICY.format(id=action) for action in actions))
    fresh.rename(policies / "main.cedar")
    return policies


@contextmanager
def started(
    folder: Path, *flags: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """`pdp serve` with these flags and pipes to what it says; killed at the end."""
    process = subprocess.Popen(
        [*(sys.executable, "-m", "pdp.cli", "serve"), *flags],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    try:
        yield process
    finally:
        children = children_of(process.pid) if process.poll() is None else []
        process.kill()
        process.communicate()
        for child in children:
            if alive(child):
                os.kill(child, signal.SIGKILL)


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that live."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [child for child in map(int, text.split()) if alive(child)]


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be collected does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def handles_reload(pid: int) -> bool:
    """Whether a process has taken SIGHUP for itself, as a worker does when it is about to serve."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught & 1 << signal.SIGHUP - 1)


def workers_of(server: Server, count: int) -> list[int]:
    """The processes of a server's workers, once all of them serve."""
    found: list[int] = []

    def complete() -> bool:
        found[:] = filter(handles_reload, children_of(server.process.pid))
        return len(found) == count

    assert eventually(complete), server.log.read_text(errors="replace")
    return found


def eventually(holds: Callable[[], bool], seconds: float = _PATIENCE_SECONDS) -> bool:
    """Whether something comes to hold before the patience ends."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return holds()


def permits(server: Server, action: str) -> bool:
    """What the server says about an action."""
    with server.client() as client:
        return ask(client, action)


def ask(client: httpx.Client, action: str) -> bool:
    """One evaluation."""
    question = {
        "subject": {"type": "User", "id": "alice"},
        "action": {"name": action},
        "resource": {"type": "Document", "id": "plan"},
    }
    answer = client.post("/access/v1/evaluation", json=question)
    assert answer.status_code == 200, answer.text
    decision: bool = answer.json()["decision"]
    return decision
