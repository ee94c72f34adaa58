"""Entities: bulk changes, and what a replica needs to follow them."""

from functools import partial

import pytest

from pdp.store import entities
from pdp.store.engine import Database, Session
from tests.contract.make import DAY, NOW, race


def users(*names: str) -> list[tuple[entities.Uid, dict[str, object]]]:
    """Entities of type User."""
    return [(("User", name), {"uid": {"type": "User", "id": name}}) for name in names]


@pytest.mark.slow
def test_ten_thousand_are_put_at_once_and_listed_in_order(db: Database) -> None:
    names = [f"u{number:05}" for number in range(10_000)]
    assert db.write(lambda session: entities.put(session, users(*names), NOW)) == 1
    assert db.read(entities.count) == 10_000
    page = db.read(lambda session: entities.of_type(session, "User", "u00099", 3))
    assert [entity.cedar_id for entity in page] == ["u00100", "u00101", "u00102"]
    assert sum(1 for _ in db.read(lambda session: list(entities.stream(session)))) == 10_000


def test_a_bulk_change_that_fails_leaves_nothing(db: Database) -> None:
    def work(session: Session) -> None:
        entities.put(session, users("a", "b"), NOW)
        raise LookupError

    with pytest.raises(LookupError):
        db.write(work)
    assert db.read(entities.count) == 0


def test_a_put_replaces_and_gives_a_new_version(db: Database) -> None:
    db.write(lambda session: entities.put(session, users("a"), NOW))
    version = db.write(lambda session: entities.put(session, [(("User", "a"), {"new": True})], NOW))
    found = db.read(lambda session: entities.get(session, ("User", "a")))
    assert found is not None
    assert (found.body, found.version, version) == ({"new": True}, 2, 2)


def test_a_replica_gets_what_came_after_its_version_and_no_more(db: Database) -> None:
    db.write(lambda session: entities.put(session, users("a", "b", "c"), NOW))
    known = db.read(lambda session: entities.changes_since(session, 0))
    assert (known.version, len(known.puts), known.deletes) == (1, 3, [])
    db.write(lambda session: entities.put(session, users("d"), NOW))
    removed = db.write(
        lambda session: entities.remove(session, [("User", "a"), ("User", "x")], NOW)
    )
    assert removed == 1
    news = db.read(lambda session: entities.changes_since(session, known.version))
    assert news == (3, [users("d")[0][1]], [("User", "a")])
    assert db.read(lambda session: entities.changes_since(session, 3)) == (3, [], [])


def test_a_deleted_entity_is_gone_from_every_list_and_can_come_back(db: Database) -> None:
    db.write(lambda session: entities.put(session, users("a"), NOW))
    db.write(lambda session: entities.remove(session, [("User", "a")], NOW))
    assert db.read(lambda session: entities.get(session, ("User", "a"))) is None
    assert db.read(lambda session: entities.of_type(session, "User", None, 9)) == []
    assert db.read(lambda session: list(entities.stream(session))) == []
    assert db.read(lambda session: entities.changes_since(session, 0)).puts == []
    db.write(lambda session: entities.put(session, users("a"), NOW))
    assert db.read(entities.count) == 1


def test_traces_of_deleted_entities_are_forgotten_in_time(db: Database) -> None:
    db.write(lambda session: entities.put(session, users("a", "b"), NOW))
    db.write(lambda session: entities.remove(session, [("User", "a")], NOW))
    assert db.write(lambda session: entities.forget_deleted(session, NOW)) == 0
    assert db.write(lambda session: entities.forget_deleted(session, NOW + DAY)) == 1
    assert db.read(entities.count) == 1


def test_a_follower_misses_nothing_while_many_write(db: Database) -> None:
    """Versions follow the order of commits: what is seen at version n stays seen."""
    done: list[int] = []

    def write(number: int) -> None:
        for turn in range(5):
            name = f"{number}-{turn}"
            db.write(lambda session, name=name: entities.put(session, users(name), NOW))
        done.append(number)

    def follow() -> set[str]:
        seen: set[str] = set()
        version, last_turn = 0, False
        while not last_turn:
            last_turn = len(done) == 6
            news = db.read(partial(entities.changes_since, version=version))
            seen.update(body["uid"]["id"] for body in news.puts)
            version = news.version
        return seen

    results = race(lambda number: write(number) if number < 6 else follow(), 7)
    assert len(next(seen for seen in results if seen is not None)) == 30
