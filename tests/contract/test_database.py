"""The unit of work: what is kept, what is not, and what comes back as it was."""

import threading
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, StatementError

from pdp.store import entities, tasks, versions
from pdp.store.engine import Database, IntegrityError, Session
from tests.contract.make import NOW, race, task


def test_a_write_is_there_for_another_connection_when_it_returns(db: Database) -> None:
    db.write(lambda session: tasks.create(session, task()))
    other = Database.open(db.url)
    found = other.peek(lambda session: tasks.get(session, "arq_1"))
    other.close()
    assert found == task()


def test_nothing_is_kept_of_a_write_that_raises(db: Database) -> None:
    def work(session: Session) -> None:
        tasks.create(session, task())
        versions.announce(session, "keys")
        raise KeyError("stop")

    with pytest.raises(KeyError):
        db.write(work)
    assert db.read(lambda session: tasks.get(session, "arq_1")) is None
    assert db.read(versions.current) == {}


def test_a_taken_key_is_an_integrity_error_and_the_database_goes_on(db: Database) -> None:
    db.write(lambda session: tasks.create(session, task()))
    with pytest.raises(IntegrityError):
        db.write(lambda session: tasks.create(session, task()))
    db.write(lambda session: tasks.create(session, task("arq_2")))


def test_a_read_cannot_change_anything(db: Database) -> None:
    with pytest.raises(DBAPIError):
        db.read(lambda session: tasks.create(session, task()))
    assert db.read(lambda session: tasks.get(session, "arq_1")) is None


def test_a_read_sees_one_snapshot(db: Database) -> None:
    def work(session: Session) -> tuple[Any, Any]:
        before = tasks.get(session, "arq_1")
        race(lambda _: db.write(lambda other: tasks.create(other, task())), 1)
        return before, tasks.get(session, "arq_1")

    assert db.read(work) == (None, None)


@pytest.mark.postgres
def test_work_that_lost_to_another_transaction_runs_again(postgres_db: Database) -> None:
    postgres_db.write(lambda session: [session.execute(text("CREATE TABLE n (id int, v int)"))])
    postgres_db.write(
        lambda session: [session.execute(text("INSERT INTO n VALUES (1, 0), (2, 0)"))]
    )

    def work(number: int) -> None:
        def crossed(session: Session) -> None:
            for row in (1, 2) if number % 2 else (2, 1):
                session.execute(text(f"UPDATE n SET v = v + 1 WHERE id = {row}"))
                session.execute(text("SELECT pg_sleep(0.05)"))

        postgres_db.write(crossed)

    race(work, 2)
    total = postgres_db.read(lambda session: session.scalar(text("SELECT sum(v) FROM n")))
    assert total == 4


@pytest.mark.postgres
def test_work_whose_connection_was_lost_runs_again(postgres_db: Database) -> None:
    lost: list[int] = []

    def work(session: Session) -> None:
        tasks.create(session, task())
        if not lost:
            lost.append(session.scalar(text("SELECT pg_backend_pid()")))
            killer = Database.open(postgres_db.url)
            kill = text(f"SELECT pg_terminate_backend({lost[0]})")
            killer.peek(lambda other: other.scalar(kill))
            killer.close()
        session.execute(text("SELECT 1"))

    postgres_db.write(work)
    assert postgres_db.read(lambda session: tasks.get(session, "arq_1")) == task()


@pytest.mark.anyio
async def test_the_async_ways_do_the_same(db: Database) -> None:
    await db.awrite(lambda session: tasks.create(session, task()))
    assert await db.aread(lambda session: tasks.get(session, "arq_1")) == task()
    assert await db.apeek(lambda session: tasks.get(session, "arq_1")) == task()


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio."""
    return "asyncio"


LOOKALIKES = [
    "alice", "Alice", "ALICE", "alice ", " alice", "\u00e9", "e\u0301", "\ufb01", "fi", "\u0131",
    "i", "\u212a", "K", "k", "\x00", "", "\ue000", "\ue000\ue001", "\ue000\ue002", "a\x00b", "ab",
    "\U0001f600", "%", "_", "\\", "'", '"', "\n",
]  # fmt: skip


def test_identifiers_are_compared_byte_by_byte(db: Database) -> None:
    uids = [("User", name) for name in LOOKALIKES]
    db.write(lambda session: entities.put(session, [(uid, {"is": uid[1]}) for uid in uids], NOW))
    for uid in uids:
        found = db.read(lambda session, uid=uid: entities.get(session, uid))
        assert found is not None
        assert found.body == {"is": uid[1]}
        assert found.cedar_id == uid[1]


def test_identifiers_are_sorted_alike_on_every_database(db: Database) -> None:
    names = ["b", "B", "a", "A", "_", "z", "\u00e9", "10", "9"]
    db.write(lambda session: entities.put(session, [(("User", name), {}) for name in names], NOW))
    found = db.read(lambda session: entities.of_type(session, "User", None, 100))
    assert [entity.cedar_id for entity in found] == sorted(names)


DOCUMENTS: list[dict[str, Any]] = [
    {},
    {"b": 1, "a": 2},
    {"n": [1, 1.0, 1e0, 1e22, -0.0, 0.1, 2**53 + 1, 2**200, -1]},
    {"t": "\x00 \u2028 \U0001f600 \ue000 \\u0000", "": None, "x": [True, False, None, {}, []]},
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_come_back_exactly(db: Database, document: dict[str, Any]) -> None:
    db.write(lambda session: tasks.create(session, task(context=document)))
    found = db.read(lambda session: tasks.get(session, "arq_1"))
    assert found is not None
    assert repr(found.context) == repr(document)


def test_moments_come_back_in_utc_to_the_microsecond(db: Database) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-7)))
    db.write(lambda session: tasks.create(session, task(expires_at=elsewhere)))
    found = db.read(lambda session: tasks.get(session, "arq_1"))
    assert found is not None
    assert found.expires_at.isoformat() == NOW.isoformat()


def test_a_moment_without_a_time_zone_is_refused(db: Database) -> None:
    naive = task().model_copy(update={"expires_at": datetime(2026, 1, 1)})
    with pytest.raises(StatementError, match="time zone"):
        db.write(lambda session: tasks.create(session, naive))


def test_what_is_left_for_the_end_runs_once_in_order(db: Database) -> None:
    ran: list[tuple[str, list[int]]] = []

    def work(session: Session) -> None:
        session.at_end(2, "b", 1, lambda _, items: ran.append(("b", items)))
        session.at_end(1, "z", 2, lambda _, items: ran.append(("z", items)))
        session.at_end(2, "b", 3, lambda _, items: ran.append(("b", items)))
        session.at_end(2, "a", 4, lambda _, items: ran.append(("a", items)))

    db.write(work)
    assert ran == [("z", [2]), ("a", [4]), ("b", [1, 3])]


def test_a_connection_in_use_is_closed_as_soon_as_it_is_not(postgres_db: Database) -> None:
    using, closed, found = threading.Event(), threading.Event(), []

    def work(session: Session) -> None:
        found.append(session.execute(text("SELECT 1")).connection.connection.driver_connection)
        using.set()
        assert closed.wait(30)

    worker = threading.Thread(target=postgres_db.read, args=(work,))
    worker.start()
    assert using.wait(30)
    postgres_db.close()
    assert not found[0].closed
    closed.set()
    worker.join()
    assert found[0].closed
