"""The walkthrough's own commands, one after the other, print what the page says."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.server import running

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/walkthrough.md").read_text("utf-8")
_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MARK = "---- end of block ----"


@pytest.mark.slow
def test_every_command_of_the_walkthrough_prints_what_is_shown(tmp_path: Path) -> None:
    blocks = _BLOCK.findall(PAGE)
    commands = [text for kind, text in blocks if kind == "sh"]
    shown = ["" for _ in commands]
    place = -1
    for kind, text in blocks:
        if kind == "sh":
            place += 1
        else:
            shown[place] += text
    assert len(commands) >= 10 and sum(map(bool, shown)) >= 8
    with running(tmp_path, policies=ROOT / "policies", schemas=ROOT / "schemas") as server:
        script = "set -eu\n" + "".join(f"{command}\necho '{_MARK}'\n" for command in commands)
        script = script.replace("http://127.0.0.1:8181", server.url)
        script = script.replace(".venv/bin/pdp", str(ROOT / ".venv/bin/pdp"))
        ran = subprocess.run(
            ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=90
        )
    printed = [part.lstrip("\n") for part in ran.stdout.split(_MARK + "\n")]
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    assert printed[: len(shown)] == shown
