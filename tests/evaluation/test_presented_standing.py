"""Standing approvals: found by evaluations that present nothing, never used once they are over."""

from datetime import timedelta

import pytest

from pdp.core.scope import Scope
from pdp.store import approvals
from pdp.store.changes import Changes
from tests.evaluation.approving import (
    MINUTE,
    NOW,
    OTHER_PEP,
    PAYMENT,
    Asked,
    Pdp,
    said,
)
from tests.waiting import wait_until

READ = Asked()
WEST = READ._replace(resource={"type": "document", "id": "w1"})
BROAD = Scope("resource_type")


def revoke(pdp: Pdp, ref: str) -> None:
    """Revoke as another replica does, without a word to this one."""
    pdp.database.write(lambda session: approvals.revoke(session, ref, by="x", reason=None, now=NOW))


def test_a_standing_approval_is_found(pdp: Pdp) -> None:
    pdp.grant(READ, scope=BROAD, standing=True)
    assert not pdp.ask(WEST).allowed
    pdp.standing.follow(NOW)
    outcome = pdp.ask(WEST)
    assert outcome.allowed
    assert outcome.context == {"approval": {"approved_until": "2026-11-23T13:00:00Z"}}
    assert outcome.approval_ref is not None


def test_one_that_does_not_stand_is_not_found(pdp: Pdp) -> None:
    pdp.grant(READ)
    pdp.standing.follow(NOW)
    assert len(pdp.standing) == 0
    assert not pdp.ask(READ).allowed


def test_it_is_only_for_its_subject_requester_and_scope(pdp: Pdp) -> None:
    pdp.grant(READ, scope=Scope("resource_parent", ("Folder", "east")), standing=True)
    pdp.standing.follow(NOW)
    assert pdp.ask(READ).allowed
    assert not pdp.ask(WEST).allowed
    assert not pdp.ask(READ, caller=OTHER_PEP).allowed
    assert not pdp.ask(READ._replace(subject={"type": "user", "id": "carol"})).allowed
    assert not pdp.ask(READ._replace(action="export")).allowed


@pytest.mark.requirement("ARAP-194")
def test_revoked_elsewhere_it_is_not_used_although_this_replica_has_not_heard(pdp: Pdp) -> None:
    given = pdp.grant(READ, scope=BROAD, standing=True)
    pdp.standing.follow(NOW)
    assert pdp.ask(WEST).allowed
    revoke(pdp, given.row.ref)
    assert len(pdp.standing) == 1
    outcome = pdp.ask(WEST)
    assert not outcome.allowed
    assert outcome.context is not None and "access_request" in outcome.context
    pdp.standing.follow(NOW)
    assert len(pdp.standing) == 0


def test_another_takes_over_when_one_is_revoked(pdp: Pdp) -> None:
    first = pdp.grant(READ, scope=BROAD, standing=True)
    pdp.grant(READ, scope=BROAD, standing=True, task_id="arq_2")
    pdp.standing.follow(NOW)
    revoke(pdp, first.row.ref)
    assert pdp.ask(WEST).allowed


def test_it_helps_where_what_was_presented_does_not(pdp: Pdp) -> None:
    pdp.grant(READ, scope=BROAD, standing=True)
    pdp.standing.follow(NOW)
    assert pdp.ask(WEST, {"id": "apr_unknown"}).allowed


def test_what_is_over_is_forgotten(pdp: Pdp) -> None:
    pdp.grant(READ, scope=BROAD, standing=True, until=5 * MINUTE)
    pdp.grant(READ, scope=BROAD, standing=True, until=9 * MINUTE, task_id="arq_2")
    pdp.standing.follow(NOW)
    assert len(pdp.standing) == 2
    pdp.standing.follow(NOW + 5 * MINUTE)
    assert len(pdp.standing) == 1
    assert pdp.ask(WEST, now=NOW + 6 * MINUTE).allowed
    assert not pdp.ask(WEST, now=NOW + 9 * MINUTE).allowed


def test_a_standing_single_use_is_spent_once(pdp: Pdp) -> None:
    pdp.grant(PAYMENT, "payment_review", standing=True)
    pdp.standing.follow(NOW)
    assert pdp.ask(PAYMENT).allowed
    assert pdp.ask(PAYMENT).allowed
    assert not pdp.ask(PAYMENT._replace(context={"amount": 11})).allowed
    assert not pdp.ask(PAYMENT, now=NOW + timedelta(minutes=5)).allowed


def test_the_store_is_not_asked_where_no_standing_approval_can_matter(pdp: Pdp) -> None:
    pdp.grant(READ, scope=BROAD, standing=True)
    pdp.standing.follow(NOW)
    pdp.database.close()
    handbook = Asked(resource={"type": "document", "id": "handbook"})
    assert pdp.ask(handbook).allowed
    assert not pdp.ask(PAYMENT).allowed
    assert not pdp.ask(READ._replace(subject={"type": "user", "id": "carol"})).allowed


def test_a_forbid_holds_against_it(pdp: Pdp) -> None:
    mallory = READ._replace(subject={"type": "user", "id": "mallory"})
    pdp.grant(mallory, scope=BROAD, standing=True)
    pdp.standing.follow(NOW)
    assert said(pdp.ask(mallory)) == (False, None, None)


@pytest.mark.slow
def test_a_replica_hears_of_grants_and_revocations(pdp: Pdp) -> None:
    replica = Pdp(pdp.database)
    changes = Changes(pdp.database, interval=0.05)
    changes.subscribe("approvals", lambda version: replica.standing.follow(NOW))
    changes.start()
    try:
        given = pdp.grant(READ, scope=BROAD, standing=True)
        wait_until(lambda: len(replica.standing) == 1)
        assert replica.ask(WEST).allowed
        revoke(pdp, given.row.ref)
        assert not replica.ask(WEST).allowed
        wait_until(lambda: len(replica.standing) == 0)
    finally:
        changes.close()
