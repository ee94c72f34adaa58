"""Denials reconsidered in the light of approvals: presented ones, and standing ones found here."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pdp.core.approval import (
    Approval,
    DenialReason,
    Presenter,
    Usable,
    check_approval,
    evaluation_key,
)
from pdp.core.authzen import Evaluation
from pdp.core.moment import format_moment
from pdp.core.values import EntityUid, JsonObject
from pdp.evaluation.presented import (
    Presented,
    Record,
    StateTrust,
    check_presented,
    check_record,
    presented_in,
    presenter_of,
    record_of,
    records_of,
)
from pdp.evaluation.standing import Standing
from pdp.policy.approval_facts import approval_facts
from pdp.policy.authorizer import Answer, Authorizer
from pdp.policy.mapping import CedarRequest
from pdp.store import approvals
from pdp.store.engine import Database
from pdp.store.session import Session
from pdp.trust.callers import Caller


class Denied(NamedTuple):
    """An evaluation that policy denies without an approval."""

    evaluation: Evaluation
    request: CedarRequest
    answer: Answer
    caller: Caller


class Reconsidered(NamedTuple):
    """What became of a denial.

    Attributes:
        answer: the allow that rests on an approval; None where it stays denied.
        approval: of an allow: what its Decision Context says of the approval.
        ref: of an allow: names the approval where its id must not be.
        reason: of a denial to which an approval was presented: why it did not help.
    """

    answer: Answer | None = None
    approval: JsonObject | None = None
    ref: str | None = None
    reason: DenialReason | None = None


UNCHANGED = Reconsidered()


class _Case(NamedTuple):
    """A denial with whatever might lift it."""

    denied: Denied
    presenter: Presenter
    ancestors: frozenset[EntityUid]
    presented: Presented | None
    standing: tuple[str, ...]


class _Known(NamedTuple):
    """What the store says, by presented id and by reference."""

    by_id: dict[str, Record]
    by_ref: dict[str, Record]


class _Basis(NamedTuple):
    """An approval that makes policy allow."""

    answer: Answer
    said: JsonObject
    ref: str
    spends: Approval | None


class Approvals:
    """Lets evaluations rest on approvals.

    Args:
        database: where approvals are kept; read once for each call that an approval may concern.
        trust: whose signed approvals are taken.
        standing: those that are found without being presented.
    """

    def __init__(self, database: Database, trust: StateTrust, standing: Standing) -> None:
        self._database = database
        self._trust = trust
        self._standing = standing

    def concern(self, evaluation: Evaluation, answer: Answer) -> bool:
        """Whether some approval could have to do with a denial; needs no store."""
        if "approval" in evaluation.context:
            return True
        subject = evaluation.subject
        return bool(answer.slice.templates) and bool(
            self._standing.of_subject((subject.type, subject.id))
        )

    async def reconsider(
        self, denials: Sequence[Denied], authorizer: Authorizer, now: datetime
    ) -> list[Reconsidered]:
        """Decide denials again, each with the approvals that apply to it.

        1. Verify what is presented; find the standing approvals whose scope fits.
        2. Look all of them up, in one hop to a worker thread.
        3. Hold each against its evaluation, and let policy decide with it.
        4. Spend the single-use ones that an allow rests on, in a transaction, in order.

        Raises:
            StoreUnavailable: an approval concerns a call and the store cannot say how it stands.
        """
        await self._prepare(denials)
        cases = [self._case(denied, authorizer, now) for denied in denials]
        ids = [case.presented.id for case in cases if case.presented and case.presented.id]
        refs = [ref for case in cases for ref in case.standing]
        known = _Known({}, {})
        if ids or refs:
            known = await self._database.apeek(lambda session: _look_up(session, ids, refs, now))
        found = [_decided(case, known, authorizer, now) for case in cases]
        spending = [
            (case, basis)
            for case, basis in zip(cases, found, strict=True)
            if isinstance(basis, _Basis) and basis.spends is not None
        ]
        if not spending:
            return [_told(basis) for basis in found]
        spent = iter(
            await self._database.awrite(
                lambda session: [_spend(session, case, basis, now) for case, basis in spending]
            )
        )
        lost = Reconsidered(reason="approval_expired")
        return [
            lost
            if isinstance(basis, _Basis) and basis.spends is not None and not next(spent)
            else _told(basis)
            for basis in found
        ]

    async def _prepare(self, denials: Sequence[Denied]) -> None:
        prepare = self._trust.prepare
        if prepare is not None:
            for denied in denials:
                presented = denied.evaluation.context.get("approval")
                if isinstance(presented, dict) and type(presented.get("state")) is str:
                    await prepare(presented["state"])

    def _case(self, denied: Denied, authorizer: Authorizer, now: datetime) -> _Case:
        evaluation = denied.evaluation
        presenter = presenter_of(denied.caller, evaluation)
        ancestors = authorizer.entities.ancestors(denied.request.resource_uid)
        templates = denied.answer.slice.templates
        subject = evaluation.subject
        standing = tuple(
            approval.ref
            for approval in self._standing.of_subject((subject.type, subject.id))
            if approval.template in templates
            and isinstance(
                check_approval(approval, evaluation, presenter, now=now, ancestors=ancestors),
                Usable,
            )
        )
        presented = presented_in(evaluation, self._trust)
        return _Case(denied, presenter, ancestors, presented, standing)


def _look_up(session: Session, ids: Sequence[str], refs: Sequence[str], now: datetime) -> _Known:
    rows = {ref: approvals.by_ref(session, ref) for ref in dict.fromkeys(refs)}
    return _Known(
        records_of(session, ids, now),
        {ref: record_of(session, row, now) for ref, row in rows.items() if row is not None},
    )


def _decided(
    case: _Case, known: _Known, authorizer: Authorizer, now: datetime
) -> _Basis | DenialReason | None:
    """The first approval that makes policy allow, what was presented before standing ones."""
    reason: DenialReason | None = None
    evaluation, presented = case.denied.evaluation, case.presented
    if presented is not None:
        record = known.by_id.get(presented.id or "")
        found = check_presented(
            presented, record, evaluation, case.presenter, now=now, ancestors=case.ancestors
        )
        if isinstance(found, Usable):
            basis = _with_approval(case, presented, record, found, authorizer, now)
            if basis.answer.allowed:
                return basis
            reason = "policy_denied"
        else:
            reason = found.reason
    for ref in case.standing:
        record = known.by_ref.get(ref)
        if record is None:
            continue
        found = check_record(record, evaluation, case.presenter, now=now, ancestors=case.ancestors)
        if isinstance(found, Usable):
            basis = _with_approval(case, None, record, found, authorizer, now)
            if basis.answer.allowed:
                return basis
    return reason


def _with_approval(
    case: _Case,
    presented: Presented | None,
    record: Record | None,
    usable: Usable,
    authorizer: Authorizer,
    now: datetime,
) -> _Basis:
    if record is not None:
        approval = record.approval
        ref = approval.ref
        facts = approval_facts(
            ref,
            approval.template,
            approval.approved_at,
            usable.approved_until,
            approval.approvers,
            approval.scope.kind,
        )
    else:
        assert presented is not None and presented.state is not None
        state = presented.state
        ref = state.token_id
        facts = approval_facts(
            ref, state.template, state.issued_at, usable.approved_until, (), state.scope
        )
    denied = case.denied
    answer = authorizer.decide(denied.request, now=now, caller=denied.caller.facts, approval=facts)
    said = {} if presented is None else {"id": presented.id}
    said |= {"approved_until": format_moment(usable.approved_until)}
    spends = record.approval if record is not None and usable.spends else None
    return _Basis(answer, said, ref, spends)


def _spend(session: Session, case: _Case, basis: _Basis, now: datetime) -> bool:
    """Spend a single-use approval; also true when this very evaluation has spent it just now."""
    key = evaluation_key(case.denied.evaluation, case.presenter)
    if approvals.use(session, basis.ref, key, now):
        return True
    row = approvals.by_ref(session, basis.ref)
    if row is None:
        return False
    again = check_record(
        record_of(session, row, now),
        case.denied.evaluation,
        case.presenter,
        now=now,
        ancestors=case.ancestors,
    )
    return isinstance(again, Usable) and not again.spends


def _told(found: _Basis | DenialReason | None) -> Reconsidered:
    if isinstance(found, _Basis):
        return Reconsidered(found.answer, found.said, found.ref)
    return UNCHANGED if found is None else Reconsidered(reason=found)
