"""Lints that look at the whole folder: names that clash or are not there, and who may approve."""

import re
from collections.abc import Collection, Mapping, Sequence

from pdp.core.values import EntityUid
from pdp.policy.finding import Report
from pdp.policy.locations import Span
from pdp.policy.outline import outline
from pdp.policy.policy import APPROVAL_ANNOTATION, ID_ANNOTATION, Constraint, Policy
from pdp.policy.schema_types import Schema
from pdp.policy.source_policies import Placed

LINTS: Mapping[str, str] = {
    "any-approval": "an `@approval` permit is satisfied by an approval of any template",
    "approval-mismatch": "`@approval` names one template and the condition another",
    "approval-on-forbid": "`@approval` stands on a `forbid`",
    "duplicate-entity": "an entity is in `entities.json` twice",
    "duplicate-id": "two policies have the same id",
    "duplicate-policy": "two policies say the same",
    "empty-id": "`@id` has no value",
    "idle-allow": "a `pdp:allow` comment that suppresses nothing",
    "invalid-entity": "an entity does not fit the schema or cannot be read",
    "invalid-form": "a form is not a JSON Schema",
    "invalid-mapping": "`mapping.yaml` cannot be used",
    "invalid-policy": "a policy does not fit the schema",
    "invalid-schema": "the schema cannot be used",
    "invalid-workflow": "`workflows.yaml` cannot be used",
    "misspelt-annotation": "an annotation that is nearly a known one",
    "missing-form": "a workflow names a form that is not there",
    "missing-id": "policies of a file have no `@id`",
    "missing-schema": "there is no schema, so nothing is validated",
    "never-matches": "a policy that no request can match",
    "no-approver": "no policy permits anybody to approve",
    "no-policies": "the folder has no policy",
    "not-utf8": "a file is not UTF-8",
    "syntax": "a file is not in the syntax of its kind",
    "unguarded-approval": "an `@approval` permit does not look at the approval",
    "unknown-template": "`@approval` names a template that `workflows.yaml` does not have",
    "unlinked-template": "a Cedar template, which nothing fills",
    "unreadable-folder": "a folder cannot be read",
    "unused-template": "no policy names a workflow template",
}
"""Every lint by its id, with what it means."""

_ANNOTATIONS = re.compile(
    r'(?:\s+|//[^\n]*|@\s*[A-Za-z_]\w*\s*(?:\(\s*"(?:[^"\\]|\\.)*"\s*\))?)*', re.DOTALL
)

APPROVE: EntityUid = ("Action", "access_request:approve")


def lint_policies(loaded: Sequence[Placed], templates: Collection[str], report: Report) -> None:
    """Report what is wrong with the policies taken together.

    Args:
        templates: the workflow templates that there are.
    """
    _duplicate_ids(loaded, report)
    _duplicate_policies(loaded, report)
    _missing_ids(loaded, report)
    _unlinked_templates(loaded, report)
    for placed in loaded:
        template = placed.policy.template
        if template is not None and template not in templates:
            known = ", ".join(f"`{name}`" for name in templates) or "none"
            message = f"`workflows.yaml` has no template `{template}`"
            fix = f"add it there, or name one that is there ({known})"
            _say(placed, APPROVAL_ANNOTATION, "unknown-template", message, fix, report)


def nobody_approves(loaded: Sequence[Placed], schema: Schema | None) -> bool:
    """Whether no permit can ever match the action of approving a request."""
    groups = frozenset() if schema is None else schema.action_ancestors(APPROVE)
    return not any(
        each.policy.effect == "permit"
        and not each.policy.is_template
        and _covers(each.policy.scope.action, groups, schema is None)
        for each in loaded
    )


def _covers(action: Constraint, groups: Collection[EntityUid], unknown_groups: bool) -> bool:
    if action.form == "any" or APPROVE in action.entities:
        return True
    # Without a schema a group may have any member.
    return action.form == "in" and (unknown_groups or any(e in groups for e in action.entities))


def _duplicate_ids(loaded: Sequence[Placed], report: Report) -> None:
    first: dict[str, Placed] = {}
    for placed in loaded:
        before = first.setdefault(placed.policy.id, placed)
        if before is not placed:
            where = f"{before.source.shown}:{before.policy.line}"
            message = f"the id `{placed.policy.id}` is taken by the policy at {where}"
            fix = "give this policy an `@id` of its own"
            _say(placed, ID_ANNOTATION, "duplicate-id", message, fix, report)


def _duplicate_policies(loaded: Sequence[Placed], report: Report) -> None:
    first: dict[int, Placed] = {}
    for placed in loaded:
        meaning = _meaning(placed.policy)
        before = first.setdefault(hash(meaning), placed)
        if before is not placed and _meaning(before.policy) == meaning:
            where = f"{before.source.shown}:{before.policy.line}"
            message = f"this policy says the same as the one at {where}"
            start = placed.span.start + outline(placed.policy.text).head.start
            at = Span(start, start + len(placed.policy.effect))
            fix = "remove one of the two"
            report.add("duplicate-policy", "warning", placed.source, at, message, fix)


def _meaning(policy: Policy) -> tuple[str | None, str]:
    """The template, and the text without other annotations and without its layout."""
    head = _ANNOTATIONS.match(policy.text)
    return policy.template, " ".join(policy.text[head.end() if head else 0 :].split())


def _missing_ids(loaded: Sequence[Placed], report: Report) -> None:
    without = [each for each in loaded if each.policy.annotation(ID_ANNOTATION) is None]
    one = "this policy has no `@id`: logs name it by its place, which can change"
    more = "{} policies of this file have no `@id`: logs name them by their place"
    _once_a_file("missing-id", without, (one, more), 'add `@id("...")`', report)


def _unlinked_templates(loaded: Sequence[Placed], report: Report) -> None:
    templates = [each for each in loaded if each.policy.is_template]
    one = "this Cedar template decides nothing here: nothing fills its slots"
    more = "{} Cedar templates of this file decide nothing here: nothing fills their slots"
    _once_a_file("unlinked-template", templates, (one, more), "write policies instead", report)


def _once_a_file(
    lint: str, about: Sequence[Placed], says: tuple[str, str], fix: str, report: Report
) -> None:
    """One note a file, at the first policy that it is about."""
    by_file: dict[str, list[Placed]] = {}
    for placed in about:
        by_file.setdefault(placed.source.shown, []).append(placed)
    for first, *others in by_file.values():
        head = outline(first.policy.text).head.start + first.span.start
        span = Span(head, head + len(first.policy.effect))
        message = says[1].format(len(others) + 1) if others else says[0]
        report.add(lint, "note", first.source, span, message, fix)


def _say(
    placed: Placed, annotation: str, lint: str, message: str, fix: str, report: Report
) -> None:
    place = outline(placed.policy.text).annotation(annotation)
    at = Span(placed.span.start + place.start, placed.span.start + place.end)
    report.add(lint, "error", placed.source, at, message, fix)
