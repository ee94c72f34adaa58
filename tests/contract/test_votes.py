"""Votes and comments."""

import pytest

from pdp.store import comments, tasks, votes
from pdp.store.comments import Comment
from pdp.store.engine import Database, IntegrityError
from pdp.store.votes import Vote
from tests.contract.make import MINUTE, NOW, all_pages, race, task


def vote(identifier: str = "v1", **changes: object) -> Vote:
    """Bob's vote on the first step."""
    values: dict[str, object] = {
        "task_id": "arq_1", "step": 0, "approver_type": "user", "approver_id": "bob",
        "id": identifier, "decision": "approve", "at": NOW,
    }  # fmt: skip
    return Vote(**(values | changes))


@pytest.fixture
def stored(db: Database) -> Database:
    """A database with one task."""
    db.write(lambda session: tasks.create(session, task()))
    return db


@pytest.mark.requirement("ARAP-167")
def test_nobody_votes_twice_on_a_step_however_many_at_once(stored: Database) -> None:
    kept = race(
        lambda number: stored.write(lambda session: votes.cast(session, vote(f"v{number}"))), 16
    )
    assert kept.count(True) == 1
    assert len(stored.read(lambda session: votes.of_task(session, "arq_1"))) == 1


def test_other_people_other_steps_and_other_types_vote_for_themselves(stored: Database) -> None:
    for number, changes in enumerate(
        [{}, {"step": 1}, {"approver_id": "Bob"}, {"approver_type": "service"}]
    ):
        cast = vote(f"v{number}", at=NOW + number * MINUTE, **changes)
        assert stored.write(lambda session, cast=cast: votes.cast(session, cast))
    found = stored.read(lambda session: votes.of_task(session, "arq_1"))
    assert [one.id for one in found] == ["v0", "v1", "v2", "v3"]


def test_a_vote_needs_its_task(db: Database) -> None:
    with pytest.raises(IntegrityError):
        db.write(lambda session: votes.cast(session, vote()))


def test_what_a_person_decided_is_listed_newest_first(stored: Database) -> None:
    for step in range(5):
        cast = vote(f"v{step}", step=step, at=NOW + step * MINUTE, items=[0, step])
        stored.write(lambda session, cast=cast: votes.cast(session, cast))
    found = all_pages(
        lambda cursor: stored.read(
            lambda session: votes.of_approver(session, ("user", "bob"), cursor, 2)
        )
    )
    assert [one.step for one in found] == [4, 3, 2, 1, 0]
    assert found[0].items == [0, 4]


def test_comments_are_listed_oldest_first(stored: Database) -> None:
    for number in (2, 1):
        comment = Comment(
            id=f"c{number}", task_id="arq_1", at=NOW + number * MINUTE, author_type="user",
            author_id="bob", text="why?",
        )  # fmt: skip
        stored.write(lambda session, comment=comment: comments.add(session, comment))
    found = stored.read(lambda session: comments.of_task(session, "arq_1"))
    assert [(one.id, one.visibility) for one in found] == [("c1", "approvers"), ("c2", "approvers")]
