"""`pdp serve` as its operator sees it: the start, the end, workers that die."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.ops.processes import (
    alive,
    children_of,
    eventually,
    folder_of,
    permits,
    started,
    workers_of,
)
from tests.server import Server, free_port, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
EACH_COUNT = pytest.mark.parametrize("workers", [1, 3])


def flags(folder: Path, workers: int, port: int) -> list[str]:
    """Flags of a demo server on a folder of its own."""
    schemas = folder / "schemas"
    schemas.mkdir(exist_ok=True)
    return [
        *("--demo", "--port", str(port), "--workers", str(workers), "--schemas", str(schemas)),
        *("--policies", str(folder / "policies"), "--database", f"sqlite:///{folder}/pdp.db"),
    ]


def is_ready(port: int) -> bool:
    """Whether a server answers here."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def said(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """The exit status of a process that ends, with what it said."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@EACH_COUNT
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
def test_an_orderly_end_is_status_zero(tmp_path: Path, workers: int, number: int) -> None:
    folder_of(tmp_path, "read")
    port = free_port()
    with started(tmp_path, *flags(tmp_path, workers, port)) as process:
        assert eventually(lambda: is_ready(port))
        families = children_of(process.pid)
        assert len(families) >= (workers if workers > 1 else 0)
        process.send_signal(number)
        status, out, err = said(process)
    assert (status, err) == (0, "")
    assert out.count("authzen-pdp listens on") == 1
    assert not any(alive(pid) for pid in families)


@EACH_COUNT
def test_a_failed_start_says_why_once_and_ends_with_2(tmp_path: Path, workers: int) -> None:
    (folder_of(tmp_path, "read") / "main.cedar").write_text("permit (principal,\n")
    with started(tmp_path, *flags(tmp_path, workers, free_port())) as process:
        status, out, err = said(process)
    assert status == 2
    assert out == ""
    assert err.count("main.cedar:") == 1
    assert "Traceback" not in err


@EACH_COUNT
def test_a_taken_port_is_one_line_and_status_2(tmp_path: Path, workers: int) -> None:
    folder_of(tmp_path, "read")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with started(tmp_path, *flags(tmp_path, workers, port)) as process:
            status, _, err = said(process)
    assert status == 2
    assert err.count("\n") == 1
    assert err.startswith(f"cannot listen on 127.0.0.1:{port}")


@EACH_COUNT
def test_a_reload_asked_for_during_the_start_does_not_end_it(tmp_path: Path, workers: int) -> None:
    folder_of(tmp_path, "read")
    port = free_port()
    with started(tmp_path, *flags(tmp_path, workers, port)) as process:
        # Before the program has begun, the interpreter itself would die of the signal.
        assert eventually(lambda: outlives_reload(process.pid))
        while not is_ready(port):
            assert process.poll() is None
            for pid in [process.pid, *children_of(process.pid)]:
                os.kill(pid, signal.SIGHUP)
        assert process.poll() is None


def outlives_reload(pid: int) -> bool:
    """Whether a process ignores or catches SIGHUP."""
    status = Path(f"/proc/{pid}/status").read_text()
    taken = [status.partition(f"{name}:")[2].split()[0] for name in ("SigIgn", "SigCgt")]
    return any(int(each, 16) & 1 << signal.SIGHUP - 1 for each in taken)


def scraped(server: Server) -> str:
    """The metrics."""
    with server.client() as client:
        return client.get("/metrics").text


def test_a_worker_that_dies_is_replaced_and_its_gauges_are_forgotten(tmp_path: Path) -> None:
    policies = folder_of(tmp_path, "read")
    with running(tmp_path, policies=policies, workers=3) as server:
        before = workers_of(server, 3)
        os.kill(before[0], signal.SIGKILL)
        assert eventually(lambda: not alive(before[0]))
        assert len(set(workers_of(server, 3)) - set(before)) == 1
        assert permits(server, "read")
        old = version_of(server)
        folder_of(tmp_path, "read", "write")
        assert eventually(lambda: version_of(server) != old)
        # The dead worker had the old version in force; it must not say so for ever.
        assert eventually(
            lambda: f'pdp_policy_version_info{{version="{old}"}} 1.0' not in scraped(server)
        )


def version_of(server: Server) -> str:
    """The version in force."""
    with server.client(None) as client:
        return str(client.get("/readyz").json()["policy_version"])


def test_workers_serve_on_while_one_cannot_start(tmp_path: Path) -> None:
    policies = folder_of(tmp_path, "read")
    with running(tmp_path, policies=policies, workers=2) as server:
        killed, _ = workers_of(server, 2)
        (policies / "main.cedar").write_text("permit (\n")
        os.kill(killed, signal.SIGKILL)
        assert eventually(lambda: not alive(killed))
        # The worker in its place cannot start: it says so on a line of its own, not in a record.
        assert eventually(lambda: ": error[syntax]" in server.log.read_text())
        assert permits(server, "read")
        folder_of(tmp_path, "read")
        workers_of(server, 2)
        assert permits(server, "read")


def test_a_server_ends_when_no_worker_can_start_again(tmp_path: Path) -> None:
    policies = folder_of(tmp_path, "read")
    with running(tmp_path, policies=policies, workers=2) as server:
        workers = workers_of(server, 2)
        (policies / "main.cedar").write_text("permit (\n")
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        assert server.process.wait(60) == 2


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    policies = folder_of(tmp_path, "read")
    with running(tmp_path, policies=policies, workers=2) as server:
        workers = workers_of(server, 2)
        server.process.kill()
        server.process.wait()
        assert eventually(lambda: not any(alive(pid) for pid in workers))


UNSAFE = {
    "nobody has to say who they are, for all to reach": (
        ("--base-url", "https://pdp.example.com", "--host", "0.0.0.0"),
        {"PDP_AUTHENTICATION__REQUIRED": "false"},
        "only with a loopback `host`",
    ),
    "public keys, for all to reach": (
        ("--demo", "--host", "0.0.0.0"),
        {},
        "`demo` has public keys",
    ),
    "credentials in clear": (
        ("--base-url", "http://pdp.example.com"),
        {},
        "`base_url` must be https",
    ),
    "no name of its own": ((), {}, "`base_url` is needed"),
    "a guessable master key": (
        ("--base-url", "https://pdp.example.com"),
        {"PDP_KEYS__MASTER_KEY": "c2VjcmV0"},
        "`keys.master_key`: must be 32 random bytes",
    ),
}


@pytest.mark.parametrize("case", UNSAFE, ids=str)
def test_an_unsafe_start_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    chosen, environment, reason = UNSAFE[case]
    policies = folder_of(tmp_path, "read")
    where = ("--port", str(free_port()), "--policies", str(policies))
    with started(tmp_path, *where, *chosen, environment=environment) as process:
        status, out, err = said(process)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert reason in err
    assert "c2VjcmV0" not in err
