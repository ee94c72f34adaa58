"""Heavy work that must not hold up the light: a search of 100,000, and the benchmarks themselves."""

import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.server import Server, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
MANY = 100_000
POLICY = """\
@id("staff-read")
permit (principal in Group::"staff", action == Action::"read", resource)
when { principal.level > 2 };
"""
DOCUMENT = {"type": "Document", "id": "plan"}
SEARCH = {
    "subject": {"type": "User"},
    "action": {"name": "read"},
    "resource": DOCUMENT,
    "page": {"limit": 1000},
}
QUESTION = {
    "subject": {"type": "User", "id": "u000003"},
    "action": {"name": "read"},
    "resource": DOCUMENT,
}


def world_of(folder: Path) -> Path:
    """A policy and 100,000 users, of whom four in ten may."""
    policies = folder / "policies"
    policies.mkdir()
    (policies / "main.cedar").write_text(POLICY)
    staff: dict[str, Any] = {"uid": {"type": "Group", "id": "staff"}, "attrs": {}, "parents": []}
    users = [
        {
            "uid": {"type": "User", "id": f"u{number:06}"},
            "attrs": {"level": number % 5},
            "parents": [staff["uid"]],
        }
        for number in range(MANY)
    ]
    (policies / "entities.json").write_text(json.dumps([staff, *users]))
    return policies


class Searching(threading.Thread):
    """One search, from beside."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server
        self.answer: dict[str, Any] = {}

    def run(self) -> None:
        """Search."""
        with self._server.client() as client:
            reply = client.post("/access/v1/search/subject", json=SEARCH, timeout=300)
            self.answer = reply.json()


def seconds_of_evaluations(server: Server, until: threading.Thread) -> list[float]:
    """Ask one evaluation after the other until a thread has ended; what each took."""
    taken = []
    with server.client() as client:
        while until.is_alive():
            began = time.perf_counter()
            assert client.post("/access/v1/evaluation", json=QUESTION).json()["decision"] is True
            taken.append(time.perf_counter() - began)
    return taken


def test_a_search_of_100_000_holds_up_no_evaluation(tmp_path: Path) -> None:
    with running(tmp_path, policies=world_of(tmp_path)) as server:
        search = Searching(server)
        began = time.perf_counter()
        search.start()
        taken = seconds_of_evaluations(server, search)
        searched = time.perf_counter() - began
        search.join()
    assert search.answer["page"]["total"] == MANY * 2 // 5
    assert len(search.answer["results"]) == 1000
    assert search.answer["page"]["next_token"]
    # Evaluations went on all the time: each took its turn between two portions of the search.
    assert len(taken) > 100
    assert statistics.median(taken) < searched / 50


def test_the_benchmarks_run(tmp_path: Path) -> None:
    if shutil.which("wrk") is None:
        pytest.skip("wrk is not installed")
    ended = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--output", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "floor" in ended.stdout
    assert list(tmp_path.glob("*.md"))
    assert list(tmp_path.glob("*.svg"))
