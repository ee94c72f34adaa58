"""Delegations, absences, subscriptions, interactions and reviews."""

import pytest

from pdp.store import absences, delegations, interactions, reviews, subscriptions, tasks
from pdp.store.absences import Absence
from pdp.store.delegations import Delegation
from pdp.store.engine import Database, IntegrityError
from pdp.store.interactions import Interaction
from pdp.store.reviews import Review
from pdp.store.subscriptions import Subscription
from tests.contract.make import DAY, MINUTE, NOW, all_pages, race, task

BOB = ("user", "bob")
CAROL = ("user", "carol")


def delegation(name: str, **changes: object) -> Delegation:
    """Bob lets Carol decide for a day."""
    values: dict[str, object] = {
        "id": name, "from_type": "user", "from_id": "bob", "to_type": "user", "to_id": "carol",
        "starts_at": NOW, "ends_at": NOW + DAY, "created_at": NOW, "created_by": "user:bob",
    }  # fmt: skip
    return Delegation(**(values | changes))


def test_a_delegation_holds_from_its_start_to_its_end_and_until_revoked(db: Database) -> None:
    made = [delegation("d"), delegation("later", starts_at=NOW + MINUTE), delegation("gone")]
    for one in made:
        db.write(lambda session, one=one: delegations.add(session, one))
    assert db.write(lambda session: delegations.revoke(session, "gone", NOW))
    assert not db.write(lambda session: delegations.revoke(session, "gone", NOW))

    def active(minutes: int) -> list[str]:
        at = NOW + minutes * MINUTE
        to = db.read(lambda session: delegations.to_person(session, CAROL, at))
        assert to == db.read(lambda session: delegations.from_person(session, BOB, at))
        return [one.id for one in to]

    assert [active(minutes) for minutes in (-1, 0, 1, 24 * 60)] == [[], ["d"], ["d", "later"], []]
    assert db.read(lambda session: delegations.to_person(session, BOB, NOW)) == []
    assert len(db.read(lambda session: delegations.of_person(session, BOB))) == 3
    assert db.read(lambda session: delegations.get(session, "d")) == made[0]


def test_an_absence_names_who_is_away_and_who_stands_in(db: Database) -> None:
    absence = Absence(
        id="a", person_type="user", person_id="bob", deputy_type="user", deputy_id="carol",
        starts_at=NOW, ends_at=NOW + DAY, created_at=NOW,
    )  # fmt: skip
    db.write(lambda session: absences.add(session, absence))
    for at, expected in ((NOW - MINUTE, None), (NOW, absence), (NOW + DAY, None)):
        found = db.read(lambda session, at=at: absences.current_of(session, BOB, at))
        assert found == expected
    assert db.read(lambda session: absences.stood_in_by(session, CAROL, NOW)) == [absence]
    assert db.read(lambda session: absences.current(session, NOW)) == [absence]
    assert db.read(lambda session: absences.of_person(session, BOB)) == [absence]
    assert db.write(lambda session: absences.remove(session, "a"))
    assert not db.write(lambda session: absences.remove(session, "a"))


def test_a_subscription_is_told_until_it_is_disabled(db: Database) -> None:
    subscription = Subscription(
        id="s", owner="as-1", url="https://as.example/hook", events=["task.approved"],
        secret_sealed=b"\x00\x01", created_at=NOW,
    )  # fmt: skip
    db.write(lambda session: subscriptions.add(session, subscription))
    assert db.read(lambda session: subscriptions.get(session, "s")) == subscription
    race(lambda _: db.write(lambda session: subscriptions.failed(session, "s", NOW)), 4)
    failing = db.write(lambda session: subscriptions.failed(session, "s", NOW + DAY))
    assert failing is not None
    assert (failing.failures, failing.failing_since) == (5, NOW)
    db.write(lambda session: subscriptions.delivered(session, "s", NOW))
    well = db.read(lambda session: subscriptions.get(session, "s"))
    assert well is not None
    assert (well.failures, well.failing_since, well.delivered_at) == (0, None, NOW)
    assert db.write(lambda session: subscriptions.disable(session, "s", "410", NOW))
    assert db.read(subscriptions.enabled) == []
    assert not db.write(lambda session: subscriptions.disable(session, "s", "410", NOW))
    assert db.write(lambda session: subscriptions.enable(session, "s"))
    assert [one.id for one in db.read(subscriptions.enabled)] == ["s"]


def test_a_subscription_belongs_to_its_owner(db: Database) -> None:
    subscription = Subscription(
        id="s", owner="as-1", url="https://as.example", events=[], queues=["q"],
        secret_sealed=b"", created_at=NOW,
    )  # fmt: skip
    db.write(lambda session: subscriptions.add(session, subscription))
    assert not db.write(lambda session: subscriptions.remove(session, "s", "as-2"))
    assert db.read(lambda session: subscriptions.of_owner(session, "as-2")) == []
    assert db.read(lambda session: subscriptions.of_owner(session, "as-1")) == [subscription]
    assert db.write(lambda session: subscriptions.remove(session, "s", "as-1"))
    assert db.write(lambda session: subscriptions.failed(session, "s", NOW)) is None


@pytest.fixture
def waiting(db: Database) -> Database:
    """A task that waits for an answer from outside."""
    interaction = Interaction(
        id="i", secret_hash=interactions.hash_of("secret"), task_id="arq_1", step=0,
        kind="external", created_at=NOW, expires_at=NOW + MINUTE, data={"to": "fraud"},
    )  # fmt: skip
    db.write(lambda session: tasks.create(session, task()))
    db.write(lambda session: interactions.add(session, interaction))
    return db


def test_an_interaction_is_answered_once(waiting: Database) -> None:
    answers = race(
        lambda number: waiting.write(
            lambda session: interactions.answer(session, "i", {"n": number}, NOW)
        ),
        8,
    )
    assert answers.count(True) == 1
    assert not waiting.write(lambda session: interactions.visit(session, "i", NOW))
    found = waiting.read(lambda session: interactions.by_secret(session, "secret"))
    assert found is not None
    assert (found.id, found.state, found.answered_at) == ("i", "answered", NOW)


def test_an_interaction_is_visited_once_then_answered(waiting: Database) -> None:
    visits = [
        waiting.write(lambda session: interactions.visit(session, "i", NOW)) for _ in range(2)
    ]
    assert visits == [True, False]
    assert waiting.write(lambda session: interactions.answer(session, "i", {}, NOW))


def test_an_interaction_that_is_over_takes_no_answer(waiting: Database) -> None:
    late = NOW + MINUTE
    assert not waiting.write(lambda session: interactions.answer(session, "i", {}, late))
    assert waiting.write(lambda session: interactions.end(session, "arq_1")) == 1
    assert not waiting.write(lambda session: interactions.answer(session, "i", {}, NOW))
    assert waiting.write(lambda session: interactions.end(session, "arq_1")) == 0


def test_an_interaction_is_found_by_its_whole_secret_only(waiting: Database) -> None:
    for wrong in ("Secret", "secre", "", interactions.hash_of("secret")):
        assert waiting.read(lambda s, wrong=wrong: interactions.by_secret(s, wrong)) is None
    found = waiting.read(lambda session: interactions.of_task(session, "arq_1"))
    assert found == [waiting.read(lambda session: interactions.get(session, "i"))]
    with pytest.raises(IntegrityError):
        again = found[0].model_copy(update={"id": "j"})
        waiting.write(lambda session: interactions.add(session, again))


@pytest.mark.requirement("ARAP-063")
def test_a_review_is_overdue_until_it_is_done(db: Database) -> None:
    for number in range(3):
        review = Review(
            id=f"r{number}", task_id="arq_1", template="break_glass", subject_type="user",
            subject_id="alice", opened_at=NOW + number * MINUTE, due_at=NOW + number * DAY,
        )  # fmt: skip
        db.write(lambda session, review=review: reviews.open_review(session, review))
    late = NOW + DAY

    def overdue(*narrow: object) -> list[str]:
        found = db.read(lambda session: reviews.overdue(session, late, *narrow))
        return [one.id for one in found]

    assert overdue() == overdue("break_glass", ("user", "alice")) == ["r0", "r1"]
    assert overdue("other") == overdue(None, ("user", "bob")) == []
    done = race(
        lambda number: db.write(
            lambda session: reviews.close(session, "r0", ("user", f"{number}"), {}, late)
        ),
        4,
    )
    assert done.count(True) == 1
    assert overdue() == ["r1"]
    found = all_pages(
        lambda cursor: db.read(
            lambda session: reviews.page(session, done=False, cursor=cursor, limit=1)
        )
    )
    assert [one.id for one in found] == ["r2", "r1"]
    closed = db.read(lambda session: reviews.get(session, "r0"))
    assert closed is not None
    assert closed.done_at == late
    assert len(db.read(lambda session: reviews.of_task(session, "arq_1"))) == 3
