"""A person who acts on a request, and for whom else that person may act.

A delegation and an absence count while they last and are followed once only: whoever stands in for
somebody does not stand in for those whom that one stands in for.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from pdp.access_request.case import Case
from pdp.access_request.rights import Rights, permitted_questions
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


def powers_of(
    session: Session,
    rights: Rights,
    case: Case,
    approver: Approver,
    questions: Collection[Question],
    now: datetime,
) -> Powers:
    """What a person may decide of the open steps: by own right, else for whom they stand in."""
    person, named = approver.person, approver.on_behalf_of
    own = Powers(permitted_questions(rights, case, person, questions))
    if named is None and own.permitted:
        return own
    if rights.uid_of(case.row.subject) == person:
        # Nobody gets around four eyes by standing in for an approver.
        return own if named is None else Powers({})
    for other in stood_in_for(session, person, case, now):
        if named not in (None, other):
            continue
        permitted = permitted_questions(rights, case, other, questions)
        if permitted:
            return Powers(permitted, other)
    return own if named is None else Powers({})


def stood_in_for(session: Session, person: EntityUid, case: Case, now: datetime) -> list[EntityUid]:
    """For whom a person stands in now, on this request: by delegation, then by absence."""
    queues = set(case.task.queues())
    templates = {plan.workflow.name for plan in case.task.plans}
    found: list[EntityUid] = []
    for each in delegations.to_person(session, person, now):
        in_queue = each.queue is None or each.queue in queues
        if in_queue and (each.template is None or each.template in templates):
            found.append((each.from_type, each.from_id))
    for absence in absences.stood_in_by(session, person, now):
        found.append((absence.person_type, absence.person_id))
    return [other for other in dict.fromkeys(found) if other != person]
