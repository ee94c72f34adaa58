"""Findings as people and programs read them."""

import json
import unicodedata
from collections import Counter
from collections.abc import Sequence

from pdp.core.values import JsonObject
from pdp.policy.finding import Finding

SEVERITIES = ("error", "warning", "note")


def as_text(findings: Sequence[Finding]) -> str:
    """Every finding with its line, a caret and the fix; empty without findings."""
    return "\n\n".join(_one(finding) for finding in findings)


def as_json(findings: Sequence[Finding], **more: object) -> str:
    """The findings and their counts as a JSON document."""
    document: JsonObject = {
        "ok": not any(finding.severity == "error" for finding in findings),
        **more,
        "counts": counts(findings),
        "findings": [finding.as_json() for finding in findings],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """How many findings of each severity."""
    found = Counter(finding.severity for finding in findings)
    return {severity: found[severity] for severity in SEVERITIES}  # type: ignore[index]


def summary(findings: Sequence[Finding]) -> str:
    """The counts in words, as `2 errors, 1 warning`."""
    said = [
        f"{count} {severity}{'s' if count > 1 else ''}"
        for severity, count in counts(findings).items()
        if count
    ]
    return ", ".join(said) or "nothing to remark"


def _one(finding: Finding) -> str:
    lines = [str(finding)]
    if finding.source and finding.line:
        number = str(finding.line)
        margin = " " * len(number)
        before = finding.source[: finding.column - 1]
        marked = finding.source[finding.column - 1 : finding.column - 1 + finding.width]
        caret = _blank(before) + "^" * max(1, _columns(marked))
        lines += [f"{number} | {finding.source}", f"{margin} | {caret}"]
    if finding.fix:
        lines.append(f"{' ' * len(str(finding.line))} = fix: {finding.fix}")
    return "\n".join(lines)


def _blank(text: str) -> str:
    """White space as wide as the text is on a terminal; tabs stay tabs."""
    return "".join("\t" if each == "\t" else " " * _columns(each) for each in text)


def _columns(text: str) -> int:
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )
