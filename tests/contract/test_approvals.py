"""Approvals: what counts, what no longer does, and how evaluations find the standing ones."""

from functools import partial

import pytest
from sqlalchemy import text

from pdp.store import approval_listing, approvals
from pdp.store.approval_listing import ApprovalFilter
from pdp.store.engine import Database, IntegrityError
from tests.contract.make import MINUTE, NOW, all_pages, approval, race


@pytest.fixture
def granted(db: Database) -> Database:
    """A database with one approval."""
    db.write(lambda session: approvals.grant(session, approval(), standing=False))
    return db


@pytest.mark.requirement("ARAP-177")
def test_an_approval_is_found_by_its_secret_by_its_reference_and_by_its_task(
    granted: Database,
) -> None:
    assert granted.peek(lambda session: approvals.by_id(session, "apr_1")) == approval()
    assert granted.peek(lambda session: approvals.by_ref(session, "ref-1")) == approval()
    assert granted.peek(lambda session: approvals.of_task(session, "arq_1")) == [approval()]
    for wrong in ("apr_2", "APR_1", "ref-1", approvals.hash_of("apr_1"), ""):
        assert granted.peek(partial(approvals.by_id, approval_id=wrong)) is None


@pytest.mark.requirement("ARAP-178")
def test_the_secret_is_nowhere_in_the_table(granted: Database) -> None:
    row = granted.read(lambda session: session.execute(text("SELECT * FROM approvals")).one())
    assert "apr_1" not in repr(row)


def test_two_approvals_never_share_a_secret(granted: Database) -> None:
    with pytest.raises(IntegrityError):
        granted.write(lambda session: approvals.grant(session, approval("ref-2"), standing=False))


def test_a_single_use_approval_is_spent_once(db: Database) -> None:
    db.write(lambda session: approvals.grant(session, approval(single_use=True), standing=False))
    spent = race(
        lambda number: db.write(
            lambda session: approvals.use(session, "ref-1", f"eval_{number}", NOW)
        ),
        16,
    )
    assert spent.count(True) == 1


def test_other_approvals_are_not_spent_nor_ended_ones(granted: Database) -> None:
    assert not granted.write(lambda session: approvals.use(session, "ref-1", "eval_1", NOW))
    late = approval("late", "apr_2", single_use=True, approved_until=NOW)
    granted.write(lambda session: approvals.grant(session, late, standing=False))
    assert not granted.write(lambda session: approvals.use(session, "late", "eval_1", NOW))


@pytest.mark.requirement("ARAP-194")
def test_a_revoked_approval_says_so_and_is_revoked_once(granted: Database) -> None:
    revoked = race(
        lambda number: granted.write(
            lambda session: approvals.revoke(
                session, "ref-1", by=f"user:{number}", reason="left", now=NOW
            )
        ),
        8,
    )
    assert revoked.count(True) == 1
    found = granted.peek(lambda session: approvals.by_id(session, "apr_1"))
    assert found is not None
    assert (found.revoked_at, found.revoked_reason) == (NOW, "left")


def test_revoking_one_approval_leaves_an_overlapping_one(granted: Database) -> None:
    granted.write(lambda session: approvals.grant(session, approval("r2", "apr_2"), standing=False))
    granted.write(lambda session: approvals.revoke(session, "ref-1", by="x", reason=None, now=NOW))
    assert granted.peek(lambda session: approvals.by_ref(session, "r2")) == approval("r2", "apr_2")


def test_a_subjects_standing_approvals_are_those_that_count_now(db: Database) -> None:
    kept = {
        "wide": approval("wide", "s1", scope="resource_type"),
        "other": approval("other", "s2", subject_id="Alice"),
        "over": approval("over", "s3", approved_until=NOW),
        "gone": approval("gone", "s4"),
        "used": approval("used", "s5", single_use=True),
    }
    for one in kept.values():
        db.write(lambda session, one=one: approvals.grant(session, one, standing=True))
    db.write(lambda session: approvals.grant(session, approval("exact", "s6"), standing=False))
    db.write(lambda session: approvals.revoke(session, "gone", by="x", reason=None, now=NOW))
    db.write(lambda session: approvals.use(session, "used", "eval", NOW))

    def refs(*narrow: str) -> list[str]:
        found = db.peek(
            lambda session: approval_listing.standing_for(session, ("user", "alice"), NOW, *narrow)
        )
        return [one.ref for one in found]

    assert refs() == ["wide"]
    assert refs("manager_approval", "resource_type") == ["wide"]
    assert refs("other") == []
    assert refs("manager_approval", "exact") == []


def test_a_replica_follows_the_standing_approvals(db: Database) -> None:
    def since(version: int) -> tuple[int, list[str]]:
        changes = db.read(lambda session: approval_listing.standing_since(session, version, NOW))
        return changes.version, [one.ref for one in changes.approvals]

    for name in ("a", "b"):
        one = approval(name, name)
        db.write(lambda session, one=one: approvals.grant(session, one, standing=True))
    assert since(0) == (2, ["a", "b"])
    db.write(lambda session: approvals.revoke(session, "a", by="x", reason=None, now=NOW))
    assert since(2) == (3, ["a"])
    assert since(0) == (3, ["b"])
    db.write(lambda session: approvals.revoke(session, "b", by="x", reason=None, now=NOW))
    assert since(3) == (4, ["b"])


def test_lists_of_approvals_narrow_and_page(db: Database) -> None:
    for number in range(6):
        one = approval(
            f"r{number}", f"s{number}", approved_at=NOW + number * MINUTE,
            subject_id=f"u{number % 2}", emergency=number == 4,
        )  # fmt: skip
        db.write(lambda session, one=one: approvals.grant(session, one, standing=False))
    db.write(lambda session: approvals.revoke(session, "r2", by="x", reason=None, now=NOW))

    def refs(**narrow: object) -> list[str]:
        wanted = ApprovalFilter(**narrow)
        found = all_pages(
            lambda cursor: db.read(
                lambda session: approval_listing.page(session, wanted, cursor, 2, NOW)
            )
        )
        return [one.ref for one in found]

    assert refs() == ["r5", "r4", "r3", "r2", "r1", "r0"]
    assert refs(live=True, subject_id="u0") == ["r4", "r0"]
    assert refs(live=False) == ["r2"]
    assert refs(emergency=True) == ["r4"]
    assert refs(requester="nobody") == []


@pytest.mark.requirement("ARAP-184")
def test_ended_approvals_are_deleted_in_time(granted: Database) -> None:
    until = approval().approved_until
    assert granted.write(lambda session: approval_listing.delete_ended(session, until, 9)) == 0
    later = until + MINUTE
    assert granted.write(lambda session: approval_listing.delete_ended(session, later, 9)) == 1
