"""`// pdp:allow LINT reason`: an author's word that a warning is meant."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from pdp.policy.finding import Finding, Report, SourceText
from pdp.policy.lint import LINTS
from pdp.policy.locations import Span
from pdp.policy.source_policies import ALLOW, Placed

_ALLOW = re.compile(r"^[ \t]*//[ \t]*pdp:allow\b[ \t]*(\S*)[ \t]*(.*)$", re.MULTILINE)
_COMMENT = re.compile(r"[ \t]*(?://|$)")


def apply_allowances(findings: Iterable[Finding], loaded: Sequence[Placed]) -> tuple[Finding, ...]:
    """Leave out the warnings and notes that a comment above them allows; errors always stay.

    A comment above a policy goes for the whole policy.
    """
    report = Report()
    allowed: dict[tuple[str, int, str], Allowance] = {}
    starts: dict[str, list[int]] = {}
    for text in {placed.source: None for placed in loaded}:
        for allowance in _allowances(text, report) if ALLOW in text.text else ():
            allowed[(text.shown, allowance.line, allowance.lint)] = allowance
    if allowed:
        for placed in loaded:
            starts.setdefault(placed.source.shown, []).append(placed.policy.line)
    for finding in findings:
        if not _is_allowed(finding, allowed, starts):
            report.put(finding)
    for allowance in allowed.values():
        if not allowance.used:
            message = f"no warning `{allowance.lint}` follows"
            report.add("idle-allow", "note", allowance.text, allowance.span, message, "remove it")
    return report.findings()


class Allowance:
    """One comment: what it allows, and the line of code that it stands above."""

    def __init__(self, lint: str, line: int, text: SourceText, span: Span) -> None:
        self.lint = lint
        self.line = line
        self.text = text
        self.span = span
        self.used = False


def _allowances(text: SourceText, report: Report) -> Iterable[Allowance]:
    for match in _ALLOW.finditer(text.text):
        lint, reason = match[1], match[2].strip()
        span = Span(match.start(1), max(match.end(1), match.start(1) + 1))
        if lint not in LINTS:
            message = f"there is no lint `{lint}`" if lint else "which lint is allowed is missing"
            report.add(
                "idle-allow", "warning", text, span, message, "write `pdp:allow LINT reason`"
            )
        elif not reason:
            message = f"why `{lint}` is allowed is missing"
            report.add("idle-allow", "warning", text, span, message, "write the reason after it")
        else:
            line, _ = text.lines.at(match.end())
            yield Allowance(lint, _next_code(text, line + 1), text, span)


def _next_code(text: SourceText, line: int) -> int:
    last, _ = text.lines.at(len(text.text))
    while line < last and _COMMENT.match(text.lines.text(line)):
        # An empty line ends the comment's reach, so that it cannot slip to another policy.
        if not text.lines.text(line).strip():
            break
        line += 1
    return line


def _is_allowed(
    finding: Finding,
    allowed: Mapping[tuple[str, int, str], Allowance],
    starts: Mapping[str, Sequence[int]],
) -> bool:
    if finding.severity == "error" or not allowed:
        return False
    first_lines = starts.get(finding.file, ())
    at = bisect_right(first_lines, finding.line)
    for line in (finding.line, first_lines[at - 1] if at else finding.line):
        allowance = allowed.get((finding.file, line, finding.lint))
        if allowance is not None:
            allowance.used = True
            return True
    return False
