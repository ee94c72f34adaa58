"""The lexer, and the search for the place that a complaint of the engine is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.policy import engine
from pdp.policy.locate import locate, locate_syntax
from pdp.policy.locations import Lines, Span, comments, policy_spans, tokens
from pdp.policy.outline import outline

POLICY = """@id("a;b") // a ; comment
@note
permit (
  principal == User::"x;y",
  action in [Action::"read", Action::"write"],
  resource
)
when { context.a == "//;" && (context.b || context.c) && resource has owner }
unless { context.a == "}" };"""


def texts(spans: list[Span], text: str) -> list[str]:
    return [text[span.start : span.end] for span in spans]


def complaints(text: str) -> list[str]:
    try:
        engine.parse_policies(text)
    except engine.CedarSyntaxError as error:
        return [str(error)]
    return []


def test_semicolons_in_strings_and_comments_end_no_policy() -> None:
    text = f"// first; of all\n{POLICY}\n\n{POLICY} // after; wards\n// the end"
    assert texts(policy_spans(text), text) == [POLICY, POLICY]


def test_a_piece_without_semicolon_is_a_span_of_its_own() -> None:
    text = 'permit (principal, action, resource);\n  forbid ("'
    assert texts(policy_spans(text), text)[1] == 'forbid ("'


@pytest.mark.parametrize("text", ["", "  \n", "// only; a comment", "\n// two\n// lines\n"])
def test_a_file_without_policies_has_no_spans(text: str) -> None:
    assert policy_spans(text) == []


def test_lines_and_columns_count_from_one_in_characters() -> None:
    lines = Lines("aé\n\n  ü𝄞x")
    assert [lines.at(offset) for offset in (0, 1, 2, 3, 4, 8)] == [
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 1),
        (3, 1),
        (3, 5),
    ]
    assert lines.text(3) == "  ü𝄞x"
    assert (lines.text(0), lines.text(9)) == ("", "")


@given(st.text(alphabet="ab\n\r\té", max_size=40), st.data())
def test_offset_is_the_inverse_of_at(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    lines = Lines(text)
    assert lines.offset(*lines.at(offset)) == offset


@given(st.text(max_size=60))
def test_tokens_cover_all_but_white_space_and_comments(text: str) -> None:
    at = 0
    for token in tokens(text):
        between = text[at : token.start]
        assert not between.strip() or between.lstrip().startswith("//")
        assert text[token.start : token.end] == token.text
        at = token.end


def test_comments_are_those_outside_of_strings() -> None:
    assert comments(f"// one\n{POLICY}//two\n") == ["one", "a ; comment", "two"]


def test_the_outline_knows_annotations_head_and_terms() -> None:
    parts = outline(POLICY)
    assert [each.name for each in parts.annotations] == ["id", "note"]
    assert texts([parts.annotation("id")], POLICY) == ['@id("a;b")']
    assert POLICY[parts.head.start :].startswith("permit (")
    assert texts(list(parts.scope), POLICY) == [
        'principal == User::"x;y"',
        'action in [Action::"read", Action::"write"]',
        "resource",
    ]
    assert [condition.kind for condition in parts.conditions] == ["when", "unless"]
    assert texts(list(parts.conditions[0].terms), POLICY) == [
        'context.a == "//;"',
        "(context.b || context.c)",
        "resource has owner",
    ]


@pytest.mark.parametrize("body", ["context.a || context.b && context.c", "if true then 1 else 2"])
def test_what_binds_looser_than_and_is_one_term(body: str) -> None:
    parts = outline(f"permit (principal, action, resource) when {{ {body} }};")
    assert len(parts.conditions[0].terms) == 1


@given(st.lists(st.sampled_from(POLICY.split()), max_size=30))
def test_the_outline_of_nonsense_stays_within_the_text(words: list[str]) -> None:
    text = " ".join(words)
    parts = outline(text)
    for span in (parts.head, *parts.scope, *(each.span for each in parts.annotations)):
        assert 0 <= span.start <= span.end <= len(text)


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("permit (principal, action, resource) when { context.a == };", "}"),
        ("permit (principal, action resource);", "resource"),
        ("permit (principal, action, resource) when { 1 + };", "}"),
        ("permit (principal, action, resource)) when { true };", ")"),
        ("@id(name) permit (principal, action, resource);", "name"),
        ("permit (principal, action, resource) when { context.a # 1 };", "#"),
        ("permit (user, action, resource);", "user"),
        ("permit (principal, action, resource) when { a == 1 };", "a"),
        ("permit (principal, action, resource)", ""),
        ("permit (principal, action, resource) when { foo(1) };", "foo"),
        ("permit (principal, action, resource) when { true } where { true };", "where"),
    ],
)
def test_the_token_that_spoils_the_syntax_is_found(text: str, culprit: str) -> None:
    span = locate_syntax(text, complaints)
    assert text[span.start : span.end] == culprit


@given(st.integers(0, 40), st.sampled_from(["}", "==", "permit", ";;", "(", "#", "?"]))
def test_an_inserted_token_is_blamed_or_something_after_it(at: int, extra: str) -> None:
    words = POLICY.split(" ")
    text = " ".join([*words[:at], extra, *words[at:]])
    if complaints(text):
        first = len(" ".join(words[:at]))
        assert locate_syntax(text, complaints).end >= min(first, len(text.rstrip()))


def test_a_complaint_is_placed_in_the_first_term_that_draws_it() -> None:
    text = 'permit (principal, action, resource) when { context.ok && context.b < "1" && true };'

    def says(variant: str) -> list[str]:
        return ["for policy `policy0`, wrong type"] if '"1"' in variant else []

    span = locate(text, "wrong type", says)
    assert text[span.start : span.end] == 'context.b < "1"'
