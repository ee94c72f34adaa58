"""What `pdp check` tells an author: one fault or remark, with its place and what to do about it."""

from typing import Literal, NamedTuple

from pdp.core.values import JsonObject
from pdp.policy.locations import Lines, Span

Severity = Literal["error", "warning", "note"]


class Finding(NamedTuple):
    """One remark about a policy folder.

    Attributes:
        lint: the stable, kebab-case id of the rule.
        severity: an error keeps the folder from being loaded.
        file: the path as the author knows it, `/` between its parts.
        line: from 1; 0 where no line can be named.
        column: from 1, in characters.
        width: how many characters the caret line marks, at least 1.
        message: what is wrong.
        fix: what to do about it; may be empty.
        source: the text of the line, for the caret.
    """

    lint: str
    severity: Severity
    file: str
    line: int
    column: int
    width: int
    message: str
    fix: str = ""
    source: str = ""

    def as_json(self) -> JsonObject:
        """The finding as a JSON object."""
        return self._asdict()

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{where}: {self.severity}[{self.lint}]: {self.message}"


class BundleError(Exception):
    """A folder that cannot be loaded; `findings` holds everything found, errors first."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        errors = [finding for finding in findings if finding.severity == "error"]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{errors[0] if errors else 'no findings'}{more}")
        self.findings = findings
        self.errors = tuple(errors)


class Report:
    """Collects the findings of one load."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []

    def add(
        self,
        lint: str,
        severity: Severity,
        text: "SourceText",
        span: Span,
        message: str,
        fix: str = "",
    ) -> None:
        """Add a finding about a stretch of a file."""
        line, column = text.lines.at(span.start)
        source = text.lines.text(line)
        width = max(1, min(span.end - span.start, len(source) - column + 1))
        self.put(
            Finding(
                lint,
                severity,
                text.shown,
                line,
                column,
                width,
                message,
                fix,
                source[:300],
            )
        )

    def put(self, finding: Finding) -> None:
        """Add a finding that knows its place, once."""
        self._findings.append(finding)

    def __len__(self) -> int:
        return len(self._findings)

    @property
    def failed(self) -> bool:
        """Whether there is an error among the findings."""
        return any(finding.severity == "error" for finding in self._findings)

    def findings(self) -> tuple[Finding, ...]:
        """Everything found, errors first, then by file and line, without repetitions."""
        order = {"error": 0, "warning": 1, "note": 2}
        distinct = dict.fromkeys(self._findings)
        return tuple(sorted(distinct, key=lambda each: (order[each.severity], *each[2:5])))


class SourceText:
    """The text of one file with the path that an author knows; lines are counted when asked for."""

    __slots__ = ("_lines", "shown", "text")

    def __init__(self, shown: str, text: str) -> None:
        self.shown = shown
        self.text = text
        self._lines: Lines | None = None

    @property
    def lines(self) -> Lines:
        """The lines of the text."""
        if self._lines is None:
            self._lines = Lines(self.text)
        return self._lines
