"""`workflows.yaml`: the workflows, and whether policies, forms and approvers go with them."""

from collections.abc import Mapping, Sequence

from pdp.core.values import JsonObject
from pdp.core.workflow import NO_WORKFLOWS, Step, Workflow, Workflows
from pdp.core.workflow_parse import InvalidWorkflows, parse_workflows
from pdp.policy.finding import Report, SourceText
from pdp.policy.lint import nobody_approves
from pdp.policy.schema_types import Schema
from pdp.policy.source_files import SourceFile
from pdp.policy.source_mapping import read_yaml, yaml_span
from pdp.policy.source_policies import Placed, source_text
from pdp.policy.source_yaml import YamlText


def load_workflows(
    files: Sequence[SourceFile],
    forms: Mapping[str, JsonObject],
    loaded: Sequence[Placed],
    schema: Schema | None,
    report: Report,
) -> Workflows:
    """Read the workflows; faults, and what does not go with them, become findings."""
    source = source_text(files[0], report) if files else None
    parsed = None if source is None else read_yaml(files[0].content, source, report)
    if source is None or parsed is None:
        return NO_WORKFLOWS
    try:
        workflows = parse_workflows(parsed.value)
    except InvalidWorkflows as error:
        for fault in error.faults:
            span = yaml_span(parsed, source, fault.path)
            report.add("invalid-workflow", "error", source, span, fault.message)
        return _names_only(parsed)
    _check_deciders(workflows, parsed, source, report)
    _check_forms(workflows, forms, parsed, source, report)
    _check_use(workflows, loaded, parsed, source, report)
    _check_approvers(workflows, loaded, schema, parsed, source, report)
    return workflows


def _names_only(parsed: YamlText) -> Workflows:
    """The names of a faulty file, so that `@approval` is not called unknown for its sake."""
    named = parsed.value.get("workflows") if isinstance(parsed.value, dict) else None
    return Workflows({name: Workflow(name, ()) for name in named} if type(named) is dict else {})


def _check_deciders(
    workflows: Workflows, parsed: YamlText, source: SourceText, report: Report
) -> None:
    """A page that the subject visits must not be all that stands between asking and having."""
    for workflow in workflows:
        if not any(_decides(step) for step in workflow.steps):
            span = yaml_span(parsed, source, ("workflows", workflow.name, "steps"))
            message = "no step decides: visiting a page approves nothing by itself"
            fix = "add a step of the kind `human`, `policy` or `external`"
            report.add("invalid-workflow", "error", source, span, message, fix)


def _decides(step: Step) -> bool:
    if step.any_of:
        return all(_decides(part) for part in step.any_of)
    if step.all_of:
        return any(_decides(part) for part in step.all_of)
    return step.kind != "interaction"


def _check_forms(
    workflows: Workflows,
    forms: Mapping[str, JsonObject],
    parsed: YamlText,
    source: SourceText,
    report: Report,
) -> None:
    for workflow in workflows:
        if workflow.form is not None and workflow.form not in forms:
            span = yaml_span(parsed, source, ("workflows", workflow.name, "form"))
            message = f"the schema folder has no `{workflow.form}`"
            fix = "forms are JSON files below `forms/` of the schema folder"
            report.add("missing-form", "error", source, span, message, fix)


def _check_use(
    workflows: Workflows,
    loaded: Sequence[Placed],
    parsed: YamlText,
    source: SourceText,
    report: Report,
) -> None:
    used = {placed.policy.template for placed in loaded if placed.policy.effect == "permit"}
    for workflow in workflows:
        if workflow.name not in used:
            span = yaml_span(parsed, source, ("workflows", workflow.name))
            message = f"no permit names the template `{workflow.name}`, so it is never offered"
            fix = f'add `@approval("{workflow.name}")` to a permit, or remove the workflow'
            report.add("unused-template", "warning", source, span, message, fix)


def _check_approvers(
    workflows: Workflows,
    loaded: Sequence[Placed],
    schema: Schema | None,
    parsed: YamlText,
    source: SourceText,
    report: Report,
) -> None:
    asked = [w for w in workflows if any(leaf.kind == "human" for leaf in w.leaves())]
    if asked and nobody_approves(loaded, schema):
        span = yaml_span(parsed, source, ("workflows", asked[0].name))
        message = 'no policy permits `Action::"access_request:approve"`: nobody can approve'
        fix = "write a permit for that action on the resources that may be asked for"
        report.add("no-approver", "warning", source, span, message, fix)
