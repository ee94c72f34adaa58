"""Seeded faults: each folder of `tests/data/faults` has one, and says what must be found where."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pdp.policy.bundle import BundleError, Finding, load_bundle
from pdp.policy.lint import LINTS

DATA = Path(__file__).parent.parent / "data"
FAULTS = sorted(path for path in (DATA / "faults").iterdir() if path.is_dir())
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def findings_of(folder: Path) -> tuple[bool, tuple[Finding, ...]]:
    """Whether the folder is loaded, and everything found in it."""
    try:
        bundle = load_bundle(folder / "policies", folder / "schemas", now=NOW)
    except BundleError as error:
        return False, error.findings
    return True, bundle.findings


def matches(finding: Finding, expected: dict[str, Any], folder: Path) -> bool:
    """Whether a finding is the expected one; line and column 0 are not compared."""
    return (
        (finding.lint, finding.severity) == (expected["lint"], expected["severity"])
        and finding.file == f"{folder.as_posix()}/{expected['file']}"
        and expected["line"] in (0, finding.line)
        and expected["column"] in (0, finding.column)
        and expected["message"] in finding.message
    )


@pytest.mark.parametrize("folder", FAULTS, ids=lambda folder: folder.name)
def test_a_seeded_fault_is_found_at_its_place(folder: Path) -> None:
    expect = json.loads((folder / "expect.json").read_text())
    loaded, findings = findings_of(folder)
    for expected in expect["findings"]:
        assert any(matches(each, expected, folder) for each in findings), "\n".join(
            map(str, findings)
        )
    assert loaded is (expect["status"] == 0)


@pytest.mark.parametrize("folder", FAULTS, ids=lambda folder: folder.name)
def test_nothing_but_the_seeded_fault_is_found(folder: Path) -> None:
    expect = json.loads((folder / "expect.json").read_text())
    _, findings = findings_of(folder)
    unexpected = [
        str(each)
        for each in findings
        if not any(matches(each, expected, folder) for expected in expect["findings"])
        # Most of these folders have no schema on purpose, or follow from what is seeded.
        and each.lint not in ("missing-schema", "unused-template")
    ]
    assert unexpected == []


@pytest.mark.parametrize("folder", FAULTS, ids=lambda folder: folder.name)
def test_every_finding_has_a_known_lint_and_a_place_within_its_file(folder: Path) -> None:
    _, findings = findings_of(folder)
    for finding in findings:
        assert finding.lint in LINTS
        if finding.line:
            lines = Path(finding.file).read_bytes().decode(errors="replace").split("\n")
            assert 1 <= finding.line <= len(lines)
            assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1
            assert finding.source == lines[finding.line - 1][:300]
        assert finding.width >= 1


def test_error_texts_start_lower_case_and_have_no_final_period() -> None:
    texts = [text for folder in FAULTS for each in findings_of(folder)[1] for text in (each[6:8])]
    assert [text for text in texts if text[:1].isupper() or text.endswith(".")] == []
