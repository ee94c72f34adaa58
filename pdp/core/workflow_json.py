"""Writes a workflow as its definition with every default filled in: what a task carries along."""

from datetime import timedelta

from pdp.core.duration import format_duration
from pdp.core.values import JsonObject
from pdp.core.workflow import CatalogField, Emergency, Step, Texts, Workflow


def workflow_to_json(workflow: Workflow) -> JsonObject:
    """The definition, without name and version; `workflow_from_json` reads it."""
    return _given(
        title=_texts(workflow.title),
        description=_texts(workflow.description),
        call_to_action=_texts(workflow.call_to_action),
        reason=workflow.reason,
        denial_ttl=format_duration(workflow.denial_ttl),
        task_ttl=format_duration(workflow.task_ttl),
        approval_ttl=format_duration(workflow.approval_ttl),
        approval_ttl_max=format_duration(workflow.approval_ttl_max),
        scope=workflow.scope,
        single_use=workflow.single_use,
        standing=workflow.standing,
        narrowing=workflow.narrowing,
        distinct_approvers=workflow.distinct_approvers,
        form=workflow.form,
        catalogs={field.pointer: _catalog(field) for field in workflow.catalogs} or None,
        hide_payload=workflow.hide_payload,
        provisioning=workflow.provisioning,
        callbacks=workflow.callbacks,
        emergency=_emergency(workflow.emergency),
        steps=[_step(step) for step in workflow.steps],
    )


def _step(step: Step) -> JsonObject:
    if step.parts:
        member = "any_of" if step.any_of else "all_of"
        parts = [_step(part) for part in step.parts]
        return _given(name=step.name, title=_texts(step.title)) | {member: parts}
    human = step.kind == "human"
    return _given(
        name=step.name,
        kind=step.kind,
        title=_texts(step.title),
        approvals=step.approvals if human else None,
        queue=step.queue,
        remind_after=_duration(step.remind_after),
        remind_times=step.remind_times if step.remind_after else None,
        escalate_after=_duration(step.escalate_after),
        escalate_to=step.escalate_to,
        timeout=_duration(step.timeout),
        on_timeout=step.on_timeout if step.timeout else None,
        external=_external(step),
        interaction=_interaction(step),
    )


def _external(step: Step) -> JsonObject | None:
    if step.external is None:
        return None
    return _given(url=step.external.url, secret=step.external.secret)


def _interaction(step: Step) -> JsonObject | None:
    page = step.interaction
    if page is None:
        return None
    return _given(
        url=page.url,
        ttl=_duration(page.ttl),
        title=_texts(page.title),
        description=_texts(page.description),
    )


def _emergency(emergency: Emergency | None) -> JsonObject | None:
    if emergency is None:
        return None
    people = [{"type": kind, "id": identifier} for kind, identifier in emergency.approvers]
    return _given(
        approvers=people or None,
        ttl=format_duration(emergency.ttl),
        review_within=format_duration(emergency.review_within),
        justification=emergency.justification,
        queue=emergency.queue,
        notify=list(emergency.notify) or None,
    )


def _catalog(field: CatalogField) -> JsonObject:
    items = [{"value": value, "label": label} for value, label in field.items]
    return _given(
        name=field.name,
        entity_type=field.entity_type,
        action=field.action,
        label=field.label,
        items=items or None,
        search_param=field.search_param,
        scope_params=dict(field.scope_params) or None,
        value_path=field.value_path,
        label_path=field.label_path,
    )


def _texts(texts: Texts) -> JsonObject | None:
    return dict(texts) or None


def _duration(duration: timedelta | None) -> str | None:
    return format_duration(duration) if duration is not None else None


def _given(**members: object) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}
