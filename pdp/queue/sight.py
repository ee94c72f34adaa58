"""Which requests somebody may see: nothing tells those that they may not from none at all."""

from datetime import datetime
from typing import NamedTuple

from pdp.access_request.approver import StandsIn, stood_in_for
from pdp.access_request.case import Case
from pdp.access_request.desk import Desk
from pdp.access_request.rights import Rights, facts_of
from pdp.core.task_clock import tick
from pdp.core.values import EntityUid
from pdp.errors import FORBIDDEN, INVALID_REQUEST, Problem
from pdp.policy.authorizer import Authorizer
from pdp.store.engine import Session
from pdp.store.tasks import Task
from pdp.trust.callers import Caller

_INBOXES = frozenset({"admin", "auditor", "approver_proxy"})
_OPERATORS = frozenset({"admin", "auditor"})


class Sight(NamedTuple):
    """What a caller sees; of two limits, both hold. Without one it sees everything.

    Attributes:
        requester: a connected server sees the requests that came through it.
        person: a person sees what is theirs, and what Cedar lets them view or approve, also for
            whom they stand in.
    """

    requester: str | None = None
    person: EntityUid | None = None

    def sees(self, session: Session, desk: Desk, case: Case, now: datetime) -> bool:
        """Whether it sees a request."""
        if self.requester not in (None, case.row.requester):
            return False
        return self.person is None or person_sees(session, desk, case, self.person, now)

    def is_inside(self, case: Case, authorizer: Authorizer) -> bool:
        """Whether it is of those who decide, and not of those who asked."""
        if self.person is not None:
            return subject_uid(case.row, authorizer) != self.person
        return self.requester is None


def sight_of(caller: Caller, named: EntityUid | None) -> Sight:
    """What a caller sees, for itself or for the person it names.

    Raises:
        Problem: 403 for a caller that has no business with queues.
    """
    connected = "as" in caller.roles and caller.roles.isdisjoint(_OPERATORS)
    owner = caller.id if connected else None
    if named is not None:
        return Sight(owner, named)
    if connected or not caller.roles.isdisjoint(_INBOXES):
        return Sight(owner)
    if caller.subject is not None:
        return Sight(None, caller.subject)
    caller.require_any("as", "approver_proxy", "auditor")
    raise Problem(FORBIDDEN)


def person_of(caller: Caller, named: EntityUid | None) -> EntityUid:
    """The person who acts: the one that an approver proxy names, else the caller itself.

    Raises:
        Problem: 403 for a caller that may not name anybody else, 400 where nobody is named.
    """
    if named is not None:
        if named == caller.subject:
            return named
        caller.require("approver_proxy")
        return named
    if caller.subject is None:
        detail = "this caller is no person: it has to say for whom it acts"
        errors = [{"pointer": "/approver", "detail": detail}]
        raise Problem(INVALID_REQUEST, detail, errors=errors)
    return caller.subject


def person_sees(session: Session, desk: Desk, case: Case, person: EntityUid, now: datetime) -> bool:
    """Whether a person may see a request: their own, or as Cedar says."""
    authorizer = desk.authorizer()
    if subject_uid(case.row, authorizer) == person:
        return True
    rights = Rights(authorizer, now)
    if _may_look(rights, case, person, now):
        return True
    return any(
        _may_look(rights, case, other.person, now, other)
        for other in stood_in_for(session, person, now)
    )


def subject_uid(row: Task, authorizer: Authorizer) -> EntityUid:
    """The Cedar entity for whom a request was made."""
    return (authorizer.mapping.entity_type(row.subject_type), row.subject_id)


def _may_look(
    rights: Rights, case: Case, person: EntityUid, now: datetime, within: StandsIn | None = None
) -> bool:
    task = tick(case.task, now).task if case.task.pending else case.task
    for item in task.items:
        if within is not None and not within.covers(case, item.position):
            continue
        workflow = task.plan_of(item).workflow
        steps = [workflow.leaves()[leaf.number].name for leaf in item.open_leaves()]
        named = steps or [workflow.steps[item.step].name]
        for step in named:
            facts = facts_of(case, item.position, step)
            if rights.permitted(person, "view", facts) is not None:
                return True
            if item.pending and rights.permitted(person, "approve", facts) is not None:
                return True
    return False
