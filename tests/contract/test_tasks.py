"""Tasks: one winner of any race, and no way back from a closed one."""

import pytest

from pdp.store import retention, task_items, task_queues, tasks
from pdp.store.engine import Database, Session
from pdp.store.task_items import TaskItem
from tests.contract.make import DAY, MINUTE, NOW, race, task

CLOSED = {"status": "approved", "closed_at": NOW + MINUTE}


@pytest.fixture
def stored(db: Database) -> Database:
    """A database with one pending task in two queues."""
    db.write(lambda session: tasks.create(session, task(), ["managers", "security", "managers"]))
    return db


def item(position: int, status: str = "pending") -> TaskItem:
    """An item of the task."""
    return TaskItem(
        task_id="arq_1", position=position, status=status, resource_type="document",
        resource_id=str(position), action_name="read", updated_at=NOW, resource={}, action={},
    )  # fmt: skip


@pytest.mark.requirement("ARAP-132")
def test_a_task_comes_back_whole(stored: Database) -> None:
    assert stored.peek(lambda session: tasks.get(session, "arq_1")) == task()
    assert stored.peek(lambda session: tasks.get(session, "arq_2")) is None


def test_of_32_that_read_the_same_version_one_wins(stored: Database) -> None:
    won = race(
        lambda number: stored.write(
            lambda session: tasks.transition(session, "arq_1", 1, {"priority": number}, now=NOW)
        ),
        32,
    )
    assert won.count(True) == 1
    found = stored.read(lambda session: tasks.get(session, "arq_1"))
    assert found is not None
    assert found.version == 2


def test_the_loser_of_a_race_leaves_nothing_of_its_own(stored: Database) -> None:
    def close(number: int) -> bool:
        def work(session: Session) -> bool:
            if not tasks.transition(session, "arq_1", 1, CLOSED, now=NOW):
                return False
            task_items.add(session, [item(number)])
            return True

        return stored.write(work)

    assert race(close, 8).count(True) == 1
    assert len(stored.read(lambda session: task_items.of_task(session, "arq_1"))) == 1


@pytest.mark.requirement("ARAP-149")
@pytest.mark.parametrize("status", ["denied", "pending", "expired"])
def test_a_closed_task_keeps_its_status_whatever_the_version(stored: Database, status: str) -> None:
    def work(session: Session) -> tuple[bool, bool, bool]:
        return (
            tasks.transition(session, "arq_1", 1, CLOSED, now=NOW),
            tasks.transition(session, "arq_1", 2, {"status": status}, now=NOW),
            tasks.transition(session, "arq_1", 2, {"result": {"mode": "reevaluate"}}, now=NOW),
        )

    assert stored.write(work) == (True, False, True)
    found = stored.read(lambda session: tasks.get(session, "arq_1"))
    assert found is not None
    assert (found.status, found.version) == ("approved", 3)


@pytest.mark.parametrize("column", ["id", "requester", "subject_id", "created_at", "version"])
def test_what_a_task_is_about_cannot_be_changed(stored: Database, column: str) -> None:
    with pytest.raises(ValueError, match=column):
        stored.write(lambda session: tasks.transition(session, "arq_1", 1, {column: "x"}, now=NOW))


def test_queues_follow_the_task(stored: Database) -> None:
    def queues() -> list[str]:
        return stored.read(lambda session: task_queues.of_task(session, "arq_1"))

    assert queues() == ["managers", "security"]
    assert stored.read(task_queues.open_counts) == {"managers": 1, "security": 1}
    stored.write(
        lambda session: tasks.transition(
            session, "arq_1", 1, {"step": 1}, now=NOW, queues=["directors"]
        )
    )
    assert queues() == ["directors"]
    stored.write(lambda session: tasks.transition(session, "arq_1", 2, CLOSED, now=NOW))
    assert stored.read(task_queues.open_counts) == {}


def test_one_person_at_a_time_holds_a_task(stored: Database) -> None:
    held = race(
        lambda number: stored.write(
            lambda session: tasks.claim(session, "arq_1", ("user", str(number)), NOW)
        ),
        8,
    )
    assert held.count(True) == 1
    found = stored.read(lambda session: tasks.get(session, "arq_1"))
    assert found is not None
    holder = (str(found.claimed_by_type), str(found.claimed_by_id))
    assert stored.write(lambda session: tasks.claim(session, "arq_1", holder, NOW))
    assert not stored.write(lambda session: tasks.release(session, "arq_1", ("user", "other")))
    assert stored.write(lambda session: tasks.release(session, "arq_1", holder))
    assert not stored.write(lambda session: tasks.release(session, "arq_1"))


def test_holding_a_task_disturbs_no_decision_and_a_closed_one_is_not_held(
    stored: Database,
) -> None:
    stored.write(lambda session: tasks.claim(session, "arq_1", ("user", "bob"), NOW))
    assert stored.write(lambda session: tasks.transition(session, "arq_1", 1, CLOSED, now=NOW))
    assert not stored.write(lambda session: tasks.claim(session, "arq_1", ("user", "bob"), NOW))


@pytest.mark.requirement("ARAP-150")
def test_open_tasks_past_their_time_are_found_longest_first(db: Database) -> None:
    def work(session: Session) -> list[str]:
        for name, minutes in [("later", 5), ("first", 1), ("second", 2), ("closed", 1)]:
            tasks.create(session, task(name, expires_at=NOW + minutes * MINUTE))
        tasks.transition(session, "closed", 1, CLOSED, now=NOW)
        return [found.id for found in tasks.overdue(session, NOW + 2 * MINUTE, 10)]

    assert db.write(work) == ["first", "second"]


def test_tasks_of_one_denial_are_found(db: Database) -> None:
    def work(session: Session) -> list[str]:
        for name, evaluation in [("a", "eval_1"), ("b", "eval_2"), ("c", "eval_1")]:
            tasks.create(session, task(name, evaluation_id=evaluation))
        return [found.id for found in tasks.of_evaluation(session, "eval_1", "alice")]

    assert db.write(work) == ["a", "c"]


@pytest.mark.requirement("ARAP-133")
def test_items_come_back_in_order_and_each_moves_once(stored: Database) -> None:
    stored.write(lambda session: task_items.add(session, [item(n) for n in (2, 0, 1)]))
    moved = race(
        lambda number: stored.write(
            lambda session: task_items.move(
                session, "arq_1", 1, "pending", "approved", now=NOW, result={"by": number}
            )
        ),
        8,
    )
    assert moved.count(True) == 1
    assert (
        stored.write(
            lambda session: task_items.move_all(session, "arq_1", "pending", "cancelled", now=NOW)
        )
        == 2
    )
    found = stored.read(lambda session: task_items.of_task(session, "arq_1"))
    assert [(one.position, one.status) for one in found] == [
        (0, "cancelled"),
        (1, "approved"),
        (2, "cancelled"),
    ]
    assert found[1].result is not None


@pytest.mark.requirement("ARAP-184")
def test_closed_tasks_go_with_what_hangs_on_them_and_open_ones_stay(stored: Database) -> None:
    def work(session: Session) -> None:
        task_items.add(session, [item(0)])
        tasks.create(session, task("open"))
        tasks.transition(session, "arq_1", 1, CLOSED, now=NOW)

    stored.write(work)
    deleted = stored.write(lambda session: retention.delete_closed_tasks(session, NOW + DAY, 10))
    assert deleted == ["arq_1"]
    assert stored.read(lambda session: task_items.of_task(session, "arq_1")) == []
    assert stored.read(lambda session: task_queues.of_task(session, "arq_1")) == []
    assert stored.read(lambda session: tasks.get(session, "open")) is not None
