"""Loading policy folders: what is in a bundle, what its version covers, all or nothing."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.policy.bundle import Bundle, BundleError, build_bundle, load_bundle
from pdp.policy.policy import ANY, Constraint
from pdp.policy.source_files import SourceFile, Sources

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"

PERMIT = '@id("one")\npermit (principal, action, resource);\n'


def write(folder: Path, **files: str) -> Path:
    """Write files into a folder; `__` in a name stands for `/`, the last `_` for a dot."""
    for name, text in files.items():
        stem, _, suffix = name.replace("__", "/").rpartition("_")
        path = folder / f"{stem}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def load(folder: Path, schemas: Path | None = None) -> Bundle:
    return load_bundle(folder, schemas, now=NOW)


def lints(folder: Path, schemas: Path | None = None) -> list[str]:
    with pytest.raises(BundleError) as caught:
        load(folder, schemas)
    return [finding.lint for finding in caught.value.findings]


def test_policies_are_loaded_in_the_order_of_files_and_text(tmp_path: Path) -> None:
    write(
        tmp_path,
        b_cedar='permit (principal, action == Action::"b", resource);',
        a__z_cedar='@id("z1") permit (principal, action == Action::"z", resource);\n'
        '@id("z2")\n  forbid (principal, action == Action::"z", resource);',
        a__b_cedar='// first\n\n  permit (principal, action == Action::"ab", resource);',
    )
    bundle = load(tmp_path)
    assert [(each.id, each.file, each.line, each.column) for each in bundle.policies] == [
        ("a/b#1", "a/b.cedar", 3, 3),
        ("z1", "a/z.cedar", 1, 1),
        ("z2", "a/z.cedar", 2, 1),
        ("b#1", "b.cedar", 1, 1),
    ]
    assert [each.effect for each in bundle.policies] == ["permit", "permit", "forbid", "permit"]
    assert bundle.loaded_at == NOW


def test_a_policy_keeps_its_text_annotations_and_head(tmp_path: Path) -> None:
    text = (
        '@note("x") @id("p") @approval("t")\n'
        'permit (principal is User in Group::"g", action in [Action::"a", Action::"b"],'
        ' resource == N::Doc::"d\\"q")\n'
        'when { context has approval && context.approval.template == "t" };'
    )
    write(tmp_path, a_cedar=text, workflows_yaml="workflows: {t: {steps: [{name: s}]}}")
    (policy,) = load(tmp_path).policies
    assert policy.text == text
    assert policy.annotations == (("approval", "t"), ("id", "p"), ("note", "x"))
    assert (policy.template, policy.annotation("note"), policy.annotation("no")) == ("t", "x", None)
    assert policy.scope.principal == Constraint("is in", (("Group", "g"),), "User")
    assert policy.scope.action == Constraint("in", (("Action", "a"), ("Action", "b")))
    assert policy.scope.resource == Constraint("==", (("N::Doc", 'd"q'),))


@pytest.mark.parametrize(
    ("head", "constraint"),
    [
        ("principal", ANY),
        ('principal == User::"a"', Constraint("==", (("User", "a"),))),
        ('principal in User::"a"', Constraint("in", (("User", "a"),))),
        ("principal is User", Constraint("is", (), "User")),
        ("principal == ?principal", Constraint("==", (), None, True)),
        ("principal in ?principal", Constraint("in", (), None, True)),
        ("principal is User in ?principal", Constraint("is in", (), "User", True)),
    ],
)
def test_every_form_of_a_head_is_read(tmp_path: Path, head: str, constraint: Constraint) -> None:
    write(tmp_path, a_cedar=f"permit ({head}, action, resource);")
    (policy,) = load(tmp_path).policies
    assert policy.scope.principal == constraint
    assert policy.is_template is constraint.slot


def test_an_empty_folder_is_a_bundle_that_denies_everything(tmp_path: Path) -> None:
    bundle = load(tmp_path, tmp_path / "missing")
    assert bundle.policies == ()
    assert [finding.lint for finding in bundle.findings] == ["no-policies"]


@pytest.mark.parametrize("path", ["missing", "file"])
def test_what_is_no_folder_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    assert lints(tmp_path / path) == ["unreadable-folder"]


def test_the_version_covers_every_name_and_content_and_nothing_else(tmp_path: Path) -> None:
    policies = write(tmp_path / "p", a_cedar=PERMIT, entities_json="[]")
    schemas = write(tmp_path / "s", forms__x_json="{}")
    before = load(policies, schemas).version
    assert len(before) == 64
    (policies / "README.md").write_text("not a policy")
    (policies / ".hidden.cedar").write_text("not { cedar")
    os.utime(policies / "a.cedar", (1, 1))
    assert load(policies, schemas).version == before
    (policies / "a.cedar").rename(policies / "b.cedar")
    renamed = load(policies, schemas).version
    (schemas / "forms" / "x.json").write_text('{"type": "object"}')
    changed = load(policies, schemas).version
    assert len({before, renamed, changed}) == 3


def test_the_version_is_the_same_wherever_the_folder_is(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1", a_cedar=PERMIT), write(tmp_path / "2", a_cedar=PERMIT)
    assert load(one).version == load(two).version


def test_hidden_folders_and_links_in_circles_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, a_cedar=PERMIT)
    write(tmp_path / ".git", b_cedar="nonsense")
    write(tmp_path / "..2026_01_01", a_cedar=PERMIT)
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(load(tmp_path).policies) == 1


def test_a_linked_folder_is_read(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", b_cedar=PERMIT)
    folder = write(tmp_path / "p", a_cedar='permit (principal, action, resource == A::"b");')
    (folder / "more").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert [policy.file for policy in load(folder).policies] == ["a.cedar", "more/b.cedar"]


def test_every_fault_of_every_file_is_reported_at_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        a_cedar="permit (principal, action);",
        b_cedar=PERMIT + '@approval("x") permit (principal, action, resource);',
        entities_json="{}",
        mapping_yaml="types: 3",
        workflows_yaml="workflows: [",
    )
    found = set(lints(tmp_path))
    assert {"syntax", "unguarded-approval", "unknown-template", "invalid-entity"} <= found
    assert "invalid-mapping" in found


def test_the_error_names_the_first_fault_and_counts_the_others(tmp_path: Path) -> None:
    write(tmp_path, a_cedar="permit (principal, action);\nforbid (principal, action);")
    with pytest.raises(BundleError, match=r"a\.cedar:1:1: error\[syntax\].*\(and 1 more\)"):
        load(tmp_path)


def test_entities_and_forms_come_with_the_bundle(tmp_path: Path) -> None:
    entity = {"uid": {"type": "User", "id": "a"}, "attrs": {}, "parents": []}
    policies = write(tmp_path / "p", a_cedar=PERMIT, entities_json=json.dumps([entity]))
    schemas = write(tmp_path / "s", forms__deep__f_json='{"type": "object"}')
    bundle = load(policies, schemas)
    assert bundle.entities == (entity,)
    assert bundle.forms == {"forms/deep/f.json": {"type": "object"}}


def test_names_of_the_mapping_are_used_both_ways(tmp_path: Path) -> None:
    text = "types:\n  records: Bank::Record\nactions:\n  look: read\n"
    text += '  close: Bank::Action::"close it"\n'
    write(tmp_path, a_cedar=PERMIT, mapping_yaml=text)
    mapping = load(tmp_path).mapping
    assert mapping.entity_type("records") == "Bank::Record"
    assert mapping.authzen_type("Bank::Record") == "records"
    assert mapping.action_uid("look") == ("Action", "read")
    assert mapping.action_uid("close") == ("Bank::Action", "close it")
    assert mapping.action_name(("Action", "read")) == "look"


def test_workflows_keep_the_order_of_the_file(tmp_path: Path) -> None:
    text = "workflows:\n" + "".join(f"  {name}: {{steps: [{{name: s}}]}}\n" for name in "cab")
    write(tmp_path, a_cedar=PERMIT, workflows_yaml=text)
    assert load(tmp_path).workflows.names == ("c", "a", "b")


def test_a_warning_is_allowed_by_a_comment_with_a_reason(tmp_path: Path) -> None:
    policy = '@id("never")\nforbid (principal, action, resource)\nwhen { false };\n'
    write(tmp_path, a_cedar=policy)
    assert "never-matches" in [finding.lint for finding in load(tmp_path).findings]
    write(tmp_path, a_cedar=f"// pdp:allow never-matches kept for later\n{policy}")
    assert [finding.lint for finding in load(tmp_path).findings] == ["missing-schema"]


def test_an_allowance_reaches_only_the_policy_right_below(tmp_path: Path) -> None:
    policy = '@id("{}")\nforbid (principal, action == Action::"{}", resource) when {{ false }};\n'
    comment = "// pdp:allow never-matches kept for later\n"
    write(tmp_path, a_cedar=comment + policy.format("a", "a") + policy.format("b", "b"))
    found = [each for each in load(tmp_path).findings if each.lint == "never-matches"]
    assert [finding.line for finding in found] == [5]


@pytest.mark.parametrize("world", ["interop_todo", "interop_search"])
@pytest.mark.parametrize("with_schema", [True, False])
def test_the_interop_worlds_load_without_a_remark(world: str, with_schema: bool) -> None:
    folder = DATA / world
    bundle = load(folder / "policies", folder / "schemas" if with_schema else None)
    assert {finding.lint for finding in bundle.findings} <= {"missing-schema"}
    assert bundle.policies


def test_the_demo_loads_without_a_remark() -> None:
    bundle = load(ROOT / "policies", ROOT / "schemas")
    assert bundle.findings == ()
    assert bundle.workflows.names == (
        "manager_approval",
        "fraud_review",
        "identity_verification",
        "agent_approval",
    )
    assert {policy.template for policy in bundle.policies} - {None} == set(bundle.workflows.names)
    assert all(policy.annotation("id") for policy in bundle.policies)


# ---- reloading: what is reused must not show

BODIES = st.sampled_from(
    [
        '@id("{n}") permit (principal, action == Action::"{n}", resource);',
        'permit (principal, action == Action::"{n}", resource) when {{ false }};',
        (
            '@id("{n}") @approval("t") permit (principal, action, resource == A::"{n}")\n'
            "when {{ context has approval }};"
        ),
        (
            '// pdp:allow never-matches on purpose\n@id("{n}")\n'
            "forbid (principal, action, resource) when {{ false }};"
        ),
        '@id("same") permit (principal, action == Action::"x{n}", resource);',
        "permit (principal action);",
        "\n\n// a remark\n",
    ]
)
FILES = st.dictionaries(
    st.sampled_from(["a.cedar", "b.cedar", "deep/c.cedar"]),
    st.lists(st.tuples(BODIES, st.integers(0, 3)), max_size=4),
    max_size=3,
)


def sources_of(files: dict[str, list[tuple[str, int]]]) -> Sources:
    texts = {
        name: "\n".join(body.format(n=number) for body, number in bodies)
        for name, bodies in sorted(files.items())
    }
    workflows = b"workflows: {t: {steps: [{name: s}]}}"
    return Sources(
        "policies",
        str(hash(tuple(texts.items()))),
        (
            *(SourceFile("policy", n, f"policies/{n}", t.encode()) for n, t in texts.items()),
            SourceFile("workflows", "workflows.yaml", "policies/workflows.yaml", workflows),
        ),
    )


def outcome(sources: Sources, previous: Bundle | None) -> tuple[Bundle | None, object]:
    """The bundle, and all that can be seen of the load."""
    try:
        bundle = build_bundle(sources, now=NOW, previous=previous)
    except BundleError as error:
        return None, error.findings
    seen = [
        [getattr(each, name) for name in ("id", "text", "file", "line", "column", "scope")]
        for each in bundle.policies
    ]
    return bundle, (seen, bundle.findings)


@given(st.lists(FILES, min_size=2, max_size=4))
def test_a_load_that_reuses_is_the_same_as_one_that_does_not(
    states: list[dict[str, list[tuple[str, int]]]],
) -> None:
    previous: Bundle | None = None
    for state in states:
        sources = sources_of(state)
        _, expected = outcome(sources, None)
        bundle, seen = outcome(sources, previous)
        assert seen == expected
        previous = bundle or previous
