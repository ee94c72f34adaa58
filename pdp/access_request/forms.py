"""What a submission must add to the denied evaluation, held against the template's form."""

from collections.abc import Mapping

from pdp.access_request.submission import Submission
from pdp.core.values import JsonObject
from pdp.core.workflow import Workflow
from pdp.policy.bundle import Bundle
from pdp.policy.form import Form, FormFault

_MOST_KEPT = 256
_compiled: dict[tuple[int, str], tuple[JsonObject, Form]] = {}


def form_of(forms: Mapping[str, JsonObject], workflow: Workflow) -> Form | None:
    """The form of a workflow; None where it has none."""
    document = forms.get(workflow.form or "")
    if document is None or workflow.form is None:
        return None
    key = (id(document), workflow.form)
    kept = _compiled.get(key)
    if kept is not None and kept[0] is document:
        return kept[1]
    form = Form(document, workflow.form)
    if len(_compiled) >= _MOST_KEPT:
        _compiled.clear()
    _compiled[key] = (document, form)
    return form


def compile_forms(bundle: Bundle) -> None:
    """Compile every form of a bundle, so that no submission waits for it."""
    for workflow in bundle.workflows:
        form_of(bundle.forms, workflow)


def check_form(
    workflow: Workflow, form: Form | None, submission: Submission, position: int = 0
) -> list[JsonObject]:
    """The faults of one item of a submission, each `{"pointer", "detail"}`; none where it is good.

    Args:
        form: of the workflow that the item follows.
        position: of a bundle, the item's.
    """
    if form is None:
        return []
    item = submission.items[position]
    faults = form.faults(submission.context, item.requested_access)
    prefix = f"/items/{position}" if submission.bundle else ""
    return [_problem_entry(fault, prefix) for fault in faults]


def _problem_entry(fault: FormFault, prefix: str) -> JsonObject:
    inside = fault.at.startswith("/requested_access")
    return {"pointer": (prefix if inside else "") + fault.at, "detail": fault.detail}
