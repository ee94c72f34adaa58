"""A change of the policy folder reaches every worker and replica, or none of them."""

import base64
import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pdp.store.engine import Database
from tests.ops.processes import POLICY, ask, eventually, folder_of, permits, workers_of
from tests.server import ADMIN_KEY, Server, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
WORKERS = 4


def state_of(server: Server) -> dict[str, Any]:
    """`/admin/v1/policies`."""
    with server.client(ADMIN_KEY) as client:
        found: dict[str, Any] = client.get("/admin/v1/policies").json()
        return found


def version_of(server: Server) -> str:
    """The version in force, as one worker says."""
    return str(state_of(server)["version"])


def served_by(server: Server, replicas: int) -> set[str] | None:
    """The versions that the replicas serve; None until all of them have told."""
    newest: dict[str, str] = {}
    for load in state_of(server)["loads"]:
        newest.setdefault(load["replica"], load["version"])
    return set(newest.values()) if len(newest) == replicas else None


def versions_scraped(server: Server) -> set[str]:
    """The versions that `/metrics` shows in force, over all workers."""
    with server.client() as client:
        lines = client.get("/metrics").text.splitlines()
    shown = [line for line in lines if line.startswith("pdp_policy_version_info{")]
    return {line.split('"')[1] for line in shown if line.endswith(" 1.0")}


def fault_scraped(server: Server) -> bool:
    """Whether any worker finds the folder broken."""
    with server.client() as client:
        return "pdp_policy_fault 1.0" in client.get("/metrics").text


def versions_logged(server: Server, since: int) -> set[str]:
    """The versions in the lines of requests, from a position in the log on."""
    lines = server.log.read_bytes()[since:].splitlines()
    found = [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]
    return {line["policy_version"] for line in found if "policy_version" in line}


def everywhere(server: Server, replicas: int, other_than: str) -> str:
    """Wait until every replica serves one new version; that version."""
    found: set[str] | None = None

    def arrived() -> bool:
        nonlocal found
        found = served_by(server, replicas)
        return found is not None and len(found) == 1 and other_than not in found

    assert eventually(arrived), (found, server.log.read_text(errors="replace")[-2000:])
    assert found is not None
    return found.pop()


def call_everywhere(server: Server, action: str, wanted: bool) -> None:
    """Ask over many connections, so that several workers answer."""
    with ExitStack() as open_clients:
        clients = [open_clients.enter_context(server.client()) for _ in range(8 * WORKERS)]
        assert {ask(client, action) for client in clients} == {wanted}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the folder and the database are."""
    return tmp_path_factory.mktemp("reload")


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Server]:
    """A server with four workers."""
    policies = folder_of(place, "read")
    with running(place, policies=policies, workers=WORKERS) as found:
        workers_of(found, WORKERS)
        yield found


@pytest.fixture(autouse=True)
def good(request: pytest.FixtureRequest, place: Path) -> None:
    """Each test begins with a good folder that is in force everywhere."""
    (place / "policies/linked.cedar").unlink(missing_ok=True)
    folder_of(place, "read", uuid.uuid4().hex)
    if "server" in request.fixturenames:
        server = request.getfixturevalue("server")
        assert eventually(lambda: version_of(server) != "" and len(versions_scraped(server)) == 1)
        assert eventually(lambda: served_by(server, WORKERS) == versions_scraped(server))


def test_a_change_is_in_force_in_every_worker_within_a_second(server: Server, place: Path) -> None:
    taken = []
    for number in range(5):
        before = version_of(server)
        began = time.monotonic()
        folder_of(place, "read", f"new-{number}")
        everywhere(server, WORKERS, before)
        taken.append(time.monotonic() - began)
        call_everywhere(server, f"new-{number}", True)
    # The quickest one: what else the machine does says nothing about the server.
    assert min(taken) < 1.0


def test_one_version_is_seen_in_log_metrics_and_api(server: Server, place: Path) -> None:
    before = version_of(server)
    folder_of(place, "read", "seen")
    after = everywhere(server, WORKERS, before)
    position = server.log.stat().st_size
    call_everywhere(server, "seen", True)
    assert eventually(lambda: versions_scraped(server) == {after})
    assert version_of(server) == after
    assert eventually(lambda: versions_logged(server, position) == {after})


def test_sighup_reaches_every_worker(server: Server, place: Path) -> None:
    # The file that a link leads to changes without an event in the folder.
    elsewhere = place / "elsewhere.cedar"
    elsewhere.write_text("")
    before = version_of(server)
    (place / "policies/linked.cedar").symlink_to(elsewhere)
    before = everywhere(server, WORKERS, before)
    time.sleep(2)  # The workers tell each other to look, and each looks.
    taken = []
    for number in range(4):
        elsewhere.write_text(POLICY.format(id=f"linked-{number}"))
        time.sleep(1)
        assert version_of(server) == before
        began = time.monotonic()
        os.kill(server.process.pid, signal.SIGHUP)
        before = everywhere(server, WORKERS, before)
        taken.append(time.monotonic() - began)
        call_everywhere(server, f"linked-{number}", True)
    # The quickest one, as above.
    assert min(taken) < 1.0


def test_a_broken_change_keeps_the_last_good_everywhere(server: Server, place: Path) -> None:
    before = version_of(server)
    (place / "policies/broken.cedar").write_text("permit (\n")
    try:
        assert eventually(lambda: fault_scraped(server))
        assert eventually(lambda: state_of(server)["last_fault"] is not None)
        finding = state_of(server)["last_fault"]["findings"][0]
        assert (finding["file"].endswith("broken.cedar"), finding["line"]) == (True, 1)
        call_everywhere(server, "read", True)
        assert served_by(server, WORKERS) == versions_scraped(server) == {before}
        with server.client(None) as client:
            assert client.get("/readyz").status_code == 200
    finally:
        (place / "policies/broken.cedar").unlink()
    assert eventually(lambda: not fault_scraped(server))
    assert version_of(server) == before
    assert state_of(server)["last_fault"] is None


@pytest.mark.postgres
def test_two_replicas_over_one_database_follow_each_other(
    place: Path, postgres_db: Database
) -> None:
    policies = folder_of(place, "read")
    with ExitStack() as up:
        key = {"PDP_KEYS__MASTER_KEY": base64.b64encode(bytes(32)).decode()}
        replicas = []
        for name in ("one", "two"):
            (place / name).mkdir()
            options = {"policies": policies, "database": postgres_db.url, "environment": key}
            replicas.append(up.enter_context(running(place / name, **options)))  # type: ignore[arg-type]
        first, second = replicas
        before = everywhere(first, 2, "")
        folder_of(place, "read", "both")
        after = everywhere(second, 2, before)
        assert version_of(first) == version_of(second) == after
        assert permits(first, "both")
        assert permits(second, "both")
        elsewhere = place / "elsewhere.cedar"
        elsewhere.write_text("")
        (policies / "linked.cedar").symlink_to(elsewhere)
        before = everywhere(first, 2, after)
        time.sleep(2)  # As above.
        taken = []
        for number in range(4):
            elsewhere.write_text(POLICY.format(id=f"told-{number}"))
            began = time.monotonic()
            with first.client(ADMIN_KEY) as client:
                assert client.post("/admin/v1/policies/reload").status_code == 200
            # The other one saw no event: it is told through the database.
            before = everywhere(first, 2, before)
            taken.append(time.monotonic() - began)
            assert permits(second, f"told-{number}")
        assert min(taken) < 1.0
