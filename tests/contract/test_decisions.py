"""The decision log and the record of policy versions."""

import pytest

from pdp.store import decisions, policy_versions, versions
from pdp.store.decisions import Decision, Search
from pdp.store.engine import Database
from pdp.store.policy_versions import PolicyVersion
from tests.contract.make import DAY, MINUTE, NOW, all_pages


def decision(number: int, **changes: object) -> Decision:
    """The decision made `number` minutes after noon."""
    values: dict[str, object] = {
        "evaluation_id": f"eval_{number:03}", "at": NOW + number * MINUTE,
        "decision": number % 2 == 0, "subject_type": "user", "subject_id": f"u{number % 3}",
        "action": "read", "resource_type": "document", "resource_id": "plan",
        "policy_version": "v1", "caller": "pep-1", "detail": {"number": number},
    }  # fmt: skip
    return Decision(**(values | changes))


def numbers(db: Database, wanted: Search, limit: int = 100) -> list[int]:
    """What a search finds, through all its pages."""
    found = all_pages(
        lambda cursor: db.read(lambda session: decisions.search(session, wanted, cursor, limit))
    )
    return [row.detail["number"] for row in found]


@pytest.fixture
def ten(db: Database) -> Database:
    """Ten decisions."""
    db.write(lambda session: decisions.add(session, [decision(n) for n in range(10)]))
    return db


def test_a_batch_kept_twice_is_there_once(ten: Database) -> None:
    ten.write(lambda session: decisions.add(session, [decision(9), decision(10)]))
    ten.write(lambda session: decisions.add(session, []))
    assert numbers(ten, Search()) == list(range(10, -1, -1))
    assert ten.peek(lambda session: decisions.get(session, "eval_004")) == decision(4)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Search(decision=True), [8, 6, 4, 2, 0]),
        (Search(subject_id="u1"), [7, 4, 1]),
        (Search(subject_type="robot"), []),
        (Search(resource_id="plan", since=NOW + 7 * MINUTE), [9, 8, 7]),
        (Search(until=NOW + 2 * MINUTE), [1, 0]),
        (Search(caller="pep-1", policy_version="v2"), []),
    ],
)
def test_a_search_narrows_by_every_member(
    ten: Database, wanted: Search, expected: list[int]
) -> None:
    assert numbers(ten, wanted) == expected


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_pages_give_each_decision_once(ten: Database, limit: int) -> None:
    assert numbers(ten, Search(), limit) == list(range(9, -1, -1))


def test_old_decisions_go_a_few_at_a_time(ten: Database) -> None:
    before = NOW + 5 * MINUTE
    assert ten.write(lambda session: decisions.delete_before(session, before, 3)) == 3
    assert ten.write(lambda session: decisions.delete_before(session, before, 3)) == 2
    assert numbers(ten, Search()) == [9, 8, 7, 6, 5]


def test_a_loaded_version_is_told_and_listed(db: Database) -> None:
    first = PolicyVersion(replica="r1", version="a" * 64, loaded_at=NOW, folder="policies")
    again = first.model_copy(update={"loaded_at": NOW + DAY})
    for loaded in (first, again):
        db.write(lambda session, loaded=loaded: policy_versions.loaded(session, loaded))
    assert db.read(lambda session: policy_versions.history(session, 10)) == [again]
    assert db.read(versions.current) == {"policies": 2}
    assert db.write(lambda session: policy_versions.forget(session, NOW + 2 * DAY)) == 1
