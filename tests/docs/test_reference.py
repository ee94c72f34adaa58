"""What is generated from the code says what the code says."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("script", ["scripts/reference.py", "scripts/conformance.py"])
def test_generated_pages_are_current(script: str) -> None:
    found = subprocess.run(
        [sys.executable, script, "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_every_page_of_the_reference_is_generated() -> None:
    pages = {page.name for page in (ROOT / "docs/reference").iterdir()}
    assert pages == {"settings.md", "metrics.md", "cli.md", "lints.md", "errors.md"}


def test_metrics_and_settings_named_in_operations_exist() -> None:
    text = (ROOT / "docs/operations.md").read_text("utf-8")
    metrics = (ROOT / "docs/reference/metrics.md").read_text("utf-8")
    settings = (ROOT / "docs/reference/settings.md").read_text("utf-8")
    words = {word.split("{")[0] for word in text.split("`")[1::2]}
    for word in words:
        if word.startswith("pdp_"):
            assert f"`{word.split(' ')[0]}`" in metrics, word
        if word.startswith(("log.", "limits.", "search.", "keys.")):
            assert f"`{word}`" in settings, word
