"""Ending an approval before its time: by its requester, an administrator, or whoever Cedar lets.

A revocation holds for the very next evaluation on every replica, because each evaluation that
rests on an approval reads its record. It touches no other approval of the same task or subject.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pdp.core.values import EntityUid, JsonObject
from pdp.errors import CONFLICT, FORBIDDEN, NOT_FOUND, Problem
from pdp.store import approvals, audit, tasks
from pdp.store.approvals import Approval
from pdp.store.session import Session
from pdp.store.tasks import Task
from pdp.trust.callers import Caller

REVOKED = "revoked"
LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants an approval ended.

    Attributes:
        caller: who calls.
        person: the person who acts, where one does; of another than the caller itself only the
            person's rights count.
        origin: where the call came from, for the audit.
    """

    caller: Caller
    person: EntityUid | None = None
    origin: JsonObject | None = None


class PersonRights(Protocol):
    """What policy lets a person do with the request behind an approval."""

    def __call__(
        self, person: EntityUid, action: str, task: Task, position: int
    ) -> tuple[str, ...] | None:
        """The ids of the policies that permit `view` or `revoke`; None when it is denied."""


class Publish(Protocol):
    """Tells those who follow a task."""

    def __call__(
        self, session: Session, kind: str, task: Task, queues: Sequence[str], now: datetime
    ) -> None:
        """Write an event, and a webhook job for each subscription that asks for it."""


def revoke(
    session: Session,
    ref: str,
    asker: Asker,
    *,
    reason: str | None,
    now: datetime,
    rights: PersonRights,
    publish: Publish,
) -> Approval:
    """End one approval; the record as it is afterwards.

    `ref` is its reference, or the secret id that its requester was given.

    1. Find it; 2. may the asker end it? 3. end it; 4. audit it; 5. tell those who follow the task.

    Raises:
        Problem: 404 for an approval that is not there or that the asker may not even see, 403
            for one it may only see, 409 for one that is over already.
    """
    row = approvals.by_ref(session, ref) or approvals.by_id(session, ref)
    task = tasks.get(session, row.task_id) if row is not None else None
    if row is None or task is None:
        raise _unknown()
    evidence = _entitled(row, task, asker, rights)
    by = asker.caller.id if asker.person is None else "::".join(asker.person)
    if not approvals.revoke(session, row.ref, by=by, reason=reason, now=now):
        raise Problem(CONFLICT, "the approval no longer counts")
    details = {
        "approval": row.ref,
        "template": row.template,
        "position": row.item or 0,
        "reason": reason,
        "policies": list(evidence),
    }
    audit.append(session, _event(row, asker, details, now))
    publish(session, REVOKED, task, (), now)
    ended = approvals.by_ref(session, row.ref)
    assert ended is not None
    return ended


def _event(row: Approval, asker: Asker, details: JsonObject, now: datetime) -> audit.AuditEvent:
    caller, person = asker.caller.id, asker.person
    return audit.AuditEvent(
        at=now,
        event="approval.revoked",
        task_id=row.task_id,
        actor_type="caller" if person is None else person[0],
        actor_id=caller if person is None else person[1],
        actor=None if person is None else {"caller": caller},
        origin=asker.origin,
        details=details,
    )


def _entitled(row: Approval, task: Task, asker: Asker, rights: PersonRights) -> tuple[str, ...]:
    """The policies that let the asker; none for a requester or an administrator."""
    caller, position = asker.caller, row.item or 0
    own = asker.person in (None, caller.subject)
    if own and (caller.id == row.requester or "admin" in caller.roles):
        return ()
    if asker.person is None:
        raise _unknown()
    permitted = rights(asker.person, "revoke", task, position)
    if permitted is not None:
        return permitted
    if rights(asker.person, "view", task, position) is None:
        raise _unknown()
    raise Problem(FORBIDDEN, "no policy lets this person end the approval")


def _unknown() -> Problem:
    return Problem(NOT_FOUND, "there is no such approval")
