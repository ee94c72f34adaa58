"""`pdp requests`: the same queue, the same rules, from a terminal."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server import Server, running

ROOT = Path(__file__).parents[2]
QUESTION = {
    "subject": {"type": "user", "id": "alice@example.com"},
    "action": {"name": "read"},
    "resource": {"type": "document", "id": "plan-2027"},
}
BOB = ("--as", "user:bob@example.com")

pytestmark = pytest.mark.slow


class Terminal:
    """A terminal beside a running demo."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def run(
        self, *words: str, key: str = "demo-inbox-key", url: str | None = None
    ) -> tuple[int, str]:
        """Exit status and what was printed."""
        environment = {**os.environ, "PDP_SERVER": url or self.server.url, "PDP_KEY": key}
        ran = subprocess.run(
            [sys.executable, "-m", "pdp.cli", "requests", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return ran.returncode, ran.stdout + ran.stderr

    def data(self, *words: str) -> Any:
        """What a command prints as JSON."""
        status, text = self.run(*words, "--json")
        assert status == 0, text
        return json.loads(text)

    def request(self) -> str:
        """The id of a request that was just opened."""
        with self.server.client() as http:
            context = http.post("/access/v1/evaluation", json=QUESTION).json()["context"]
            hint = context["access_request"]
            denial = {name: hint[name] for name in ("binding_token", "expires_at", "template")}
            wishes = {"business_reason": "the board \x1b[31mmeets"}
            body = QUESTION | {"denial": denial, "requested_access": wishes}
            reply = http.post("/access/v1/requests", json=body)
            assert reply.status_code == 202, reply.text
            return str(reply.json()["task"]["id"])


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A terminal beside the demo."""
    folder = tmp_path_factory.mktemp("terminal")
    with running(folder, policies=ROOT / "policies", schemas=ROOT / "schemas") as server:
        yield Terminal(server)


def test_a_request_is_found_shown_and_approved(terminal: Terminal) -> None:
    task = terminal.request()
    status, text = terminal.run("list", *BOB)
    assert (status, task in text) == (0, True)
    status, text = terminal.run("show", task, *BOB)
    assert status == 0
    assert "you        may decide it" in text
    assert "\x1b" not in text
    assert terminal.run("claim", task, *BOB)[0] == 0
    assert terminal.run("comment", task, "which quarter?", *BOB)[0] == 0
    assert terminal.run("approve", task, "--as", "user:erin@example.com")[0] == 1
    assert terminal.run("approve", task, *BOB) == (0, f"{task} is approved\n")
    status, text = terminal.run("approve", task, *BOB)
    assert (status, text[:3]) == (1, "409")
    shown = terminal.data("show", task)["task"]
    assert [vote["approver"]["id"] for vote in shown["votes"]] == ["bob@example.com"]
    assert terminal.run("revoke", task, "--as", "user:dana@example.com")[0] == 0
    assert terminal.run("revoke", task, "--as", "user:dana@example.com")[0] == 1


def test_a_request_is_denied_or_cancelled(terminal: Terminal) -> None:
    denied, cancelled = terminal.request(), terminal.request()
    assert terminal.run("deny", denied, *BOB, "--reason", "not_needed")[0] == 0
    assert terminal.run("cancel", cancelled, key="demo-as-key")[0] == 1
    assert terminal.run("cancel", cancelled, key="demo-pep-key")[0] == 0
    found = {each["id"]: each["status"] for each in terminal.data("list", "--all")["items"]}
    assert (found[denied], found[cancelled]) == ("denied", "cancelled")


@pytest.mark.parametrize(
    ("words", "key", "url", "status"),
    [
        (("list",), "wrong", None, 2),
        (("list",), "", None, 2),
        (("list",), "demo-pep-key", None, 1),
        (("list",), "demo-inbox-key", "http://127.0.0.1:1", 2),
        (("list",), "demo-inbox-key", "file:///etc", 2),
        (("list", "--as", "bob"), "demo-inbox-key", None, 2),
        (("approve", "arq_1", "--as", "bob"), "demo-inbox-key", None, 2),
        (("show", "arq_nothing"), "demo-inbox-key", None, 1),
        (("show", "../../admin"), "demo-inbox-key", None, 1),
    ],
)
def test_what_goes_wrong_is_said_in_one_line(
    terminal: Terminal, words: tuple[str, ...], key: str, url: str | None, status: int
) -> None:
    found, text = terminal.run(*words, key=key, url=url)
    assert found == status, text
    assert len(text.strip().splitlines()) == 1, text
    assert "Traceback" not in text
