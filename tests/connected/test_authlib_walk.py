"""The one command of Authlib's README, and the page of commands that it leads to."""

import sys
from pathlib import Path

import pytest

from tests.connected.counter import EXAMPLE
from tests.connected.node import started
from tests.connected.office import policies_of
from tests.docs.walking import walk
from tests.server import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_every_command_of_the_page_prints_what_is_shown(tmp_path: Path) -> None:
    said = {"PDP_PORT": "8181", "PORT": "8182", "PARTNER_PORT": "8183"}
    ports = {name: str(free_port()) for name in said}
    environment = {"DATA": str(tmp_path / "data"), "PDP": str(Path(sys.executable).parent / "pdp")}
    environment["POLICIES"] = str(policies_of(EXAMPLE, tmp_path, int(ports["PARTNER_PORT"])))
    places = {f"127.0.0.1:{port}": f"127.0.0.1:{ports[name]}" for name, port in said.items()}
    with started(
        EXAMPLE / "start.py",
        says="Now, in another terminal",
        log=tmp_path / "start.log",
        environment=environment | ports,
        program=sys.executable,
    ):
        page = (EXAMPLE / "WALKTHROUGH.md").read_text("utf-8")
        printed, shown = walk(page, tmp_path, places, "bash")
    assert len(shown) >= 9 and sum(map(bool, shown)) >= 8
    assert printed == shown
