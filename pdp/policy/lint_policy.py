"""Lints that look at one policy: its annotations, its head, and what its conditions read."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pdp.core.values import JsonObject
from pdp.policy.finding import Report, SourceText
from pdp.policy.locations import Span
from pdp.policy.outline import Outline, outline
from pdp.policy.policy import APPROVAL_ANNOTATION, ID_ANNOTATION, Policy

KNOWN_ANNOTATIONS = (ID_ANNOTATION, APPROVAL_ANNOTATION)
_GUARD = 'context has approval && context.approval.template == "{template}"'


def lint_policy(
    est: JsonObject, policy: Policy, source: SourceText, span: Span, report: Report
) -> None:
    """Report what is wrong with one policy, given its JSON form as well."""
    _Linter(est, policy, source, span, report).run()


class _Linter:
    def __init__(
        self, est: JsonObject, policy: Policy, source: SourceText, span: Span, report: Report
    ) -> None:
        self._est = est
        self._policy = policy
        self._source = source
        self._span = span
        self._report = report
        self._outline: Outline | None = None

    def run(self) -> None:
        if self._policy.annotations:
            self._misspelt()
        if self._policy.template is not None:
            self._approval(self._policy.template)
        self._constant()

    @property
    def _parts(self) -> Outline:
        if self._outline is None:
            self._outline = outline(self._policy.text)
        return self._outline

    def _say(self, lint: str, severity: Any, place: Span, message: str, fix: str = "") -> None:
        at = Span(self._span.start + place.start, self._span.start + place.end)
        self._report.add(lint, severity, self._source, at, message, fix)

    def _misspelt(self) -> None:
        names = {name for name, _ in self._policy.annotations}
        for name in sorted(names.difference(KNOWN_ANNOTATIONS)):
            close = get_close_matches(name.lower(), KNOWN_ANNOTATIONS, 1, 0.75)
            if close and close[0] not in names:
                place = self._parts.annotation(name)
                message = f"the annotation `@{name}` means nothing here"
                self._say("misspelt-annotation", "warning", place, message, f"write `@{close[0]}`")
        if (ID_ANNOTATION, "") in self._policy.annotations:
            message = "`@id` is empty, so the policy is named by its place"
            place = self._parts.annotation(ID_ANNOTATION)
            self._say("empty-id", "warning", place, message, 'write `@id("...")`')

    def _approval(self, template: str) -> None:
        place = self._parts.annotation(APPROVAL_ANNOTATION)
        if self._policy.effect == "forbid":
            message = "an approval never lifts a `forbid`, so `@approval` has no effect here"
            fix = "put `@approval` on a `permit`, or remove it"
            self._say("approval-on-forbid", "warning", place, message, fix)
            return
        bodies = [each["body"] for each in self._est["conditions"]]
        guard = _GUARD.format(template=template)
        if not any(_looks_at_approval(body) for body in bodies):
            message = "this permit holds without any approval: no condition looks at it"
            self._say("unguarded-approval", "error", place, message, f"add `when {{ {guard} }}`")
            return
        asked = {name for body in bodies for name in _templates_asked(body)}
        if not asked:
            message = "an approval of any template satisfies this permit"
            fix = f'compare: `context.approval.template == "{template}"`'
            self._say("any-approval", "warning", place, message, fix)
        elif template not in asked:
            other = ", ".join(f"`{name}`" for name in sorted(asked))
            message = f"the annotation says `{template}`, the condition wants {other}"
            fix = "name the same template in both"
            self._say("approval-mismatch", "error", place, message, fix)

    def _constant(self) -> None:
        for index, condition in enumerate(self._est["conditions"]):
            if _literal(condition["body"]) is (condition["kind"] != "when"):
                place = self._parts.conditions[index].span
                message = "this policy can never match: its condition is constant"
                self._say("never-matches", "warning", place, message, "remove the policy")


def _literal(body: JsonObject) -> bool | None:
    value = body.get("Value")
    return value if isinstance(value, bool) else None


def _looks_at_approval(node: Any) -> bool:
    """Whether an expression reads `context.approval` or asks whether it is there."""
    waiting = [node]
    while waiting:
        at = waiting.pop()
        if isinstance(at, list):
            waiting += at
        elif isinstance(at, dict):
            if _is_approval(at.get(".")) or _is_approval(at.get("has")):
                return True
            waiting += at.values()
    return False


def _is_approval(node: Any) -> bool:
    return bool(node == {"left": {"Var": "context"}, "attr": "approval"})


def _templates_asked(node: Any) -> Iterator[str]:
    """The template names that an expression compares `context.approval.template` with."""
    waiting = [node]
    while waiting:
        at = waiting.pop()
        if isinstance(at, list):
            waiting += at
        elif isinstance(at, dict):
            waiting += at.values()
            equal = at.get("==")
            if isinstance(equal, dict):
                yield from _compared(equal.get("left"), equal.get("right"))
            contains = at.get("contains")
            if isinstance(contains, dict) and _is_template(contains.get("right")):
                yield from _strings(contains.get("left"))


def _compared(left: Any, right: Any) -> Iterator[str]:
    for one, other in ((left, right), (right, left)):
        if _is_template(one):
            yield from _strings(other)


def _is_template(node: Any) -> bool:
    read = node.get(".") if isinstance(node, dict) else None
    if not isinstance(read, dict) or read.get("attr") != "template":
        return False
    left = read.get("left")
    return isinstance(left, dict) and _is_approval(left.get("."))


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("Value"), str):
            yield node["Value"]
        for inner in node.get("Set", ()):
            yield from _strings(inner)
