"""`pdp fmt`: nothing but the layout changes."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.authoring.fmt import Unformattable, formatted, run_fmt
from pdp.policy import engine

UGLY = '// about\n@id("a") permit(principal,action,resource) when{context.x};'
PRETTY = '// about\n@id("a")\npermit (principal, action, resource)\nwhen { context.x };\n'
ROOT = Path(__file__).parents[2]


def test_files_below_a_folder_are_formatted_in_place(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for file in (tmp_path / "a.cedar", tmp_path / "deep" / "b.cedar"):
        file.write_text(UGLY)
    (tmp_path / "c.txt").write_text(UGLY)
    status, text = run_fmt([tmp_path])
    assert status == 0
    assert text.endswith("2 files formatted")
    assert (tmp_path / "deep" / "b.cedar").read_text() == PRETTY
    assert (tmp_path / "c.txt").read_text() == UGLY
    assert run_fmt([tmp_path]) == (0, "0 files formatted")


def test_check_changes_nothing_and_has_status_1(tmp_path: Path) -> None:
    file = tmp_path / "a.cedar"
    file.write_text(UGLY)
    status, text = run_fmt([file], check=True)
    assert (status, file.read_text()) == (1, UGLY)
    assert text == f"{file}: would be formatted\n1 file would be formatted"
    file.write_text(PRETTY)
    assert run_fmt([file], check=True)[0] == 0


@pytest.mark.parametrize("content", [b"permit (principal);", b"\xff"])
def test_a_file_that_cannot_be_formatted_is_left_alone(tmp_path: Path, content: bytes) -> None:
    bad, good = tmp_path / "a.cedar", tmp_path / "b.cedar"
    bad.write_bytes(content)
    good.write_text(UGLY)
    status, text = run_fmt([tmp_path])
    assert (status, bad.read_bytes(), good.read_text()) == (2, content, PRETTY)
    assert "1 not usable" in text


def test_a_missing_path_has_status_2(tmp_path: Path) -> None:
    status, text = run_fmt([tmp_path / "missing"])
    assert status == 2
    assert "no such file" in text


def test_mode_and_links_of_a_file_stay(tmp_path: Path) -> None:
    real = tmp_path / "real.cedar"
    real.write_text(UGLY)
    real.chmod(0o640)
    link = tmp_path / "link.cedar"
    link.symlink_to(real)
    run_fmt([link])
    assert link.is_symlink()
    assert (real.read_text(), real.stat().st_mode & 0o777) == (PRETTY, 0o640)
    assert sorted(os.listdir(tmp_path)) == ["link.cedar", "real.cedar"]


def test_the_demo_and_the_test_worlds_are_formatted() -> None:
    folders = [ROOT / "policies", ROOT / "tests" / "data" / "interop_todo"]
    assert run_fmt([*folders, ROOT / "tests" / "data" / "interop_search"], check=True)[0] == 0


COMMENTS = st.sampled_from(["", "// note\n", " // x; y\n", "\n\n"])


@given(st.lists(COMMENTS, min_size=13, max_size=13))
def test_formatting_keeps_meaning_and_comments_or_refuses(gaps: list[str]) -> None:
    words = re.findall(r"\S+", '@id("a") permit ( principal , action , resource ) when { context.x')
    text = "".join(word + (gap or " ") for word, gap in zip(words, gaps, strict=False))
    text += "&& true } ;"
    try:
        new = formatted(text)
    except Unformattable:
        return
    before, after = engine.parse_policies(text), engine.parse_policies(new)
    assert [each.est for each in before] == [each.est for each in after]
    assert formatted(new) == new
