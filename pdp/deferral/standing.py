"""How the request behind a handle stands, as its client may be told."""

import re
from datetime import datetime
from typing import NamedTuple

from pdp.access_request.case import Case, load_case
from pdp.core.deferral import Standing
from pdp.core.task_clock import tick
from pdp.deferral.parts import Parts
from pdp.store import approvals, interactions
from pdp.store.approvals import Approval
from pdp.store.deferral_glimpse import Glimpse
from pdp.store.deferrals import Deferral
from pdp.store.session import Session
from pdp.trust.reply_token import reply_token

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_.-]")


class State(NamedTuple):
    """How a request stands.

    Attributes:
        step: the identifier of the step that it is at, while it is pending.
        interaction_uri: where its subject must go, while it waits for that.
        approvals: once it is approved, each with its secret id.
    """

    standing: Standing
    case: Case | None = None
    step: str | None = None
    interaction_uri: str | None = None
    approvals: tuple[tuple[str, Approval], ...] = ()


def state_of(session: Session, parts: Parts, deferral: Deferral, now: datetime) -> State:
    """How the request of a handle stands now; time that passed unseen is seen here."""
    case = load_case(session, deferral.task_id)
    if case is None:
        return State("refused")
    return state_of_case(session, parts, case, now)


def glance(glimpse: Glimpse, now: datetime) -> State | None:
    """How a request stands that plainly waits for others; None where that takes a closer look."""
    if glimpse.status != "pending" or glimpse.visits or now >= glimpse.ends_at:
        return None
    return State("pending", step=shown_step(glimpse.step or ""))


def shown_step(name: str) -> str:
    """The identifier of a step, as an `error_description` may have it."""
    return _NOT_PLAIN.sub("_", name)


def state_of_case(session: Session, parts: Parts, case: Case, now: datetime) -> State:
    """How a request stands now."""
    task = tick(case.task, now).task if case.task.pending else case.task
    status = task.status
    if status == "pending":
        item = min((each for each in task.items if each.pending), key=lambda each: each.step)
        step = task.plan_of(item).workflow.steps[item.step].name
        uri = _interaction_uri(session, parts, case, now)
        standing: Standing = "pending" if uri is None else "interaction"
        return State(standing, case, shown_step(step), uri)
    if status == "approved":
        return State("approved", case, approvals=_approvals(session, parts, case))
    return State("expired" if status == "expired" else "refused", case)


def _interaction_uri(session: Session, parts: Parts, case: Case, now: datetime) -> str | None:
    """The page of ours for a step that waits for the subject; it ends with the step."""
    steps = [
        case.task.step_of(item, leaf) for item in case.task.items for leaf in item.open_leaves()
    ]
    if not any(step.kind == "interaction" for step in steps):
        return None
    for waiting in interactions.of_task(session, case.row.id):
        open_ = waiting.state in ("waiting", "visited") and now < waiting.expires_at
        if waiting.kind == "interaction" and open_:
            token = reply_token(parts.keys, waiting.id)
            return f"{parts.desk.base}/access/v1/interactions/{token}"
    return None


def _approvals(session: Session, parts: Parts, case: Case) -> tuple[tuple[str, Approval], ...]:
    return tuple(
        (parts.keys.unseal(row.sealed_id or b"", f"approval id {row.ref}").decode(), row)
        for row in approvals.of_task(session, case.row.id)
    )
