"""From the text of policy files to policies with their places, in pieces that hold nothing up."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson

from pdp.policy import engine
from pdp.policy.access_paths import AccessPaths, access_paths
from pdp.policy.finding import Report, SourceText
from pdp.policy.lint_policy import lint_policy
from pdp.policy.locate import locate_syntax
from pdp.policy.locations import Span, policy_spans
from pdp.policy.policy import APPROVAL_ANNOTATION, ID_ANNOTATION, Policy, Shared, scope_of
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
    loader = _Loader(report, pace)
    loaded: list[Placed] = []
    for file in files:
        source = source_text(file, report)
        if source is not None:
            loaded += loader.load(file.name, source)
    return loaded


def source_text(file: SourceFile, report: Report) -> SourceText | None:
    """The text of a file, or None and a finding when it is not UTF-8."""
    try:
        return SourceText(file.shown, file.content.decode())
    except UnicodeDecodeError as error:
        known = SourceText(file.shown, file.content.decode(errors="replace"))
        end = len(file.content[: error.start].decode())
        report.add(
            "not-utf8", "error", known, Span(end, end + 1), "this is not UTF-8", "save as UTF-8"
        )
        return None


class _Loader:
    """Makes policies; equal parts of different policies are kept once."""

    def __init__(self, report: Report, pace: Pace) -> None:
        self._report = report
        self._pace = pace
        self._shared = Shared()
        self._access: dict[bytes, AccessPaths] = {}

    def load(self, name: str, source: SourceText) -> Iterator[Placed]:
        """The policies of one file that can be parsed."""
        spans = policy_spans(source.text)
        stem = name.removesuffix(".cedar")
        for at in range(0, len(spans), PIECE):
            self._pace()
            piece = spans[at : at + PIECE]
            for index, (span, parsed) in enumerate(_parse(piece, source, self._report), at + 1):
                if parsed is not None:
                    policy = self._policy(parsed, name, f"{stem}#{index}", source, span)
                    lint_policy(parsed.est, policy, source, span, self._report)
                    yield Placed(policy, source, span)

    def _policy(
        self, parsed: engine.ParsedPolicy, file: str, numbered: str, source: SourceText, span: Span
    ) -> Policy:
        line, column = source.lines.at(span.start)
        annotations = parsed.annotations
        return Policy(
            id=annotations.get(ID_ANNOTATION) or numbered,
            text=source.text[span.start : span.end],
            effect="permit" if parsed.effect == "permit" else "forbid",
            file=file,
            line=line,
            column=column,
            annotations=tuple(
                (self._shared(name), self._shared(value))
                for name, value in sorted(annotations.items())
            ),
            scope=scope_of(parsed.est, self._shared),
            template=annotations.get(APPROVAL_ANNOTATION),
            is_template=parsed.is_template,
            access=self._access_of(parsed),
        )

    def _access_of(self, parsed: engine.ParsedPolicy) -> AccessPaths:
        key = orjson.dumps(parsed.est["conditions"])
        found = self._access.get(key)
        if found is None:
            found = self._access[key] = self._shared(access_paths(parsed.est))
        return found


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
