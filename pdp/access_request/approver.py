"""A person who acts on a request, and for whom else that person may act.

A delegation and an absence count while they last and are followed once only: whoever stands in for
somebody does not stand in for those whom that one stands in for.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from pdp.access_request.case import Case
from pdp.access_request.rights import Rights, facts_of, permitted_questions
from pdp.core.task import Question
from pdp.core.values import EntityUid
from pdp.store import absences, delegations
from pdp.store.engine import Session


class Approver(NamedTuple):
    """Who decides.

    Attributes:
        person: as a Cedar entity.
        caller: the machine that passes the decision on, or the person's own credential.
        on_behalf_of: for whom, if the person says so; otherwise it is found out.
    """

    person: EntityUid
    caller: str
    on_behalf_of: EntityUid | None = None


class Powers(NamedTuple):
    """What a person may decide now, by which policies, and for whom if not for themselves."""

    permitted: Mapping[Question, tuple[str, ...]]
    on_behalf_of: EntityUid | None = None


class StandsIn(NamedTuple):
    """For whom a person stands in: on all, or in one queue, or for one template."""

    person: EntityUid
    queue: str | None = None
    template: str | None = None

    def covers(self, case: Case, position: int) -> bool:
        """Whether it is for an item of a request."""
        workflow = case.task.plan_of(case.task.items[position]).workflow
        if self.template not in (None, workflow.name):
            return False
        return self.queue is None or self.queue in workflow.queues()


def powers_of(
    session: Session,
    rights: Rights,
    case: Case,
    approver: Approver,
    questions: Collection[Question],
    now: datetime,
) -> Powers:
    """What a person may decide of the open steps: by own right, else for whom they stand in.

    What a policy forbids the person, nobody can let them do: neither four eyes nor a separation of
    duties is got around by standing in for somebody.
    """
    person, named = approver.person, approver.on_behalf_of
    own = Powers(permitted_questions(rights, case, person, questions))
    if named is None and own.permitted:
        return own
    if rights.uid_of(case.row.subject) == person:
        return own if named is None else Powers({})
    open_to = [each for each in questions if not _forbidden(rights, case, person, each)]
    for other in stood_in_for(session, person, now):
        if named not in (None, other.person):
            continue
        covered = [each for each in open_to if other.covers(case, each.position)]
        permitted = permitted_questions(rights, case, other.person, covered)
        if permitted:
            return Powers(permitted, other.person)
    return own if named is None else Powers({})


def stood_in_for(session: Session, person: EntityUid, now: datetime) -> list[StandsIn]:
    """For whom a person stands in now: by delegation, then by absence."""
    found = [
        StandsIn((each.from_type, each.from_id), each.queue, each.template)
        for each in delegations.to_person(session, person, now)
    ]
    found += [
        StandsIn((each.person_type, each.person_id))
        for each in absences.stood_in_by(session, person, now)
    ]
    return [other for other in dict.fromkeys(found) if other.person != person]


def _forbidden(rights: Rights, case: Case, person: EntityUid, question: Question) -> bool:
    item = case.task.items[question.position]
    step = case.task.plan_of(item).workflow.leaves()[question.leaf].name
    return rights.forbidden(person, "approve", facts_of(case, question.position, step))
