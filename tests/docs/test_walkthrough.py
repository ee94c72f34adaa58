"""The walkthrough's own commands, one after the other, print what the page says."""

from pathlib import Path

import pytest

from tests.docs.walking import walk
from tests.server import running

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/walkthrough.md").read_text("utf-8")


@pytest.mark.slow
def test_every_command_of_the_walkthrough_prints_what_is_shown(tmp_path: Path) -> None:
    with running(tmp_path, policies=ROOT / "policies", schemas=ROOT / "schemas") as server:
        places = {
            "http://127.0.0.1:8181": server.url,
            ".venv/bin/pdp": str(ROOT / ".venv/bin/pdp"),
        }
        printed, shown = walk(PAGE, tmp_path, places)
    assert len(shown) >= 10 and sum(map(bool, shown)) >= 8
    assert printed == shown
