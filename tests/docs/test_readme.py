"""The README's commands do what it says they do."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Server, running

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What `make run` serves, on a free port."""
    folder = tmp_path_factory.mktemp("demo")
    with running(folder, policies=ROOT / "policies", schemas=ROOT / "schemas") as server:
        yield server


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def shell(command: str, server: Server) -> str:
    """What a command of the README prints, with this server's address in it."""
    there = command.replace("http://127.0.0.1:8181", server.url)
    return subprocess.run(["sh", "-c", there], check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_the_curl_gives_the_answer_that_is_shown(demo: Server) -> None:
    (command,) = [block for block in blocks("sh") if "curl" in block]
    assert json.loads(shell(command, demo)) == json.loads(blocks("json")[0])


def test_the_other_person_is_denied_and_the_administrator_told_why(demo: Server) -> None:
    (command,) = [block for block in blocks("sh") if "curl" in block]
    other = command.replace("bob@example.com", "alice@example.com")
    assert json.loads(shell(other, demo))["decision"] is False
    asked = other.replace("demo-pep-key", "demo-admin-key")
    asked = asked.replace("/access/v1/evaluation", "/access/v1/evaluation?explain=true")
    answer = json.loads(
        shell(asked.replace("http", "'http", 1).replace("true \\", "true' \\"), demo)
    )
    assert answer["decision"] is False
    assert "explanation" in json.dumps(answer)


def test_what_the_server_prints_names_its_address_and_the_keys(demo: Server) -> None:
    deadline = time.monotonic() + 10
    while demo.url not in (text := demo.log.read_text("utf-8")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for key in ("demo-pep-key", "demo-admin-key"):
        assert key in text


def test_the_api_reference_is_there(demo: Server) -> None:
    with demo.client(None) as client:
        assert client.get("/docs").status_code == 200


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"make ([a-z]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_command_that_is_named_exists() -> None:
    reference = (ROOT / "docs/reference/cli.md").read_text("utf-8")
    for command in re.findall(r"`pdp ([a-z]+)`", README):
        assert f"## `pdp {command}" in reference, command
