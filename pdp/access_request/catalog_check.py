"""Whether what a submission chose from catalogs is there to be chosen, by this subject, now."""

from datetime import datetime
from typing import Any

from pdp.access_request.catalogs import Catalog
from pdp.access_request.submission import Submission
from pdp.core.authzen import entity_from
from pdp.core.values import JsonObject
from pdp.core.workflow import Workflow
from pdp.policy.authorizer import Authorizer

_ABSENT = object()


def check_catalogs(
    workflow: Workflow,
    submission: Submission,
    position: int,
    authorizer: Authorizer,
    now: datetime,
    caller_facts: JsonObject | None = None,
) -> list[JsonObject]:
    """The submitted values that no catalog has for this subject, each `{"pointer", "detail"}`."""
    asked = submission.items[position]
    instance = {"context": submission.context, "requested_access": asked.requested_access}
    subject = entity_from(submission.subject, "/subject")
    prefix = f"/items/{position}" if submission.bundle else ""
    faults: list[JsonObject] = []
    for field in workflow.catalogs:
        place = instance_pointer(field.pointer)
        value = _at(instance, place)
        if value is _ABSENT:
            continue
        scope = {name: _at(instance, instance_pointer(at)) for name, at in field.scope_params}
        texts = {name: each for name, each in scope.items() if isinstance(each, str)}
        catalog = Catalog(field, subject, authorizer, now, caller_facts or {})
        at = (prefix if place.startswith("/requested_access") else "") + place
        if len(texts) < len(scope):
            faults.append({"pointer": at, "detail": "depends on a field that is not there"})
            continue
        several = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) and catalog.holds(each, texts) for each in several):
            detail = f"is not one of the catalog `{field.name}`"
            faults.append({"pointer": at, "detail": detail})
    return faults


def instance_pointer(pointer: str) -> str:
    """A catalog's pointer into what a submission adds; a bare one is of `requested_access`."""
    first = pointer.split("/", 2)[1]
    return pointer if first in ("context", "requested_access") else "/requested_access" + pointer


def _at(value: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(value, dict) or name not in value:
            return _ABSENT
        value = value[name]
    return value
