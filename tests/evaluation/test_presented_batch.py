"""Approvals presented inside a batch: item by item, with one look into the store for all."""

from typing import Any

import anyio
import pytest

from pdp.core.scope import Scope
from pdp.core.values import JsonObject
from pdp.evaluation.batch import batch_from, evaluate_batch
from pdp.evaluation.evaluate import Asking
from tests.evaluation.approving import MINUTE, NOW, PAYMENT, PEP, Asked, Given, Pdp

READ = Asked()
E2 = READ._replace(resource={"type": "document", "id": "e2"})


def decided(pdp: Pdp, items: list[JsonObject], semantic: str = "execute_all") -> list[Any]:
    """The decisions of a batch, with the reasons of denials."""
    body = {"evaluations": items, "options": {"evaluations_semantic": semantic}}
    batch = batch_from(body)
    assert batch is not None
    asking = Asking(PEP, pdp.authorizer, NOW + MINUTE, pdp.offer, pdp.approvals)

    async def run() -> list[Any]:
        found: list[Any] = []
        async for item in evaluate_batch(batch, asking):
            context = (item.outcome and item.outcome.context) or {}
            found.append(True if item.allowed else context.get("next_action"))
        return found

    return anyio.run(run)


def test_each_item_has_its_own_approval(pdp: Pdp) -> None:
    first, second = pdp.grant(READ), pdp.grant(E2, task_id="arq_2")
    items = [
        READ.body(first.both),
        E2.body(first.both),
        E2.body(second.both),
        READ.body(),
        READ.body({"id": "apr_unknown"}),
        Asked(resource={"type": "document", "id": "handbook"}).body(),
    ]
    assert decided(pdp, items) == [True, "request", True, None, "none", True]


def test_the_store_is_read_once_for_all_items(pdp: Pdp, monkeypatch: pytest.MonkeyPatch) -> None:
    given = pdp.grant(READ)
    hops: list[str] = []
    peek = pdp.database.apeek

    async def counted(work: Any) -> Any:
        hops.append("read")
        return await peek(work)

    monkeypatch.setattr(pdp.database, "apeek", counted)
    assert decided(pdp, [READ.body(given.both)] * 20 + [READ.body()]) == [True] * 20 + [None]
    assert hops == ["read"]


@pytest.fixture
def payment(pdp: Pdp) -> Given:
    """An approval of one payment."""
    return pdp.grant(PAYMENT, "payment_review")


def paying(given: Given, amount: int) -> JsonObject:
    """A payment of some amount, with the approval."""
    return PAYMENT._replace(context={"amount": amount}).body(given.both)


def test_one_use_is_one_use_within_a_batch(pdp: Pdp, payment: Given) -> None:
    items = [paying(payment, amount) for amount in (5000, 1, 1, 2)]
    assert decided(pdp, items) == ["none", True, True, "request"]


@pytest.mark.parametrize(
    ("semantic", "items", "found"),
    [
        ("deny_on_first_deny", [5000, 1], ["none"]),
        ("permit_on_first_permit", [5000, 1, 2], ["none", True]),
        ("deny_on_first_deny", [1, 2, 1], [True, "request"]),
    ],
)
def test_items_after_the_end_spend_nothing(
    pdp: Pdp, payment: Given, semantic: str, items: list[int], found: list[Any]
) -> None:
    assert decided(pdp, [paying(payment, amount) for amount in items], semantic) == found
    spent = True in found
    assert pdp.ask_body(paying(payment, 7)).allowed is not spent


def test_standing_approvals_are_found_for_items(pdp: Pdp) -> None:
    pdp.grant(READ, scope=Scope("resource_type"), standing=True)
    pdp.standing.follow(NOW)
    assert decided(pdp, [READ.body(), E2.body(), PAYMENT.body()]) == [True, True, None]
