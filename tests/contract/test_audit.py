"""The audit: one unbroken chain, and no change to it that does not show."""

from datetime import timedelta, timezone

import pytest
from sqlalchemy import text

from pdp.store import audit, audit_chain, events
from pdp.store.audit_chain import AuditFilter, AuditHead
from pdp.store.engine import Database, Session
from tests.contract.make import DAY, MINUTE, NOW, audit_event, race


def append(db: Database, *names: str) -> None:
    """Append events in one transaction."""
    db.write(lambda session: [audit.append(session, audit_event(name)) for name in names] and None)


@pytest.fixture
def ten(db: Database) -> Database:
    """Ten events and a signed head after the ninth."""
    for number in range(9):
        append(db, f"e{number}")
    end = db.read(audit.head)
    signed = AuditHead(seq=end.seq, hash=end.hash, at=NOW, signature="jws")
    db.write(lambda session: audit_chain.sign(session, signed))
    append(db, "e9")
    return db


def test_an_empty_chain_holds(db: Database) -> None:
    assert db.read(audit_chain.verify) == (0, audit.START, None, None)


def test_events_of_many_writers_are_one_chain_without_a_gap(db: Database) -> None:
    def write(number: int) -> None:
        for turn in range(5):
            append(db, f"{number}-{turn}-a", f"{number}-{turn}-b")

    race(write, 8)
    verdict = db.read(audit_chain.verify)
    assert (verdict.events, verdict.fault) == (80, None)
    found = db.read(lambda session: list(audit_chain.export(session)))
    names = [one.event for one in found]
    assert len(set(names)) == 80
    for number in range(8):
        own = [name for name in names if name.startswith(f"{number}-")]
        assert own == sorted(own)
        assert all(names.index(a) + 1 == names.index(f"{a[:-1]}b") for a in own[::2])


def test_a_transaction_that_fails_leaves_no_event_and_no_gap(db: Database) -> None:
    def work(session: Session) -> None:
        audit.append(session, audit_event())
        raise LookupError

    append(db, "before")
    with pytest.raises(LookupError):
        db.write(work)
    append(db, "after")
    assert [one.seq for one in db.read(lambda s: list(audit_chain.export(s)))] == [1, 2]


def test_an_event_comes_back_as_it_was_hashed(db: Database) -> None:
    details = {"n": [1, 1.0, 2**70, 1e22], "t": "\x00\ue000\u2028\U0001f600", "z": None, "a": {}}
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    event = audit_event(details=details, at=elsewhere, task_id="a\x00b", origin={"ip": "::1"})
    db.write(lambda session: audit.append(session, event))
    (found,) = db.read(lambda session: list(audit_chain.export(session)))
    assert audit.hash_of(audit.START, audit.body_of(found)) == found.hash
    assert found.details == details
    assert db.read(audit_chain.verify).fault is None


def test_the_hash_is_what_the_documentation_says() -> None:
    body = {"seq": 1, "at": audit.stamp(NOW), "event": "e", "details": {"b": 1, "a": "\u00e9"}}
    assert audit.canonical(body) == (
        '{"at":"2026-11-23T12:00:00.123456Z","details":{"a":"\u00e9","b":1},"event":"e","seq":1}'
    )


TAMPERING = [
    ("UPDATE audit SET event = 'x' WHERE seq = 4", 4, "the event was changed"),
    ("UPDATE audit SET details = '{}' WHERE seq = 4", 4, "the event was changed"),
    ("UPDATE audit SET actor_id = 'mallory' WHERE seq = 1", 1, "the event was changed"),
    ("DELETE FROM audit WHERE seq = 4", 5, "event 4 is missing"),
    ("DELETE FROM audit WHERE seq = 1", 2, "event 1 is missing"),
    ("DELETE FROM audit WHERE seq = 10", 10, "events after 9 are missing"),
    ("DELETE FROM audit", 1, "events after 0 are missing"),
    (
        "UPDATE audit SET prev_hash = hash WHERE seq = 4",
        4,
        "the link to the event before is broken",
    ),
    ("UPDATE audit_heads SET hash = 'x'", 9, "the signed head of this number is another"),
    ("UPDATE heads SET hash = 'x'", 10, "the recorded end is another"),
]


@pytest.mark.parametrize(("statement", "seq", "fault"), TAMPERING)
def test_tampering_shows(ten: Database, statement: str, seq: int, fault: str) -> None:
    assert ten.read(audit_chain.verify).fault is None
    ten.write(lambda session: [session.execute(text(statement))])
    verdict = ten.read(audit_chain.verify)
    assert (verdict.fault, verdict.fault_seq) == (fault, seq)


def cut_short(session: Session) -> None:
    """Take the newest events away, with every trace that the database has of them."""
    for statement in (
        "DELETE FROM audit WHERE seq > 5",
        "DELETE FROM audit_heads",
        "UPDATE heads SET seq = 5, hash = (SELECT hash FROM audit WHERE seq = 5)",
    ):
        session.execute(text(statement))


def test_a_chain_cut_short_shows_against_a_head_kept_elsewhere(ten: Database) -> None:
    kept = ten.read(audit_chain.last_signed)
    assert kept is not None
    ten.write(cut_short)
    assert ten.read(audit_chain.verify).fault is None
    verdict = ten.read(lambda session: audit_chain.verify(session, kept))
    assert verdict.fault == "events after 5 are missing"


def test_a_chain_made_anew_shows_against_a_head_kept_elsewhere(ten: Database) -> None:
    kept = ten.read(audit_chain.last_signed)
    ten.write(cut_short)
    append(ten, *(f"new{number}" for number in range(9)))
    assert ten.read(audit_chain.verify).fault is None
    verdict = ten.read(lambda session: audit_chain.verify(session, kept))
    assert verdict.fault == "the signed head of this number is another"


@pytest.mark.requirement("ARAP-064")
@pytest.mark.requirement("ARAP-182")
def test_events_are_found_by_task_kind_person_and_time(db: Database) -> None:
    for number in range(6):
        event = audit_event(
            "emergency.used" if number == 3 else "task.vote",
            task_id=f"t{number % 2}",
            actor_id="carol" if number == 5 else "bob",
            at=NOW + number * MINUTE,
        )
        db.write(lambda session, event=event: audit.append(session, event))

    def seqs(before: int | None = None, limit: int = 10, **narrow: object) -> list[int]:
        wanted = AuditFilter(**narrow)
        found = db.read(lambda session: audit_chain.search(session, wanted, before, limit))
        return [one.seq for one in found]

    assert seqs() == [6, 5, 4, 3, 2, 1]
    assert seqs(before=5, limit=2) == [4, 3]
    assert seqs(event="emergency.used") == [4]
    assert seqs(task_id="t1", actor_id="bob") == [4, 2]
    assert seqs(actor_type="robot") == []
    assert seqs(since=NOW + 2 * MINUTE, until=NOW + 4 * MINUTE) == [4, 3]
    of_task = db.read(lambda session: audit_chain.of_task(session, "t0"))
    assert [one.seq for one in of_task] == [1, 3, 5]
    rest = db.read(lambda session: list(audit_chain.export(session, after_seq=4)))
    assert [one.seq for one in rest] == [5, 6]


def test_a_head_is_signed_once(ten: Database) -> None:
    signed = ten.read(audit_chain.last_signed)
    assert signed is not None
    assert not ten.write(lambda session: audit_chain.sign(session, signed))


def event(task_id: str = "t", **changes: object) -> events.NewEvent:
    """An event of a task."""
    values: dict[str, object] = {
        "at": NOW, "kind": "task.created", "task_id": task_id, "task_version": 1,
        "requester": "pep-1", "queues": ["managers"], "data": {"x": 1},
    }  # fmt: skip
    return events.NewEvent(**(values | changes))


def test_a_reader_of_events_misses_none_while_many_write(db: Database) -> None:
    done: list[int] = []

    def write(number: int) -> None:
        for _ in range(5):
            db.write(lambda session: events.append(session, event(f"t{number}")))
        done.append(number)

    def follow() -> list[int]:
        seen: list[int] = []
        last_turn = False
        while not last_turn:
            last_turn = len(done) == 4
            last = seen[-1] if seen else 0
            found = db.read(lambda session, last=last: events.since(session, last, 1_000))
            seen += [one.seq for one in found]
        return seen

    results = race(lambda number: write(number) if number < 4 else follow(), 5)
    assert next(seen for seen in results if seen is not None) == list(range(1, 21))
    assert db.read(events.last_seq) == 20


def test_events_are_found_by_requester_and_task_and_go_in_time(db: Database) -> None:
    assert db.read(events.last_seq) == 0
    for number in range(4):
        made = event(f"t{number % 2}", requester=f"pep-{number}", at=NOW + number * DAY)
        db.write(lambda session, made=made: events.append(session, made))
    assert [one.seq for one in db.read(lambda s: events.since(s, 1, 2))] == [2, 3]
    assert [one.seq for one in db.read(lambda s: events.since(s, 0, 9, "pep-2"))] == [3]
    assert [one.seq for one in db.read(lambda s: events.of_task(s, "t1", 2))] == [4]
    assert db.write(lambda session: events.forget_before(session, NOW + 2 * DAY, 9)) == 2
    assert [one.seq for one in db.read(lambda s: events.since(s, 0, 9))] == [3, 4]
