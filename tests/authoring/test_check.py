"""`pdp check`: its text, its JSON and its status."""

import json
from pathlib import Path

import pytest

from pdp.authoring.check import run_check
from pdp.authoring.findings import as_text, summary
from pdp.policy.finding import Finding

FAULTS = Path(__file__).parents[1] / "data" / "faults"
ROOT = Path(__file__).parents[2]


def check(name: str, *, as_json: bool = False) -> tuple[int, str]:
    return run_check(FAULTS / name / "policies", FAULTS / name / "schemas", json=as_json)


def test_a_clean_folder_is_counted_and_has_status_0() -> None:
    status, text = run_check(ROOT / "policies", ROOT / "schemas")
    assert status == 0
    assert text.endswith("23 policies, 4 workflows, 26 entities: nothing to remark")


def test_a_finding_has_place_line_caret_and_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FAULTS / "unknown-attribute")
    status, text = run_check(Path("policies"), Path("schemas"))
    assert status == 1
    assert text == (
        "policies/main.cedar:9:13: error[invalid-policy]: "
        "attribute `nmae` on entity type `User` not found\n"
        '9 |   principal.nmae == "Ann"\n'
        "  |             ^^^^\n"
        "  = fix: did you mean `name`?\n"
        "\n"
        "policies: refused: 1 error"
    )


def test_a_warning_does_not_fail_the_check() -> None:
    status, text = check("approval-on-forbid")
    assert status == 0
    assert "warning[approval-on-forbid]" in text
    assert text.endswith("0 entities: 2 warnings")


@pytest.mark.parametrize("path", ["missing", "file"])
def test_what_is_no_folder_has_status_2(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    status, text = run_check(tmp_path / path, None)
    assert status == 2
    assert "is not a folder" in text


def test_json_has_every_finding_with_its_place() -> None:
    status, text = check("everything-at-once", as_json=True)
    document = json.loads(text)
    assert (status, document["ok"]) == (1, False)
    assert document["counts"]["error"] == 7
    first = document["findings"][0]
    assert {"lint", "severity", "file", "line", "column", "message", "fix"} <= first.keys()


def test_json_of_a_clean_folder_has_the_version() -> None:
    document = json.loads(run_check(ROOT / "policies", ROOT / "schemas", json=True)[1])
    assert document["ok"] is True
    assert len(document["version"]) == 64
    assert document["schema"] is True


@pytest.mark.parametrize(
    ("source", "column", "width", "caret"),
    [
        ("\tab cd", 5, 2, "\t   ^^"),
        ("漢字 x", 4, 1, "     ^"),
        ("e\u0301 x", 4, 1, "  ^"),
        ("漢", 1, 1, "^^"),
        ("abc", 4, 1, "   ^"),
    ],
)
def test_the_caret_stands_below_what_it_means(
    source: str, column: int, width: int, caret: str
) -> None:
    finding = Finding("x", "error", "f", 7, column, width, "m", "", source)
    assert as_text([finding]).splitlines()[-1] == f"  | {caret}"


def test_the_summary_counts_in_words() -> None:
    finding = Finding("x", "note", "f", 0, 0, 1, "m")
    error = finding._replace(severity="error")
    assert summary([]) == "nothing to remark"
    assert summary([finding, error, error]) == "2 errors, 1 note"
    assert str(finding) == "f: note[x]: m"
