"""Single-use approvals: spent by the first allow that rests on them, and by nothing else."""

from datetime import timedelta
from typing import Any

import anyio
import pytest

from pdp.core.approval import USE_WINDOW
from pdp.core.authzen import evaluation_from
from pdp.evaluation.evaluate import Asking, Outcome, evaluate_fully
from pdp.store import approvals
from pdp.store.approvals import Approval
from tests.evaluation.approving import MINUTE, NOW, PAYMENT, PEP, Given, Pdp, said

FIRST = NOW + MINUTE


@pytest.fixture
def given(pdp: Pdp) -> Given:
    """An approval of one payment."""
    return pdp.grant(PAYMENT, "payment_review", until=30 * MINUTE)


def kept(pdp: Pdp, given: Given) -> Approval:
    """The record as it is now."""
    found = pdp.database.read(lambda session: approvals.by_ref(session, given.row.ref))
    assert found is not None
    return found


def test_an_allow_spends_it(pdp: Pdp, given: Given) -> None:
    assert pdp.ask(PAYMENT, given.both, now=FIRST).allowed
    assert kept(pdp, given).used_at == FIRST
    later = FIRST + USE_WINDOW + timedelta(seconds=1)
    assert said(pdp.ask(PAYMENT, given.both, now=later)) == (False, "approval_expired", "request")


def test_the_same_evaluation_may_be_repeated_for_a_moment(pdp: Pdp, given: Given) -> None:
    assert pdp.ask(PAYMENT, given.both, now=FIRST).allowed
    assert pdp.ask(PAYMENT, {"id": given.id}, now=FIRST + USE_WINDOW).allowed
    volatile = PAYMENT._replace(context={**PAYMENT.context, "time": "12:01", "request_id": "r-2"})
    assert pdp.ask(volatile, given.both, now=FIRST + USE_WINDOW).allowed
    assert kept(pdp, given).used_at == FIRST


def test_another_evaluation_may_not(pdp: Pdp, given: Given) -> None:
    assert pdp.ask(PAYMENT, given.both, now=FIRST).allowed
    other = PAYMENT._replace(context={"amount": 11})
    assert said(pdp.ask(other, given.both, now=FIRST))[1] == "approval_expired"


def test_a_denial_does_not_spend_it(pdp: Pdp, given: Given) -> None:
    much = PAYMENT._replace(context={"amount": 5000})
    assert said(pdp.ask(much, given.both, now=FIRST)) == (False, "policy_denied", "none")
    assert kept(pdp, given).used_at is None
    assert pdp.ask(PAYMENT, given.both, now=FIRST).allowed


def test_asking_without_it_does_not_spend_it(pdp: Pdp, given: Given) -> None:
    assert not pdp.ask(PAYMENT, now=FIRST).allowed
    assert kept(pdp, given).used_at is None


def test_of_many_at_once_one_evaluation_wins(pdp: Pdp, given: Given) -> None:
    outcomes: list[Outcome] = []

    async def all_at_once() -> None:
        async with anyio.create_task_group() as group:
            for amount in range(12):
                group.start_soon(one, amount)

    async def one(amount: int) -> None:
        body = PAYMENT._replace(context={"amount": amount}).body(given.both)
        asking = Asking(PEP, pdp.authorizer, FIRST, pdp.offer, pdp.approvals)
        outcomes.append(await evaluate_fully(evaluation_from(body), asking))

    anyio.run(all_at_once)
    assert sum(outcome.allowed for outcome in outcomes) == 1
    lost = {said(outcome)[1] for outcome in outcomes if not outcome.allowed}
    assert lost == {"approval_expired"}


def test_the_same_evaluation_twice_at_once_is_one_use(pdp: Pdp, given: Given) -> None:
    outcomes: list[Outcome] = []

    async def one() -> None:
        asking = Asking(PEP, pdp.authorizer, FIRST, pdp.offer, pdp.approvals)
        question = evaluation_from(PAYMENT.body(given.both))
        outcomes.append(await evaluate_fully(question, asking))

    async def both() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(one)
            group.start_soon(one)

    anyio.run(both)
    assert [outcome.allowed for outcome in outcomes] == [True, True]


def test_revoked_between_look_and_use_is_not_used(
    pdp: Pdp, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = pdp.database.awrite

    async def beaten(work: Any) -> Any:
        pdp.database.write(
            lambda session: approvals.revoke(session, given.row.ref, by="x", reason=None, now=FIRST)
        )
        return await write(work)

    monkeypatch.setattr(pdp.database, "awrite", beaten)
    assert not pdp.ask(PAYMENT, given.both, now=FIRST).allowed
