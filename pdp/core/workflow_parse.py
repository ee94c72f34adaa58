"""Reads `workflows.yaml`: definitions to frozen workflows, all faults at once.

The file's JSON Schema for editors says the same: its definitions are named as the values of
`pdp.core.workflow` are (`Workflow`, `Step`, `External`, `Interaction`, `Emergency`,
`CatalogField`).
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pdp.core.jcs import canonical
from pdp.core.members import Fault, Members, Path
from pdp.core.values import JsonObject, JsonValue
from pdp.core.workflow import SCOPES, Step, Workflow, Workflows
from pdp.core.workflow_json import workflow_to_json
from pdp.core.workflow_parse_parts import read_catalogs, read_emergency
from pdp.core.workflow_parse_step import read_step

MOST_WORKFLOWS = 1_000
MOST_STEPS = 20
MOST_LEAVES = 50
LONGEST_DENIAL = timedelta(days=1)


class InvalidWorkflows(ValueError):
    """Workflows that cannot be used; `faults` are all that were found, in the order of the file."""

    def __init__(self, faults: list[Fault]) -> None:
        first = faults[0]
        super().__init__(f"{first.pointer or '/'}: {first.message}")
        self.faults = tuple(faults)


def parse_workflows(data: JsonValue) -> Workflows:
    """Read the content of `workflows.yaml`; None, an empty file, has no workflows.

    Raises:
        InvalidWorkflows: with every fault.
    """
    faults: list[Fault] = []
    found: dict[str, Workflow] = {}
    root = Members({} if data is None else data, (), faults)
    if root.has("workflows"):
        named = root.inner("workflows")
        if len(named.data) > MOST_WORKFLOWS:
            named.fault(f"must not have more than {MOST_WORKFLOWS} workflows")
        for name, body in named.data.items():
            _check_name(name, named)
            found[name] = _read_workflow(name, body, (*named.path, name), faults)
    root.done()
    if faults:
        raise InvalidWorkflows(faults)
    return Workflows(found)


def workflow_from_json(name: str, body: JsonObject) -> Workflow:
    """The workflow that `workflow_to_json` wrote.

    Raises:
        InvalidWorkflows: when it is not one.
    """
    faults: list[Fault] = []
    workflow = _read_workflow(name, body, (), faults)
    if faults:
        raise InvalidWorkflows(faults)
    return workflow


def version_of(workflow: Workflow) -> str:
    """SHA-256 in hex over the definition with its defaults and its name."""
    whole = {"name": workflow.name, "workflow": workflow_to_json(workflow)}
    return hashlib.sha256(canonical(whole)).hexdigest()


def _read_workflow(name: str, body: Any, path: Path, faults: list[Fault]) -> Workflow:
    before = len(faults)
    at = Members(body, path, faults)
    plain = Workflow(name, ())
    steps = _read_steps(at, name)
    approval_ttl, approval_ttl_max = _read_approval_ttls(at, plain)
    workflow = Workflow(
        name=name,
        steps=steps,
        title=at.texts("title"),
        description=at.texts("description"),
        call_to_action=at.texts("call_to_action"),
        reason=at.name("reason", plain.reason),
        denial_ttl=at.duration("denial_ttl", plain.denial_ttl),
        task_ttl=at.duration("task_ttl", plain.task_ttl),
        approval_ttl=approval_ttl,
        approval_ttl_max=approval_ttl_max,
        scope=at.choice("scope", plain.scope, SCOPES),
        single_use=at.flag("single_use", plain.single_use),
        standing=at.flag("standing", plain.standing),
        narrowing=at.flag("narrowing", plain.narrowing),
        distinct_approvers=at.flag("distinct_approvers", plain.distinct_approvers),
        form=_read_form(at),
        catalogs=read_catalogs(at, name),
        hide_payload=at.flag("hide_payload", plain.hide_payload),
        provisioning=at.flag("provisioning", plain.provisioning),
        callbacks=at.flag("callbacks", plain.callbacks),
        emergency=read_emergency(at, name, approval_ttl),
    )
    at.done()
    if at.usable and len(faults) == before:
        _check_whole(workflow, at)
    return replace(workflow, version=version_of(workflow)) if len(faults) == before else workflow


def _read_approval_ttls(at: Members, plain: Workflow) -> tuple[timedelta, timedelta]:
    longest = at.optional_duration("approval_ttl_max")
    chosen = at.optional_duration("approval_ttl")
    usual = chosen or min(plain.approval_ttl, longest or plain.approval_ttl)
    return usual, longest or max(plain.approval_ttl_max, usual)


def _read_steps(at: Members, workflow: str) -> tuple[Step, ...]:
    if not at.has("steps"):
        if at.usable:
            at.fault("`steps` is required: a list of steps, each with a `name`")
        return ()
    steps = [
        read_step(body, (*at.path, "steps", index), at.faults, workflow)
        for index, body in at.elements("steps", MOST_STEPS)
    ]
    return tuple(steps)


def _read_form(at: Members) -> str | None:
    form = at.optional_text("form")
    if form is not None and (form.startswith("/") or ".." in form.split("/") or "\\" in form):
        at.fault("must be a path below the schema folder", "form")
    return form


def _check_name(name: str, named: Members) -> None:
    probe = Members({"name": name}, named.path, [])
    probe.name("name")
    for fault in probe.faults:
        named.fault(fault.message, name)


def _check_whole(workflow: Workflow, at: Members) -> None:
    checks: tuple[tuple[bool, str, str], ...] = (
        (
            workflow.approval_ttl > workflow.approval_ttl_max,
            "approval_ttl",
            "must not be longer than `approval_ttl_max`",
        ),
        (workflow.denial_ttl > LONGEST_DENIAL, "denial_ttl", "must not be longer than `1d`"),
        (
            workflow.single_use and workflow.standing,
            "standing",
            "a single-use approval cannot be a standing one",
        ),
        (
            workflow.single_use and workflow.scope != "exact",
            "scope",
            "a single-use approval covers exactly what was asked",
        ),
    )
    for wrong, member, message in checks:
        if wrong:
            at.fault(message, member)
    _check_leaves(workflow, at.fault)


def _check_leaves(workflow: Workflow, fault: Callable[..., None]) -> None:
    leaves = workflow.leaves()
    if len(leaves) > MOST_LEAVES:
        fault(f"must not have more than {MOST_LEAVES} steps in all", "steps")
    seen: set[str] = set()
    for step in _every_step(workflow.steps):
        if step.name in seen:
            fault(f"two steps are named `{step.name}`", "steps")
        seen.add(step.name)
    for leaf in leaves:
        for member in ("remind_after", "escalate_after", "timeout"):
            wait = getattr(leaf, member)
            if wait is not None and wait >= workflow.task_ttl:
                fault(f"step `{leaf.name}`: `{member}` must be shorter than `task_ttl`", "steps")


def _every_step(steps: tuple[Step, ...]) -> list[Step]:
    return [each for step in steps for each in (step, *_every_step(step.parts))]
