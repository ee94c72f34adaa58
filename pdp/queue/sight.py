"""Which requests somebody may see: nothing tells those that they may not from none at all."""

from datetime import datetime
from typing import NamedTuple

from pdp.access_request.approver import stood_in_for
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

_ALL = frozenset({"admin", "auditor", "approver_proxy"})


class Sight(NamedTuple):
    """What a caller sees.

    Attributes:
        everything: an administrator, an auditor, or an inbox that acts for anybody.
        requester: a connected server sees the requests that came through it.
        person: a person sees what is theirs, and what Cedar lets them view or approve, also for
            whom they stand in.
    """

    everything: bool
    requester: str | None
    person: EntityUid | None

    def sees(self, session: Session, desk: Desk, case: Case, now: datetime) -> bool:
        """Whether it sees a request."""
        if self.everything or self.requester == case.row.requester:
            return True
        return self.person is not None and person_sees(session, desk, case, self.person, now)


def sight_of(caller: Caller, person: EntityUid | None, *, named: bool) -> Sight:
    """What a caller sees, for itself or for the person it names.

    Raises:
        Problem: 403 for a caller that has no business with queues.
    """
    if named:
        return Sight(False, None, person)
    if not caller.roles.isdisjoint(_ALL):
        return Sight(True, None, None)
    if "as" in caller.roles:
        return Sight(False, caller.id, None)
    if caller.subject is not None:
        return Sight(False, None, caller.subject)
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
        _may_look(rights, case, other, now) for other in stood_in_for(session, person, case, now)
    )


def subject_uid(row: Task, authorizer: Authorizer) -> EntityUid:
    """The Cedar entity for whom a request was made."""
    return (authorizer.mapping.entity_type(row.subject_type), row.subject_id)


def _may_look(rights: Rights, case: Case, person: EntityUid, now: datetime) -> bool:
    task = tick(case.task, now).task if case.task.pending else case.task
    for item in task.items:
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
