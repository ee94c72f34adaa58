"""Node.js for the tests: which, and with the packages of an example."""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

Stream = TypeVar("Stream")
ROOT = Path(__file__).parent.parent.parent
# Where scripts/test-packages puts it when the machine's own is missing or too old.
_OWN = ROOT / ".node" / "node_modules" / "node" / "bin" / "node"
_START_SECONDS = 60.0


def node() -> str:
    """The command that runs Node.js."""
    return str(_OWN) if _OWN.exists() else shutil.which("node") or "node"


def install(example: Path) -> None:
    """Put the locked packages of an example in place, once, whichever test comes first."""
    wanted = hashlib.sha256((example / "package-lock.json").read_bytes()).hexdigest()
    stamp = example / "node_modules" / ".installed"
    with (example / "node_modules.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=example, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        stamp.write_text(wanted)


@contextmanager
def started(
    *arguments: str | Path,
    says: str,
    log: Path,
    environment: Mapping[str, str],
    program: str | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program, of node by default, once it has said something; it is stopped at the end."""
    with log.open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(
            [program or node(), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )
    try:
        _wait_for(process, log, begin, says)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process, unless it has ended."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def pipe(stream: Stream | None) -> Stream:
    """A pipe of a process that was asked for."""
    assert stream is not None
    return stream


def _wait_for(process: subprocess.Popen[bytes], log: Path, begin: int, says: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if says.encode() in log.read_bytes()[begin:]:
            return
        time.sleep(0.05)
    raise AssertionError(f"it did not start:\n{log.read_text(errors='replace')}")
