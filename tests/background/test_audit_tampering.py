"""No single change of the audit goes unseen; a head kept elsewhere shows a chain made anew."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from pdp.store import audit_chain
from pdp.store.audit import AuditEvent, AuditRecord, append, audit, body_of, hash_of, head
from pdp.store.audit_chain import AuditHead, Verdict, audit_heads
from pdp.store.engine import Database, Session
from pdp.store.heads import heads
from tests.contract.make import NOW
from tests.examples import times

EVENTS = 12
SIGNED = 7
_c = audit.c
Tampering = Callable[[Session], None]
places = st.integers(1, EVENTS)
per_database = times(0.6, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Undo(Exception):
    """Takes a tampering back."""


@pytest.fixture
def chain(db: Database) -> Database:
    """Twelve events, with a signed head after the seventh."""
    for number in range(1, EVENTS + 1):
        event = AuditEvent(
            at=NOW + timedelta(seconds=number), event=f"e{number}", task_id=f"t{number % 3}",
            actor_type="user", actor_id=f"u{number}", actor={"n": number}, details={"n": number},
        )  # fmt: skip
        db.write(lambda session, event=event: append(session, event))  # type: ignore[misc]
        if number == SIGNED:
            end = db.read(head)
            signed = AuditHead(seq=end.seq, hash=end.hash, at=NOW, signature="s")
            db.write(lambda session, signed=signed: audit_chain.sign(session, signed))  # type: ignore[misc]
    return db


def kept_elsewhere(db: Database) -> AuditHead:
    end = db.read(head)
    return AuditHead(seq=end.seq, hash=end.hash, at=NOW, signature="s")


def found_after(db: Database, tamper: Tampering, kept: AuditHead | None = None) -> Verdict:
    """The verdict on a chain that was tampered with; it is as before afterwards."""
    verdicts: list[Verdict] = []

    def work(session: Session) -> None:
        tamper(session)
        verdicts.append(audit_chain.verify(session, kept))
        raise Undo

    with pytest.raises(Undo):
        db.write(work)
    return verdicts[-1]


def rows(session: Session) -> list[AuditRecord]:
    return session.all(AuditRecord, select(audit).order_by(_c.seq))


def make_anew(session: Session, records: list[AuditRecord]) -> None:
    """Put these events as a sound chain, its end and no signed heads, as an intruder could."""
    session.execute(delete(audit))
    session.execute(delete(audit_heads))
    last = "0" * 64
    for seq, record in enumerate(records, start=1):
        moved = record.model_copy(update={"seq": seq, "prev_hash": last})
        last = hash_of(last, body_of(moved))
        session.add(audit, moved.model_copy(update={"hash": last}))
    values = {"seq": len(records), "hash": last}
    session.execute(update(heads).where(heads.c.name == "audit").values(values))


other_values: dict[str, Any] = {
    "at": NOW + timedelta(days=1), "event": "x", "task_id": "x", "actor_type": "x",
    "actor_id": "x", "actor": {"x": 1}, "origin": {"x": 1}, "details": {"n": 1.5},
    "prev_hash": hashlib.sha256(b"x").hexdigest(), "hash": hashlib.sha256(b"x").hexdigest(),
    "seq": 999,
}  # fmt: skip


def test_the_chain_holds_before_it_is_touched(chain: Database) -> None:
    assert found_after(chain, lambda session: None, kept_elsewhere(chain)).fault is None


@per_database
@given(place=places, column=st.sampled_from(sorted(other_values)))
def test_a_changed_column_is_found_at_its_event(chain: Database, place: int, column: str) -> None:
    def tamper(session: Session) -> None:
        change = update(audit).where(_c.seq == place).values({column: other_values[column]})
        assert session.execute(change).rowcount == 1

    verdict = found_after(chain, tamper)
    assert verdict.fault is not None
    assert verdict.events == place - 1
    assert column == "seq" or verdict.fault_seq == place


@per_database
@given(place=places, count=st.integers(1, EVENTS))
def test_deleted_events_are_found(chain: Database, place: int, count: int) -> None:
    def tamper(session: Session) -> None:
        session.execute(delete(audit).where(_c.seq >= place, _c.seq < place + count))

    verdict = found_after(chain, tamper)
    assert verdict.fault is not None
    assert verdict.events == place - 1


@per_database
@given(one=places, other=places)
def test_events_that_changed_places_are_found(chain: Database, one: int, other: int) -> None:
    def tamper(session: Session) -> None:
        for was, becomes in ((one, -1), (other, one), (-1, other)):
            session.execute(update(audit).where(_c.seq == was).values(seq=becomes))

    verdict = found_after(chain, tamper)
    assert (verdict.fault is None) == (one == other)
    if one != other:
        assert verdict.events == min(one, other) - 1


@per_database
@given(place=st.integers(1, EVENTS + 1), copied=places, chained=st.booleans())
def test_an_inserted_event_is_found(
    chain: Database, place: int, copied: int, chained: bool
) -> None:
    def tamper(session: Session) -> None:
        records = rows(session)
        before = records[place - 2].hash if place > 1 else "0" * 64
        new = records[copied - 1].model_copy(update={"seq": place, "prev_hash": before})
        if chained:
            new = new.model_copy(update={"hash": hash_of(before, body_of(new))})
        for record in reversed(records[place - 1 :]):
            session.execute(update(audit).where(_c.seq == record.seq).values(seq=record.seq + 1))
        session.execute(insert(audit), dict(new))

    assert found_after(chain, tamper).fault is not None


@per_database
@given(left=st.integers(0, EVENTS - 1))
def test_a_tail_cut_off_with_everything_that_shows_it_is_found_by_the_kept_head(
    chain: Database, left: int
) -> None:
    def tamper(session: Session) -> None:
        make_anew(session, rows(session)[:left])

    assert found_after(chain, tamper).fault is None
    verdict = found_after(chain, tamper, kept_elsewhere(chain))
    assert verdict.fault == f"events after {left} are missing"
    assert verdict.fault_seq == left + 1


@per_database
@given(place=places, more=st.integers(0, 3))
def test_a_chain_made_anew_is_found_by_the_kept_head(
    chain: Database, place: int, more: int
) -> None:
    def tamper(session: Session) -> None:
        records = rows(session)
        records[place - 1] = records[place - 1].model_copy(update={"actor_id": "nobody"})
        make_anew(session, records + records[:more])

    assert found_after(chain, tamper).fault is None
    verdict = found_after(chain, tamper, kept_elsewhere(chain))
    assert (verdict.fault_seq, verdict.fault) == (
        EVENTS, "the signed head of this number is another",
    )  # fmt: skip


def test_a_tail_cut_off_before_the_signed_head_is_found_by_it(chain: Database) -> None:
    def tamper(session: Session) -> None:
        session.execute(delete(audit).where(_c.seq >= SIGNED))
        last = rows(session)[-1]
        values = {"seq": last.seq, "hash": last.hash}
        session.execute(update(heads).where(heads.c.name == "audit").values(values))

    assert found_after(chain, tamper).fault == f"events after {SIGNED - 1} are missing"
