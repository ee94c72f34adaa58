"""From the text of policy files to policies with their places, in pieces that hold nothing up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from pdp.policy import engine
from pdp.policy.access_paths import AccessPaths, access_paths
from pdp.policy.finding import Finding, Report, SourceText
from pdp.policy.lint_policy import lint_policy
from pdp.policy.locate import locate_syntax
from pdp.policy.locations import Span, policy_spans
from pdp.policy.pace import Pace
from pdp.policy.policy import APPROVAL_ANNOTATION, ID_ANNOTATION, Policy, Shared, scope_of
from pdp.policy.source_files import SourceFile

# Policies parsed at once, in a hurry or not: each keeps the interpreter for about 0.1 ms.
PIECES = (3, 50)

ALLOW = "pdp:allow"


class Placed(NamedTuple):
    """A policy and where its text stands."""

    policy: Policy
    source: SourceText
    span: Span


class Loaded(NamedTuple):
    """The policies of a folder in order; `fresh` are those that were not known before."""

    all: list[Placed]
    fresh: list[Placed]


Known = Mapping[str, Policy]
"""Policies without a finding that were loaded before, by their text."""


def load_policies(
    files: Sequence[SourceFile], report: Report, pace: Pace, known: Known | None = None
) -> Loaded:
    """Parse every policy of every file; what cannot be parsed becomes a finding."""
    loader = _Loader(report)
    every: list[Placed | None] = []
    waiting: list[tuple[int, _Piece]] = []
    for piece in _pieces(files, report):
        before = known.get(piece.text) if known and piece.reusable else None
        every.append(piece.placed(before) if before else None)
        if before is None:
            waiting.append((len(every) - 1, piece))
    fresh: list[Placed] = []
    size = pace.piece(*PIECES)
    for at in range(0, len(waiting), size):
        pace()
        batch = waiting[at : at + size]
        for index, placed in loader.load(batch):
            every[index] = placed
            fresh.append(placed)
    return Loaded([placed for placed in every if placed is not None], fresh)


def known_of(policies: Sequence[Policy], findings: Sequence[Finding], folder: str) -> Known:
    """The policies that need no second look: those in whose lines nothing was found."""
    remarked: dict[str, list[int]] = {}
    for finding in findings:
        remarked.setdefault(finding.file, []).append(finding.line)
    known: dict[str, Policy] = {}
    for policy in policies:
        last = policy.line + policy.text.count("\n")
        lines = remarked.get(f"{folder}/{policy.file}", ())
        if not any(policy.line <= line <= last for line in lines):
            known[policy.text] = policy
    return known


class _Piece(NamedTuple):
    """The text of one policy: `numbered` is its id when it has no other."""

    file: str
    numbered: str
    source: SourceText
    span: Span
    reusable: bool

    @property
    def text(self) -> str:
        return self.source.text[self.span.start : self.span.end]

    def placed(self, before: Policy) -> Placed:
        """A policy that was loaded before, at the place where it stands now."""
        line, column = self.source.lines.at(self.span.start)
        name = before.annotation(ID_ANNOTATION) or self.numbered
        now = (name, self.file, line, column)
        if now != (before.id, before.file, before.line, before.column):
            before = replace(before, id=name, file=self.file, line=line, column=column)
        return Placed(before, self.source, self.span)


def _pieces(files: Sequence[SourceFile], report: Report) -> Iterator[_Piece]:
    for file in files:
        source = source_text(file, report)
        if source is not None:
            stem = file.name.removesuffix(".cedar")
            # What a comment suppressed is not among the findings, so it must be found again.
            reusable = ALLOW not in source.text
            for index, span in enumerate(policy_spans(source.text), 1):
                yield _Piece(file.name, f"{stem}#{index}", source, span, reusable)


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

    def __init__(self, report: Report) -> None:
        self._report = report
        self._shared = Shared()
        self._access: dict[str, AccessPaths] = {}

    def load(self, pieces: Sequence[tuple[int, _Piece]]) -> Iterator[tuple[int, Placed]]:
        """The policies of those pieces that can be parsed, with the numbers of the pieces."""
        for (number, piece), parsed in _parse(pieces, self._report):
            policy = self._policy(piece, parsed)
            lint_policy(parsed.est, policy, piece.source, piece.span, self._report)
            yield number, Placed(policy, piece.source, piece.span)

    def _policy(self, piece: _Piece, parsed: engine.ParsedPolicy) -> Policy:
        line, column = piece.source.lines.at(piece.span.start)
        shared, annotations = self._shared, parsed.annotations
        return Policy(
            id=annotations.get(ID_ANNOTATION) or piece.numbered,
            text=piece.text,
            effect="permit" if parsed.effect == "permit" else "forbid",
            file=piece.file,
            line=line,
            column=column,
            annotations=tuple((shared(k), shared(v)) for k, v in sorted(annotations.items())),
            scope=scope_of(parsed.est, shared),
            template=annotations.get(APPROVAL_ANNOTATION),
            is_template=parsed.is_template,
            access=self._access_of(parsed),
        )

    def _access_of(self, parsed: engine.ParsedPolicy) -> AccessPaths:
        # Text, not the value: a deeply nested condition is beyond what orjson writes.
        key = repr(parsed.est["conditions"])
        found = self._access.get(key)
        if found is None:
            found = self._access[key] = self._shared(access_paths(parsed.est))
        return found


def _parse(
    pieces: Sequence[tuple[int, _Piece]], report: Report
) -> Iterator[tuple[tuple[int, _Piece], engine.ParsedPolicy]]:
    try:
        parsed = engine.parse_policies("\n".join(piece.text for _, piece in pieces))
    except engine.CedarSyntaxError:
        parsed = []
    if len(parsed) == len(pieces):
        yield from zip(pieces, parsed, strict=True)
        return
    for numbered in pieces:
        said = _syntax_complaints(numbered[1].text)
        if said:
            _report_syntax(numbered[1], said[0], report)
        else:
            yield from ((numbered, each) for each in engine.parse_policies(numbered[1].text))


def _syntax_complaints(text: str) -> list[str]:
    try:
        engine.parse_policies(text)
    except engine.CedarSyntaxError as error:
        return [str(error)]
    return []


def _report_syntax(piece: _Piece, message: str, report: Report) -> None:
    place = locate_syntax(piece.text, _syntax_complaints)
    fix = "end the policy with `;`" if "end of input" in message else ""
    at = Span(piece.span.start + place.start, piece.span.start + place.end)
    report.add("syntax", "error", piece.source, at, message, fix)
