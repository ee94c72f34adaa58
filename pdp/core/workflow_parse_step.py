"""Reads one step of a workflow, or a group of steps."""

from typing import Any, get_args
from urllib.parse import urlsplit

from pdp.core.members import Fault, Members, Path
from pdp.core.workflow import External, Interaction, Step, StepKind

DEEPEST_GROUP = 3
MOST_PARTS = 20
_KINDS: tuple[StepKind, ...] = get_args(StepKind)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def read_step(body: Any, path: Path, faults: list[Fault], workflow: str, depth: int = 0) -> Step:
    """Read a step; its faults are added to `faults`, and what is returned then is not to be used."""
    at = Members(body, path, faults)
    name = at.name("name")
    if at.usable and not at.has("name"):
        at.fault("`name` is required")
    if at.has("any_of") or at.has("all_of"):
        return _read_group(at, name, workflow, depth)
    kind = at.choice("kind", "human", _KINDS)
    escalate_to = at.optional_name("escalate_to")
    step = Step(
        name=name,
        kind=kind,
        title=at.texts("title"),
        approvals=at.whole("approvals", 1, 1, 50),
        queue=at.name("queue", workflow),
        remind_after=at.optional_duration("remind_after"),
        remind_times=at.whole("remind_times", 3, 1, 20),
        escalate_after=at.optional_duration("escalate_after"),
        escalate_to=escalate_to,
        timeout=at.optional_duration("timeout"),
        on_timeout=at.choice("on_timeout", "escalate" if _escalates(at) else "deny", _TIMEOUTS),
        external=_read_external(at) if at.has("external") else None,
        interaction=_read_interaction(at) if at.has("interaction") else None,
    )
    at.done(" in a step")
    if at.usable:
        _check(step, at)
    return step


_TIMEOUTS: tuple[Any, ...] = ("escalate", "deny")


def _escalates(at: Members) -> bool:
    return at.has("escalate_to") and not at.has("escalate_after")


def _read_group(at: Members, name: str, workflow: str, depth: int) -> Step:
    member = "any_of" if at.has("any_of") else "all_of"
    if at.has("any_of") and at.has("all_of"):
        at.fault("a group has either `any_of` or `all_of`")
    if depth >= DEEPEST_GROUP:
        at.fault(f"groups must not be nested deeper than {DEEPEST_GROUP} levels")
        return Step(name)
    parts = tuple(
        read_step(body, (*at.path, member, index), at.faults, workflow, depth + 1)
        for index, body in at.elements(member, MOST_PARTS)
    )
    step = Step(
        name,
        title=at.texts("title"),
        queue=workflow,
        any_of=parts if member == "any_of" else (),
        all_of=parts if member == "all_of" else (),
    )
    at.done(" in a group of steps: it belongs to the steps of the group")
    return step


def _read_external(at: Members) -> External:
    inner = at.inner("external")
    url = inner.optional_text("url")
    if url and not _is_url(url):
        inner.fault("must be an absolute https URL", "url")
    external = External(url, inner.optional_name("secret"))
    inner.done()
    if url and inner.usable and not inner.has("secret"):
        inner.fault("needs `secret`: the call is signed", "url")
    return external


def _read_interaction(at: Members) -> Interaction:
    inner = at.inner("interaction")
    url = inner.optional_text("url")
    if url and (not _is_url(url) or "#" in url):
        inner.fault("must be an absolute https URL without a fragment", "url")
    interaction = Interaction(
        url, inner.optional_duration("ttl"), inner.texts("title"), inner.texts("description")
    )
    inner.done()
    return interaction


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    )


def _check(step: Step, at: Members) -> None:
    if step.kind != "human" and step.approvals != 1:
        at.fault("only a `human` step counts approvals", "approvals")
    if step.external is not None and step.kind != "external":
        at.fault("belongs to a step of the kind `external`", "external")
    if step.interaction is not None and step.kind != "interaction":
        at.fault("belongs to a step of the kind `interaction`", "interaction")
    _check_times(step, at)


def _check_times(step: Step, at: Members) -> None:
    waits = ("remind_after", "escalate_after", "escalate_to", "timeout", "on_timeout")
    if step.kind == "policy":
        for member in waits:
            if at.has(member):
                at.fault("a `policy` step is decided at once and waits for nothing", member)
        return
    if step.escalate_after is not None and step.escalate_to is None:
        at.fault("needs `escalate_to`", "escalate_after")
    if at.has("on_timeout") and step.timeout is None:
        at.fault("needs `timeout`", "on_timeout")
    if step.on_timeout == "escalate" and step.timeout is not None and step.escalate_to is None:
        at.fault("needs `escalate_to`", "on_timeout")
    if step.escalate_to is not None and not _can_escalate(step):
        at.fault("needs `escalate_after`, or `timeout` with `on_timeout: escalate`", "escalate_to")
    late = step.timeout is not None and step.escalate_after is not None
    if late and step.escalate_after >= step.timeout:  # type: ignore[operator]
        at.fault("must be shorter than `timeout`", "escalate_after")


def _can_escalate(step: Step) -> bool:
    return step.escalate_after is not None or (
        step.timeout is not None and step.on_timeout == "escalate"
    )
