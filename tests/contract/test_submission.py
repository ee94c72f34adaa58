"""What keeps a submission from having two effects: used denials and idempotency keys."""

import time

import pytest

from pdp.store import denials_used, idempotency, tasks
from pdp.store.denials_used import UsedDenial
from pdp.store.engine import Database, Session
from pdp.store.idempotency import KeptAnswer
from tests.contract.make import DAY, MINUTE, NOW, race, task


def denial(value: str = "jti-1", **changes: object) -> UsedDenial:
    """A denial's token."""
    values: dict[str, object] = {
        "kind": "jti", "issuer": "https://pdp.example", "value": value, "task_id": "arq_1",
        "used_at": NOW, "expires_at": NOW + MINUTE,
    }  # fmt: skip
    return UsedDenial(**(values | changes))


def answer(key: str = "k", caller: str = "pep-1", **changes: object) -> KeptAnswer:
    """A key with the hash of its body."""
    values: dict[str, object] = {
        "caller": caller, "key": key, "body_hash": "hash", "created_at": NOW,
        "expires_at": NOW + DAY,
    }  # fmt: skip
    return KeptAnswer(**(values | changes))


@pytest.mark.requirement("ARAP-094")
def test_a_denial_is_used_once(db: Database) -> None:
    used = race(lambda _: db.write(lambda session: denials_used.use(session, denial())), 16)
    assert used.count(True) == 1
    found = db.read(
        lambda session: denials_used.user_of(session, "jti", "https://pdp.example", "jti-1")
    )
    assert found == denial()


def test_another_kind_or_issuer_is_another_denial(db: Database) -> None:
    for one in (denial(), denial(kind="evaluation"), denial(issuer="https://other.example")):
        assert db.write(lambda session, one=one: denials_used.use(session, one))


@pytest.mark.requirement("ARAP-095")
def test_a_used_denial_is_remembered_until_it_expires(db: Database) -> None:
    db.write(lambda session: denials_used.use(session, denial()))
    at_end = NOW + MINUTE
    assert db.write(lambda session: denials_used.forget_expired(session, at_end, 9)) == 0
    assert db.write(lambda session: denials_used.forget_expired(session, at_end + DAY, 9)) == 1


def submit(session: Session, number: int) -> str:
    """Submit as a service does; gives the task it leads to."""
    kept = idempotency.begin(session, answer())
    if kept is not None:
        return str(kept.task_id)
    name = f"arq_{number}"
    tasks.create(session, task(name))
    time.sleep(0.02)
    idempotency.finish(
        session, "pep-1", "k", task_id=name, status=201, response={"task": {"id": name}}
    )
    return name


@pytest.mark.requirement("ARAP-123")
def test_submissions_with_one_key_at_once_lead_to_one_task(db: Database) -> None:
    names = race(lambda number: db.write(lambda session: submit(session, number)), 8)
    assert len(set(names)) == 1
    assert [number for number in range(8) if exists(db, number)] == [int(names[0][4:])]


def exists(db: Database, number: int) -> bool:
    """Whether that task was made."""
    return db.read(lambda session: tasks.get(session, f"arq_{number}")) is not None


@pytest.mark.requirement("ARAP-116")
def test_a_key_gives_the_answer_that_was_kept(db: Database) -> None:
    db.write(lambda session: submit(session, 1))
    kept = db.write(lambda session: idempotency.begin(session, answer(body_hash="other")))
    assert kept is not None
    assert (kept.body_hash, kept.status, kept.response) == ("hash", 201, {"task": {"id": "arq_1"}})
    assert db.peek(lambda session: idempotency.find(session, "pep-1", "k", NOW)) == kept


def test_a_submission_that_fails_leaves_its_key_free(db: Database) -> None:
    def fail(session: Session) -> None:
        submit(session, 1)
        raise LookupError

    with pytest.raises(LookupError):
        db.write(fail)
    assert db.write(lambda session: submit(session, 2)) == "arq_2"


@pytest.mark.requirement("ARAP-119")
def test_the_same_key_of_another_caller_is_another_key(db: Database) -> None:
    db.write(lambda session: submit(session, 1))
    other = answer(caller="pep-2")
    assert db.write(lambda session: idempotency.begin(session, other)) is None


@pytest.mark.requirement("ARAP-121")
def test_a_key_whose_time_is_over_is_free_again(db: Database) -> None:
    db.write(lambda session: submit(session, 1))
    late = NOW + DAY
    assert db.peek(lambda session: idempotency.find(session, "pep-1", "k", late)) is None
    again = answer(created_at=late, expires_at=late + DAY)
    assert db.write(lambda session: idempotency.begin(session, again)) is None


@pytest.mark.requirement("ARAP-120")
def test_the_keys_of_a_task_are_kept_longer_never_shorter(db: Database) -> None:
    db.write(lambda session: submit(session, 1))
    for until in (NOW + 3 * DAY, NOW + 2 * DAY):
        db.write(lambda session, until=until: idempotency.keep_until(session, "arq_1", until))
    kept = db.peek(lambda session: idempotency.find(session, "pep-1", "k", NOW))
    assert kept is not None
    assert kept.expires_at == NOW + 3 * DAY


@pytest.mark.requirement("ARAP-122")
def test_keys_are_forgotten_when_their_time_is_over(db: Database) -> None:
    db.write(lambda session: submit(session, 1))
    assert db.write(lambda session: idempotency.forget_expired(session, NOW, 9)) == 0
    assert db.write(lambda session: idempotency.forget_expired(session, NOW + 2 * DAY, 9)) == 1
