"""A real `pdp serve` in a process of its own, for tests that look from outside."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

ADMIN_KEY = "demo-admin-key"
PEP_KEY = "demo-pep-key"
AS_KEY = "demo-as-key"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0


class Server(NamedTuple):
    """A running server."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def client(self, key: str | None = PEP_KEY) -> httpx.Client:
        """A client that sends a key with every call."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    folder: Path,
    *,
    policies: Path,
    schemas: Path | None = None,
    database: str | None = None,
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
    flags: tuple[str, ...] = ("--demo",),
    program: tuple[str, ...] = ("-m", "pdp.cli"),
) -> Iterator[Server]:
    """Start a server in `folder` and stop it at the end, whatever happened."""
    port = free_port()
    no_schemas = folder / "no-schemas"
    no_schemas.mkdir(exist_ok=True)
    command = [
        *(sys.executable, *program, "serve", *flags),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)),
        *("--policies", str(policies), "--schemas", str(schemas or no_schemas)),
        *("--database", database or f"sqlite:///{folder}/pdp.db"),
    ]
    log = folder / f"server-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
    server = Server(f"http://127.0.0.1:{port}", process, log)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> int:
    """End a process in order, or at once when it does not end; its exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return int(process.returncode)


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            if httpx.get(server.url + "/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{server.log.read_text(errors='replace')}")
