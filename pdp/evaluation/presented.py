"""An approval that a PEP presents in `context.approval`: verified, looked up, held against the
evaluation (ARAP, Completion Semantics).

Nothing that the PEP writes counts by itself: its `id` is looked up, its `state` must be signed by
an access request service that is trusted here, and both must mean the same approval. What has
become of an approval is read from the store each time, so that a revocation holds at once.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from pdp.core.approval import Approval, Presenter, Unusable, Usable, check_approval
from pdp.core.approval_state import (
    ApprovalState,
    InvalidState,
    check_state_alone,
    state_agrees,
    state_fits,
    state_from_json,
)
from pdp.core.authzen import Evaluation
from pdp.core.values import EntityUid, JsonObject
from pdp.store import approvals, reviews
from pdp.store.approval_records import approval_of
from pdp.store.session import Session
from pdp.trust.callers import Caller
from pdp.trust.claims import BadToken
from pdp.trust.compact import issuer_of

LONGEST_ID = 512
UNVERIFIABLE = Unusable("approval_unverifiable")

Verify = Callable[[str], JsonObject]
"""The claims of a token signed by the issuer in question; raises `BadToken`."""
Ancestors = Callable[[EntityUid], frozenset[EntityUid]]


class StateTrust(NamedTuple):
    """Whose signed approvals are taken.

    Attributes:
        own: the issuer of this deployment's own states, whose records are in the store; empty
            where requests are taken by another service.
        audience: this policy decision point, which a state must be addressed to.
        verifiers: how to verify the states of each issuer.
        prepare: has the keys of another issuer at hand before its state is verified.
    """

    own: str
    audience: str
    verifiers: Mapping[str, Verify]
    prepare: Callable[[str], Awaitable[None]] | None = None


class Presented(NamedTuple):
    """What was presented: the id, the signed state that came with it, or both.

    Attributes:
        id: None when nothing usable was presented.
        state: verified, and of this id.
        foreign: whether the state is of another service, whose records are not here.
    """

    id: str | None
    state: ApprovalState | None = None
    foreign: bool = False


class Record(NamedTuple):
    """An approval as the store has it now."""

    approval: Approval
    blocked: bool = False
    """Whether the review of an earlier emergency is overdue."""


NOTHING = Presented(None)


def presented_in(evaluation: Evaluation, trust: StateTrust) -> Presented | None:
    """What `context.approval` presents; None where there is no such member.

    A member of another shape, a state that is not for us, or one that is of another id than the
    one beside it, presents nothing. Unknown members are ignored, and what is written about the
    approval's life beside its id as well.
    """
    value = evaluation.context.get("approval")
    if value is None:
        return None
    if not isinstance(value, dict):
        return NOTHING
    identifier, token = value.get("id"), value.get("state")
    if identifier is not None and (type(identifier) is not str or len(identifier) > LONGEST_ID):
        return NOTHING
    if token is None:
        return Presented(identifier)
    if type(token) is not str:
        return NOTHING
    state = _verified(token, trust)
    if state is None:
        return NOTHING
    identifier = state.approval_id if identifier is None else identifier
    fits = state_fits(
        state,
        identifier,
        issuers=frozenset(trust.verifiers),
        audience=trust.audience,
        # Its expiry is looked at with the rest: an approval that is over has a reason of its own.
        now=state.issued_at,
    )
    return Presented(identifier, state, state.issuer != trust.own) if fits else NOTHING


def presenter_of(caller: Caller, evaluation: Evaluation) -> Presenter:
    """Who presents: the caller, and the client that it is, or as an AS has authenticated."""
    client = caller.client_id
    if client is None and "as" in caller.roles:
        named = evaluation.context.get("client")
        if isinstance(named, dict) and isinstance(named.get("id"), str):
            client = named["id"]
    return Presenter(caller.id, client)


def records_of(session: Session, ids: Sequence[str], now: datetime) -> dict[str, Record]:
    """The records of these secret ids; ids that are not known are left out."""
    rows = {each: approvals.by_id(session, each) for each in dict.fromkeys(ids)}
    return {each: record_of(session, row, now) for each, row in rows.items() if row is not None}


def record_of(session: Session, row: approvals.Approval, now: datetime) -> Record:
    """A row as a record; for an emergency also whether a review is overdue."""
    blocked = False
    if row.emergency:
        subject = (row.subject_type, row.subject_id)
        blocked = bool(reviews.overdue(session, now, row.template, subject))
    return Record(approval_of(row), blocked)


def check_presented(
    presented: Presented,
    record: Record | None,
    evaluation: Evaluation,
    presenter: Presenter,
    *,
    now: datetime,
    ancestors: frozenset[EntityUid] = frozenset(),
) -> Usable | Unusable:
    """Whether the evaluation may rest on what was presented; policy still has the last word.

    Args:
        record: what the store has under the presented id.
        ancestors: the entities above the resource, from our own data.
    """
    state = presented.state
    if presented.foreign and state is not None:
        return check_state_alone(state, evaluation, presenter, now=now)
    if presented.id is None or record is None:
        return UNVERIFIABLE
    if state is not None and not state_agrees(state, record.approval):
        return UNVERIFIABLE
    found = check_record(record, evaluation, presenter, now=now, ancestors=ancestors)
    if isinstance(found, Usable) and state is not None and now >= state.expires_at:
        return Unusable("approval_expired")
    return found


def check_record(
    record: Record,
    evaluation: Evaluation,
    presenter: Presenter,
    *,
    now: datetime,
    ancestors: frozenset[EntityUid] = frozenset(),
) -> Usable | Unusable:
    """Whether the evaluation may rest on a record of ours."""
    found = check_approval(record.approval, evaluation, presenter, now=now, ancestors=ancestors)
    if isinstance(found, Usable) and record.blocked:
        return Unusable("policy_denied")
    return found


def _verified(token: str, trust: StateTrust) -> ApprovalState | None:
    try:
        verify = trust.verifiers.get(issuer_of(token) or "")
        return None if verify is None else state_from_json(verify(token))
    except (BadToken, InvalidState):
        return None
