"""Whatever stands in the files of a folder, a load ends in a bundle or in findings."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.policy.bundle import BundleError, build_bundle, load_bundle
from pdp.policy.finding import Finding
from pdp.policy.source_files import Role, SourceFile, Sources

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 1, tzinfo=UTC)

DEMO: list[tuple[Role, Path]] = [
    ("policy", ROOT / "policies" / "agents.cedar"),
    ("entities", ROOT / "policies" / "entities.json"),
    ("workflows", ROOT / "policies" / "workflows.yaml"),
    ("mapping", ROOT / "policies" / "mapping.yaml"),
    ("schema", ROOT / "schemas" / "bank.cedarschema"),
    ("form", ROOT / "schemas" / "forms" / "manager_approval.json"),
]
CONTENTS = {role: (path.name, path.read_bytes()) for role, path in DEMO}
PIECES = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [b'"', b"{", b"}", b"(", b";", b"//", b"\n", b"  ", b":", b"- ", b"&a *a", b","]
    ),
    st.sampled_from(
        [b"\xef\xbb\xbf", b"\x00", b"\r\n", b"\xed\xa0\x80", b"9" * 30, b"null", b"@id"]
    ),
)


def findings_of(files: dict[Role, tuple[str, bytes]]) -> tuple[Finding, ...]:
    every = tuple(
        SourceFile(role, name, f"folder/{name}", content) for role, (name, content) in files.items()
    )
    try:
        return build_bundle(Sources("folder", "0", every), now=NOW).findings
    except BundleError as error:
        return error.findings if error.errors else ()


@settings(deadline=None)
@given(st.sampled_from([role for role, _ in DEMO]), st.data())
def test_damaged_files_give_findings_with_places_in_them(role: Role, data: st.DataObject) -> None:
    name, content = CONTENTS[role]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        cut = data.draw(st.integers(0, 12))
        content = content[:at] + data.draw(PIECES) + content[at + cut :]
    lines = content.decode(errors="replace").split("\n")
    for finding in findings_of({**CONTENTS, role: (name, content)}):
        if finding.file == f"folder/{name}" and finding.line:
            assert finding.line <= len(lines)
            assert finding.column <= len(lines[finding.line - 1]) + 1


def deep(opening: str, inner: str, closing: str, count: int) -> str:
    return opening * count + inner + closing * count


WHEN = "permit (principal, action, resource) when { "
DEEP: list[tuple[Role, str, str]] = [
    ("policy", "a.cedar", WHEN + deep("(", "true", ")", 20_000) + " };"),
    ("policy", "a.cedar", WHEN + deep("!(!(", "true", "))", 100) + " };"),
    ("policy", "a.cedar", WHEN + " && ".join(["true"] * 20_000) + " };"),
    ("policy", "a.cedar", WHEN + deep("{a: ", "1", "}", 400) + " == 1 };"),
    ("workflows", "workflows.yaml", deep("[", "", "]", 5_000)),
    ("workflows", "workflows.yaml", "\n".join(" " * n + "a:" for n in range(1_000))),
    ("mapping", "mapping.yaml", "a: &a [x]\n" + "b: [" + ", ".join(["*a"] * 101_000) + "]"),
    ("entities", "entities.json", deep("[", "", "]", 20_000)),
    ("schema", "a.cedarschema", f"entity A {{ x: {deep('Set<', 'Long', '>', 20_000)} }};"),
    ("schema", "a.cedarschema", f"entity A {{ x: {deep('{ y: ', 'Long', '}', 20_000)} }};"),
    (
        "schema",
        "a.cedarschema",
        "".join(f"type T{n} = Set<T{n + 1}>;" for n in range(3_000)) + "type T3000 = Long;",
    ),
    ("form", "forms/a.json", deep('{"not": ', "{}", "}", 20_000)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("role", "name", "text"), DEEP, ids=range(len(DEEP)))
def test_deep_and_large_files_are_read_or_refused(role: Role, name: str, text: str) -> None:
    findings_of({role: (name, text.encode())})


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").symlink_to(tmp_path / "nowhere")
    with pytest.raises(BundleError) as caught:
        load_bundle(tmp_path, None, now=NOW)
    assert caught.value.findings[0].lint == "unreadable-folder"
    assert "a.cedar" in caught.value.findings[0].message
