"""The forms of a schema folder: JSON Schemas (2020-12) of what a submission must add."""

from collections.abc import Sequence

from pdp.core.values import JsonObject
from pdp.policy.finding import Report
from pdp.policy.form import Form
from pdp.policy.locations import Span
from pdp.policy.source_entities import parse_source_json
from pdp.policy.source_files import SourceFile
from pdp.policy.source_policies import source_text


def load_forms(files: Sequence[SourceFile], report: Report) -> dict[str, JsonObject]:
    """Read the forms, by their path below the schema folder; faults become findings."""
    forms: dict[str, JsonObject] = {}
    for file in files:
        source = source_text(file, report)
        if source is None:
            continue
        value = parse_source_json(file.content, source, report)
        if isinstance(value, dict):
            fault = form_fault(value, file.name)
            if fault is not None:
                report.add("invalid-form", "error", source, Span(0, 1), fault)
            forms[file.name] = value
        elif value is not None:
            message = "a form must be a JSON Schema, an object"
            report.add("invalid-form", "error", source, Span(0, 1), message)
    return forms


def form_fault(form: JsonObject, name: str = "form") -> str | None:
    """Why a form is not a usable JSON Schema, or None; references elsewhere are never followed."""
    try:
        Form(form, name)
    except ValueError as error:
        return str(error)
    return None
