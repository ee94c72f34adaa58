"""The whole server against its ceilings: wrk on one core, the server on the other."""

import hashlib
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.workload import BODY, write_folder

KEY = "bench-key"
CONNECTIONS = 32
ROUNDS = 5
SECONDS = 4
_SCRIPT = """
wrk.method = "POST"
wrk.body = [==[{body}]==]
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {key}"
"""


class Run(NamedTuple):
    """One measurement: requests a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


class Subject(NamedTuple):
    """Something to measure."""

    name: str
    url: str


def measure(rounds: int = ROUNDS, seconds: int = SECONDS) -> dict[str, list[Run]]:
    """Measure all subjects in turn, several rounds, so that a drifting machine hits all alike."""
    with TemporaryDirectory(prefix="pdp-bench-") as name:
        folder = Path(name)
        write_folder(folder / "policies")
        script = folder / "post.lua"
        script.write_text(_SCRIPT.format(body=BODY.decode(), key=KEY))
        with (
            _asgi("bench.floor:echo") as echo,
            _asgi("bench.floor:floor") as floor,
            server(folder) as whole,
        ):
            subjects = [
                Subject("raw echo", echo),
                Subject("floor", floor),
                Subject("evaluation", whole + "/access/v1/evaluation"),
            ]
            runs: dict[str, list[Run]] = {subject.name: [] for subject in subjects}
            for subject in subjects:
                _wrk(subject.url, script, 1)
            for _ in range(rounds):
                for subject in subjects:
                    runs[subject.name].append(_wrk(subject.url, script, seconds))
    return runs


def report(runs: dict[str, list[Run]]) -> list[str]:
    """The table, as Markdown lines; the ratios first."""
    lines = ["| what | of the floor | requests/s | p50 ms | p99 ms |", "|---|---:|---:|---:|---:|"]
    for name, found in runs.items():
        lines.append(
            f"| {name} | {of_floor(runs, name):.2f} | {_median(found, 'rate'):.0f} |"
            f" {_median(found, 'p50'):.2f} | {_median(found, 'p99'):.2f} |"
        )
    return lines


def of_floor(runs: dict[str, list[Run]], name: str = "evaluation") -> float:
    """The rate of a subject as a part of the floor's: the median over the rounds."""
    pairs = zip(runs[name], runs["floor"], strict=True)
    return statistics.median(run.rate / floor.rate for run, floor in pairs)


def spread(runs: dict[str, list[Run]]) -> float:
    """How many times its p50 the p99 of the evaluation is: the median over the rounds."""
    return statistics.median(run.p99 / run.p50 for run in runs["evaluation"])


def _median(runs: list[Run], figure: str) -> float:
    found: float = statistics.median(getattr(run, figure) for run in runs)
    return found


def _wrk(url: str, script: Path, seconds: int) -> Run:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script)]
    output = subprocess.run(
        pinned(1, [*command, url]), check=True, capture_output=True, text=True
    ).stdout
    if "Non-2xx" in output:
        raise RuntimeError(f"{url} answered with errors:\n{output}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert rate is not None
    return Run(float(rate[1]), _latency(output, "50%"), _latency(output, "99%"))


def _latency(output: str, percentile: str) -> float:
    match = re.search(rf"{re.escape(percentile)}\s+([\d.]+)(us|ms|s)\b", output)
    assert match is not None
    return float(match[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[match[2]]


@contextmanager
def _asgi(application: str) -> Iterator[str]:
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", application, "--host", "127.0.0.1"),
        *("--port", str(port), "--loop", "uvloop", "--http", "httptools"),
        *("--no-access-log", "--log-level", "warning", "--no-server-header"),
    ]
    with process(command, dict(os.environ)):
        url = f"http://127.0.0.1:{port}/"
        _wait(port)
        yield url


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The whole server over `folder`/policies, one worker on one core; gives its URL."""
    (folder / "schemas").mkdir()
    port = free_port()
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    (folder / "pdp.toml").write_text(
        f'base_url = "https://pdp.example.com"\n[[clients]]\nid = "bench"\n'
        f'key_sha256 = "{digest}"\nroles = ["pep"]\n'
    )
    command = [
        *(sys.executable, "-m", "pdp.cli", "serve", "--config", str(folder / "pdp.toml")),
        *("--policies", str(folder / "policies"), "--schemas", str(folder / "schemas")),
        *("--database", f"sqlite:///{folder}/pdp.db", "--port", str(port)),
    ]
    with process(command, dict(os.environ)):
        yield ready(port)


def ready(port: int) -> str:
    """Wait until the server at a port serves; its URL."""
    _wait(port)
    url = f"http://127.0.0.1:{port}"
    # The socket is there before the policies are loaded.
    urllib.request.urlopen(url + "/readyz", timeout=60).close()
    return url


@contextmanager
def process(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    """A process that is ended at the end; raises `RuntimeError` when it ended before."""
    process = subprocess.Popen(
        pinned(0, command), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        yield
        if process.poll() is not None:
            assert process.stderr is not None
            raise RuntimeError(process.stderr.read().decode())
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def pinned(core: int, command: list[str]) -> list[str]:
    """The command on one core, where there are several."""
    taskset = shutil.which("taskset")
    if taskset is None or (os.cpu_count() or 1) < 2:
        return command
    return [taskset, "-c", str(core), *command]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nothing listens on port {port}")
