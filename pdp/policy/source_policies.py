"""From the text of policy files to policies with their places, in pieces that hold nothing up."""

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pdp.policy import engine
from pdp.policy.access_paths import access_paths
from pdp.policy.finding import Report, SourceText
from pdp.policy.lint_policy import lint_policy
from pdp.policy.locate import locate_syntax
from pdp.policy.locations import Span, policy_spans
from pdp.policy.policy import APPROVAL_ANNOTATION, ID_ANNOTATION, Policy, scope_of
from pdp.policy.source_files import Pace, SourceFile

# The engine holds the interpreter while it parses: about 0.1 ms a policy.
PIECE = 10


class Placed(NamedTuple):
    """A policy and where its text stands."""

    policy: Policy
    source: SourceText
    span: Span


def load_policies(files: Sequence[SourceFile], report: Report, pace: Pace) -> list[Placed]:
    """Parse every policy of every file; what cannot be parsed becomes a finding."""
    loaded: list[Placed] = []
    for file in files:
        source = source_text(file, report)
        if source is not None:
            loaded += _load_file(file.name, source, report, pace)
    return loaded


def source_text(file: SourceFile, report: Report) -> SourceText | None:
    """The text of a file, or None and a finding when it is not UTF-8."""
    try:
        return SourceText(file.shown, file.content.decode())
    except UnicodeDecodeError as error:
        known = SourceText(file.shown, file.content[: error.start].decode())
        end = len(known.text)
        report.add("not-utf8", "error", known, Span(end, end), "this is not UTF-8", "save as UTF-8")
        return None


def _load_file(name: str, source: SourceText, report: Report, pace: Pace) -> Iterator[Placed]:
    spans = policy_spans(source.text)
    stem = name.removesuffix(".cedar")
    for at in range(0, len(spans), PIECE):
        pace()
        piece = spans[at : at + PIECE]
        for index, (span, parsed) in enumerate(_parse(piece, source, report), at + 1):
            if parsed is not None:
                placed = _placed(parsed, sys.intern(name), f"{stem}#{index}", source, span)
                lint_policy(parsed.est, placed.policy, source, span, report)
                yield placed


def _parse(
    spans: Sequence[Span], source: SourceText, report: Report
) -> Iterator[tuple[Span, engine.ParsedPolicy | None]]:
    texts = [source.text[span.start : span.end] for span in spans]
    try:
        parsed = engine.parse_policies("\n".join(texts))
    except engine.CedarSyntaxError:
        parsed = []
    if len(parsed) == len(spans):
        yield from zip(spans, parsed, strict=True)
        return
    for span, text in zip(spans, texts, strict=True):
        said = _syntax_complaints(text)
        if said:
            _report_syntax(text, span, said[0], source, report)
            yield span, None
        else:
            yield from ((span, each) for each in engine.parse_policies(text))


def _syntax_complaints(text: str) -> list[str]:
    try:
        engine.parse_policies(text)
    except engine.CedarSyntaxError as error:
        return [str(error)]
    return []


def _report_syntax(text: str, span: Span, message: str, source: SourceText, report: Report) -> None:
    place = locate_syntax(text, _syntax_complaints)
    fix = "end the policy with `;`" if "end of input" in message else ""
    at = Span(span.start + place.start, span.start + place.end)
    report.add("syntax", "error", source, at, message, fix)


def _placed(
    parsed: engine.ParsedPolicy, file: str, numbered: str, source: SourceText, span: Span
) -> Placed:
    line, column = source.lines.at(span.start)
    annotations = tuple(sorted(parsed.annotations.items()))
    policy = Policy(
        id=parsed.annotations.get(ID_ANNOTATION) or numbered,
        text=source.text[span.start : span.end],
        effect=parsed.effect,
        file=file,
        line=line,
        column=column,
        annotations=annotations,
        scope=scope_of(parsed.est),
        template=parsed.annotations.get(APPROVAL_ANNOTATION),
        is_template=parsed.is_template,
        access=access_paths(parsed.est),
    )
    return Placed(policy, source, span)
