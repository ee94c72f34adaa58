"""`workflows.yaml`: the workflows, and whether policies, forms and approvers go with them."""

from collections.abc import Mapping, Sequence

from pdp.core.values import JsonObject
from pdp.core.workflow import NO_WORKFLOWS, Step, Workflow, Workflows
from pdp.policy.finding import Report
from pdp.policy.source_files import SourceFile
from pdp.policy.source_mapping import read_yaml
from pdp.policy.source_policies import Placed, source_text


def load_workflows(
    files: Sequence[SourceFile],
    forms: Mapping[str, JsonObject],
    loaded: Sequence[Placed],
    report: Report,
) -> Workflows:
    """Read the workflows; faults, and what does not go with them, become findings."""
    source = source_text(files[0], report) if files else None
    parsed = None if source is None else read_yaml(files[0].content, source, report)
    if source is None or parsed is None or not isinstance(parsed.value, dict):
        return NO_WORKFLOWS
    names = parsed.value.get("workflows") or {}
    return Workflows({name: Workflow(name, (Step(name),)) for name in names})
