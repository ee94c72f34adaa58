"""A third party that reports the outcome of its `external` step through the queue.

It needs the same permission as an approver: `access_request:approve` at that step.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from pdp.access_request.answers import Answer, report_step
from pdp.access_request.approver import Approver
from pdp.access_request.case import Case
from pdp.access_request.desk import Desk
from pdp.access_request.rights import Rights, facts_of
from pdp.access_request.verdict import Verdict
from pdp.core.cause import Cause
from pdp.core.task_clock import tick
from pdp.store.engine import Session


class Reportable(NamedTuple):
    """A step that waits for a third party: its items, and the policies that let it be reported."""

    step: str
    positions: tuple[int, ...]
    policies: tuple[str, ...]


def reportable(
    rights: Rights, case: Case, approver: Approver, verdict: Verdict, now: datetime
) -> Reportable | None:
    """The first external step under way that this person may report on."""
    found: dict[str, dict[int, tuple[str, ...]]] = {}
    for position, step in _waiting(case, verdict, now):
        policies = rights.permitted(approver.person, "approve", facts_of(case, position, step))
        if policies is not None:
            found.setdefault(step, {})[position] = policies
    for name, positions in found.items():
        policies = tuple(sorted({each for every in positions.values() for each in every}))
        return Reportable(name, tuple(positions), policies)
    return None


def waits_for_report(case: Case, verdict: Verdict, now: datetime) -> bool:
    """Whether a third party could report on what a verdict is about."""
    return any(True for _ in _waiting(case, verdict, now))


def _waiting(case: Case, verdict: Verdict, now: datetime) -> Iterator[tuple[int, str]]:
    task = tick(case.task, now).task
    for item in task.items:
        if verdict.items is not None and item.position not in verdict.items:
            continue
        for leaf in item.open_leaves():
            step = task.step_of(item, leaf)
            if step.kind == "external" and verdict.step in (None, step.name):
                yield item.position, step.name


def report(
    session: Session,
    desk: Desk,
    case: Case,
    found: Reportable,
    verdict: Verdict,
    *,
    cause: Cause,
    now: datetime,
) -> Case:
    """Take the outcome; raises `Problem` 409 when the step waits no more."""
    outcome = Answer(
        "approved" if verdict.decision == "approve" else "refused", verdict.reason_code
    )
    details = {
        "step": found.step,
        "positions": list(found.positions),
        "outcome": outcome.outcome,
        "policies": list(found.policies),
        "comment": verdict.comment,
    }
    told = {name: value for name, value in details.items() if value is not None}
    desk.record(session, "step.reported", told, case.row, cause, now)
    return report_step(
        session, desk, case, found.step, outcome, positions=found.positions, cause=cause, now=now
    )
