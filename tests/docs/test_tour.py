"""Links in the documents lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "policies").rglob("*.md"),
        *(ROOT / "examples").glob("*/*.md"),
    ]
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    links = _LINK.findall(_FENCE.sub("", page.read_text("utf-8")))
    missing = [
        link
        for link in links
        if not link.startswith(("http://", "https://", "#", "mailto:"))
        and not (page.parent / link.split("#")[0]).exists()
    ]
    assert missing == []


def test_the_tour_names_every_room() -> None:
    tour = (ROOT / "docs/tour.md").read_text("utf-8")
    rooms = {part.name for part in (ROOT / "pdp").iterdir() if (part / "__init__.py").exists()}
    unnamed = {room for room in rooms if f"../pdp/{room}/" not in tour}
    assert unnamed <= {"cli", "commands", "settings"}
