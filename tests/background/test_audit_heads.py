"""Signed heads: signed by the ring, checked with the chain, and kept elsewhere."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from pdp.background.audit_heads import (
    HEAD_TYPE,
    SIGNING,
    InvalidHead,
    check,
    head_document,
    head_from_document,
    head_handler,
    sign_head,
)
from pdp.background.runner import Runner
from pdp.store import audit, audit_chain
from pdp.store.audit_chain import AuditHead, audit_heads
from pdp.store.engine import Database
from pdp.trust.keys import KeyRing
from tests.contract.make import DAY, NOW, audit_event

ISSUER = "https://pdp.example.com"


def append(db: Database, count: int = 1) -> None:
    db.write(lambda session: [audit.append(session, audit_event()) for _ in range(count)])


def signed(db: Database, keys: KeyRing) -> AuditHead:
    found = sign_head(db, keys, ISSUER, NOW)
    assert found is not None
    return found


def test_a_head_is_a_token_of_the_ring_over_number_and_hash(db: Database, keys: KeyRing) -> None:
    append(db, 3)
    head = signed(db, keys)
    end = db.read(audit.head)
    assert keys.verify(head.signature, HEAD_TYPE) == {
        "iss": ISSUER, "iat": int(NOW.timestamp()), "seq": 3, "hash": end.hash,
    }  # fmt: skip
    assert head_from_document(head_document(head)) == head
    assert check(db, keys, head).verdict.fault is None


def test_an_empty_audit_has_no_head(db: Database, keys: KeyRing) -> None:
    assert sign_head(db, keys, ISSUER, NOW) is None
    assert check(db, keys).verdict.fault is None


def test_a_head_with_another_signature_is_not_good(db: Database, keys: KeyRing) -> None:
    append(db)
    head = signed(db, keys)
    first, second, third = head.signature.split(".")
    forged = third[:-2] + ("AA" if third[-2:] != "AA" else "BB")
    for text in (f"{first}.{second}.{forged}", "no token", ""):
        bad = head.model_copy(update={"signature": text})
        verdict = check(db, keys, bad).verdict
        assert (verdict.fault_seq, verdict.fault) == (
            1, "the signature of the signed head is not good",
        )  # fmt: skip


def test_a_signature_taken_from_another_head_is_found(db: Database, keys: KeyRing) -> None:
    append(db)
    first = signed(db, keys)
    append(db)
    second = signed(db, keys)
    mixed = second.model_copy(update={"signature": first.signature})
    assert check(db, keys, mixed).verdict.fault == (
        "the signature of the signed head is of another head"
    )


def test_the_newest_head_in_the_database_is_checked_too(db: Database, keys: KeyRing) -> None:
    append(db)
    signed(db, keys)
    db.write(lambda session: session.execute(update(audit_heads).values(signature="a.b.c")))
    assert check(db, keys).verdict.fault == "the signature of the signed head is not good"


def test_a_head_whose_key_is_gone_still_fits_by_its_hash(db: Database, keys: KeyRing) -> None:
    append(db)
    head = signed(db, keys)
    keys.rotate(NOW + DAY)
    keys.rotate(NOW + 50 * DAY)
    keys.rotate(NOW + 100 * DAY)
    checked = check(db, keys, head)
    assert (checked.verdict.fault, checked.unverifiable) == (None, 2)
    cut = head.model_copy(update={"seq": 9})
    assert check(db, keys, cut).verdict.fault == "events after 1 are missing"


def test_the_head_is_signed_every_hour_when_there_is_something_new(
    db: Database, keys: KeyRing
) -> None:
    handed: list[AuditHead] = []
    handler = head_handler(db, keys, ISSUER, handed.append)
    runner = Runner(db, {SIGNING.kind: handler}, lambda: NOW, "r", periodic=[SIGNING])
    append(db)
    for hours in range(4):
        if hours == 3:
            append(db)
        runner.run_due(NOW + timedelta(hours=hours))
    assert [head.seq for head in handed] == [1, 2]
    last = db.read(audit_chain.last_signed)
    assert last == handed[-1]
    db.write(lambda session: session.execute(delete(audit_heads)))
    assert check(db, keys, handed[0]).verdict.fault is None


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": 0}, {"seq": "1"}, {"seq": True}, {"hash": "00"}, {"hash": None}, {"at": "today"},
        {"at": 5}, {"signature": None},
    ],
)  # fmt: skip
def test_a_document_that_is_no_head_is_refused(changes: dict[str, Any]) -> None:
    head = {"seq": 1, "hash": "0" * 64, "at": "2026-11-23T12:00:00Z", "signature": "x"}
    assert head_from_document(head).seq == 1
    with pytest.raises(InvalidHead):
        head_from_document(head | changes)
    with pytest.raises(InvalidHead):
        head_from_document([head])
