"""Handles, their notifications, kept answers and used challenges: the same on both databases."""

from datetime import timedelta

import pytest

from pdp.core.deferral import redeem, revoke
from pdp.store import deferral_answers, deferrals, tasks
from pdp.store.deferral_answers import PollAnswer, UsedChallenge
from pdp.store.deferrals import Deferral, Notification
from pdp.store.engine import Database, Session
from tests.contract.make import NOW, race, task

HOUR = timedelta(hours=1)


def deferral(name: str = "h1", **more: object) -> Deferral:
    values = {
        "hash": name,
        "ref": f"dfr_{name}",
        "task_id": "arq_1",
        "skin": "dtr",
        "owner": "as-1",
        "client_id": "agent-7",
        "created_at": NOW,
        "expires_at": NOW + HOUR,
        "request": {"scope": "a"},
    }
    return Deferral.model_validate(values | more)


@pytest.fixture
def opened(db: Database) -> Database:
    db.write(lambda session: tasks.create(session, task(id="arq_1")))
    return db


def test_a_handle_comes_back_as_it_was_kept(opened: Database) -> None:
    kept = deferral(jkt="thumb", challenge="c", interval=7, polled_at=NOW)
    opened.write(lambda session: deferrals.add(session, kept))
    assert opened.read(lambda s: deferrals.by_hash(s, "h1")) == kept
    assert opened.read(lambda s: deferrals.by_ref(s, "dfr_h1")) == kept
    assert opened.read(lambda s: deferrals.of_task(s, "arq_1")) == [kept]
    assert opened.read(lambda s: deferrals.by_hash(s, "H1")) is None


def test_of_many_changes_at_once_one_is_kept(opened: Database) -> None:
    opened.write(lambda session: deferrals.add(session, deferral()))
    before = opened.read(lambda s: deferrals.by_hash(s, "h1"))
    assert before is not None
    ends = [redeem(before.handle(), NOW), revoke(before.handle(), before.handle().key, NOW)]

    def end(place: int) -> bool:
        handle = ends[place % 2]
        assert handle is not None
        return opened.write(lambda session: deferrals.move(session, before, handle, NOW))

    assert sum(race(end, 6)) == 1
    after = opened.read(lambda s: deferrals.by_hash(s, "h1"))
    assert after is not None
    assert (after.version, after.ended_at) == (2, NOW)
    assert after.state in ("redeemed", "cancelled")


def test_a_handle_goes_with_its_request(opened: Database) -> None:
    opened.write(lambda session: deferrals.add(session, deferral()))

    def gone(session: Session) -> None:
        session.execute(tasks.tasks.delete().where(tasks.tasks.c.id == "arq_1"))

    opened.write(gone)
    assert opened.read(lambda s: deferrals.by_hash(s, "h1")) is None


def test_a_notification_is_destroyed_once(opened: Database) -> None:
    told = Notification(
        ref="dfr_h1", endpoint="https://c.example/cb", token_sealed=b"t", expires_at=NOW + HOUR
    )
    opened.write(lambda session: deferrals.add(session, deferral(), told))
    assert opened.read(lambda s: deferrals.notification(s, "dfr_h1")) == told
    assert opened.write(lambda s: deferrals.dispose(s, "dfr_h1"))
    assert not opened.write(lambda s: deferrals.dispose(s, "dfr_h1"))
    assert opened.read(lambda s: deferrals.notification(s, "dfr_h1")) is None


def test_notifications_that_expired_are_destroyed(opened: Database) -> None:
    told = Notification(ref="dfr_h1", endpoint="https://c.example/cb", expires_at=NOW + HOUR)
    opened.write(lambda session: deferrals.add(session, deferral(), told))
    before = NOW + HOUR - timedelta(seconds=1)
    assert opened.write(lambda s: deferrals.dispose_expired(s, before, 10)) == 0
    assert opened.write(lambda s: deferrals.dispose_expired(s, NOW + HOUR, 10)) == 1


@pytest.mark.requirement("DTR-061")
def test_handles_that_expired_long_ago_are_deleted(opened: Database) -> None:
    for name, hours in (("h1", 1), ("h2", 2)):
        kept = deferral(name, expires_at=NOW + hours * HOUR)
        opened.write(lambda session, kept=kept: deferrals.add(session, kept))  # type: ignore[misc]
    assert opened.write(lambda s: deferrals.delete_expired(s, NOW + HOUR, 9)) == 0
    assert opened.write(lambda s: deferrals.delete_expired(s, NOW + 3 * HOUR, 1)) == 1
    assert [each.hash for each in opened.read(lambda s: deferrals.of_task(s, "arq_1"))] == ["h2"]


def answer(key: str = "k", sealed: bytes = b"one") -> PollAnswer:
    return PollAnswer(
        owner="as-1",
        key=key,
        ref="dfr_h1",
        body_hash="b",
        answer_sealed=sealed,
        expires_at=NOW + timedelta(minutes=10),
    )


def test_the_first_answer_to_a_key_is_kept_for_its_time(db: Database) -> None:
    assert db.write(lambda s: deferral_answers.keep(s, answer(), NOW))
    assert not db.write(lambda s: deferral_answers.keep(s, answer(sealed=b"two"), NOW))
    assert db.read(lambda s: deferral_answers.find(s, "as-1", "k", NOW)) == answer()
    assert db.read(lambda s: deferral_answers.find(s, "as-2", "k", NOW)) is None
    over = NOW + timedelta(minutes=10)
    assert db.read(lambda s: deferral_answers.find(s, "as-1", "k", over)) is None
    later = answer(sealed=b"two").model_copy(update={"expires_at": over + HOUR})
    assert db.write(lambda s: deferral_answers.keep(s, later, over))


def test_answers_go_with_a_revocation_and_with_time(db: Database) -> None:
    db.write(lambda s: deferral_answers.keep(s, answer(), NOW))
    db.write(lambda s: deferral_answers.keep(s, answer("l"), NOW))
    assert db.write(lambda s: deferral_answers.forget_of(s, "dfr_h1")) == 2
    db.write(lambda s: deferral_answers.keep(s, answer(), NOW))
    used = UsedChallenge(issuer="https://rs", jti="j", expires_at=NOW)
    db.write(lambda s: deferral_answers.use_challenge(s, used))
    assert db.write(lambda s: deferral_answers.forget_expired(s, NOW, 9)) == 1
    assert db.write(lambda s: deferral_answers.forget_expired(s, NOW + HOUR, 9)) == 1


def test_a_challenge_is_taken_once(db: Database) -> None:
    used = UsedChallenge(issuer="https://rs", jti="j", expires_at=NOW + HOUR)
    took = race(lambda _: db.write(lambda s: deferral_answers.use_challenge(s, used)), 6)
    assert sum(took) == 1
    other = used.model_copy(update={"issuer": "https://other"})
    assert db.write(lambda s: deferral_answers.use_challenge(s, other))
