"""The one command of the README, and the walk that it leads to, as somebody would type them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connected.bank import EXAMPLE
from tests.connected.node import install, node, pipe, started, stop
from tests.server import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where everything listens that `npm start` has started."""
    install(EXAMPLE)
    folder = tmp_path_factory.mktemp("walk")
    names = ("PDP_PORT", "PORT", "PARTNER_PORT")
    ports = {name: str(free_port()) for name in names}
    environment = ports | {"DATA": str(folder), "PDP": str(Path(sys.executable).parent / "pdp")}
    says = "Now, in another terminal"
    with started(
        EXAMPLE / "start.js", says=says, log=folder / "start.log", environment=environment
    ):
        yield ports


@pytest.mark.parametrize("story", ["record", "payment"])
def test_what_is_printed_leads_to_a_token(ports: dict[str, str], story: str) -> None:
    walk = subprocess.Popen(
        [node(), str(EXAMPLE / "walk.js"), story],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **ports},
    )
    try:
        told = pipe(walk.stdout)
        said = "".join(iter(told.readline, "\n"))
        assert "authorization_pending" in said
        command = "".join(iter(told.readline, "\n")).partition("\n")[2]
        assert re.match(r"  curl http://127\.0\.0\.1:\d+/queue/v1/tasks/arq_", command), command
        done = subprocess.run(["bash", "-c", f"curl() {{ command curl -sf \"$@\"; }}; {command}"],
                              capture_output=True, check=True)  # fmt: skip
        assert b'"approved"' in done.stdout
        rest = told.read()
        assert walk.wait(60) == 0, rest
        assert "granted:" in rest
        assert "authorization_details" in rest
    finally:
        stop(walk)


def test_the_commands_of_the_readme_lead_to_a_token(ports: dict[str, str]) -> None:
    text = (EXAMPLE / "README.md").read_text("utf-8")
    script = text.partition("The first of them with curl:\n\n```sh\n")[2].partition("```")[0]
    script = script.replace("8181", ports["PDP_PORT"]).replace("8182", ports["PORT"])
    done = subprocess.run(["bash", "-eu", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert '"error":"authorization_pending","deferral_code":' in done.stderr
    pending, decided, granted = done.stdout.split("}{")
    assert "step=owner" in pending
    assert '"status":"approved"' in decided
    assert '"access_token":' in granted
