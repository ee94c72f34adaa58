"""Lists of tasks: filters, and pages that hold while the list moves."""

import random
from typing import Any

import pytest
from sqlalchemy import event, text

from pdp.store import task_listing, tasks
from pdp.store.engine import Database, Session
from pdp.store.task_listing import TaskFilter, TaskSummary
from tests.contract.make import MINUTE, NOW, all_pages, task


def create(db: Database, number: int, queues: list[str], **changes: Any) -> None:
    """Keep the task created `number` minutes after noon."""
    made = task(f"arq_{number:03}", created_at=NOW + number * MINUTE, **changes)
    db.write(lambda session: tasks.create(session, made, queues))


def ids(db: Database, wanted: TaskFilter, limit: int = 100, **order: bool) -> list[str]:
    """What a filter finds, through all pages."""
    found = all_pages(
        lambda cursor: db.read(
            lambda session: task_listing.page(session, wanted, cursor, limit, **order)
        )
    )
    return [one.id for one in found]


@pytest.fixture
def twelve(db: Database) -> Database:
    """Twelve tasks: every third also for security, two moments shared by two tasks."""
    for number in range(12):
        queues = ["managers", "security"] if number % 3 == 0 else ["managers"]
        create(
            db,
            number,
            queues,
            subject_id=f"u{number % 2}",
            client_id="as-1" if number < 6 else None,
            emergency=number == 7,
            search_text=tasks.searchable("Stra\u00dfe", f"Number {number}", None, "100%_x"),
        )
    db.write(
        lambda session: tasks.transition(
            session, "arq_003", 1, {"status": "denied", "closed_at": NOW}, now=NOW
        )
    )
    return db


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (TaskFilter(queues=("security",)), [9, 6, 3, 0]),
        (TaskFilter(queues=("security",), status="pending"), [9, 6, 0]),
        (TaskFilter(queues=("security", "managers"), status="denied"), [3]),
        (TaskFilter(queues=()), []),
        (TaskFilter(status="denied"), [3]),
        (TaskFilter(client_id="as-1", subject_id="u1"), [5, 3, 1]),
        (TaskFilter(requester="pep-2"), []),
        (TaskFilter(emergency=True), [7]),
        (TaskFilter(resource_type="document", resource_id="plan", template="other"), []),
        (TaskFilter(q="NUMBER 11"), [11]),
        (TaskFilter(q="STRASSE", emergency=True), [7]),
        (TaskFilter(q="%_", emergency=True), [7]),
        (TaskFilter(q="10__", emergency=True), []),
        (TaskFilter(queues=("security",), q="9"), [9]),
    ],
)
def test_a_list_narrows_by_every_member(
    twelve: Database, wanted: TaskFilter, expected: list[int]
) -> None:
    assert ids(twelve, wanted) == [f"arq_{number:03}" for number in expected]


@pytest.mark.parametrize("limit", [1, 2, 5, 12])
@pytest.mark.parametrize("queues", [None, ("managers",), ("managers", "security", "nobody")])
@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_give_each_task_once_in_order(
    twelve: Database, limit: int, queues: tuple[str, ...] | None, newest_first: bool
) -> None:
    expected = [f"arq_{number:03}" for number in range(12)]
    found = ids(twelve, TaskFilter(queues=queues), limit, newest_first=newest_first)
    assert found == (expected[::-1] if newest_first else expected)


def test_tasks_of_one_moment_are_told_apart(db: Database) -> None:
    for name in ("b", "a", "c"):
        db.write(lambda session, name=name: tasks.create(session, task(name), ["q"]))
    assert ids(db, TaskFilter(), 1) == ["c", "b", "a"]
    assert ids(db, TaskFilter(queues=("q",)), 1, newest_first=False) == ["a", "b", "c"]


def test_tasks_that_stay_are_neither_missed_nor_repeated_while_others_come_and_go(
    twelve: Database,
) -> None:
    chance = random.Random(1)
    closing = iter(["arq_000", "arq_004", "arq_010", "arq_011"])
    coming = iter(range(12, 100))

    def disturbed(session: Session) -> None:
        create(twelve, next(coming), ["managers"])
        gone = next(closing, None)
        if gone is not None:
            twelve.write(
                lambda other: tasks.transition(
                    other, gone, 1, {"status": "denied", "closed_at": NOW}, now=NOW
                )
            )

    def page_at(cursor: Any) -> Any:
        page = twelve.read(
            lambda session: task_listing.page(
                session,
                TaskFilter(queues=("managers",), status="pending"),
                cursor,
                chance.randint(1, 3),
            )
        )
        twelve.read(disturbed)
        return page

    found = [one.id for one in all_pages(page_at)]
    stayed = [f"arq_{number:03}" for number in (9, 8, 7, 6, 5, 2, 1)]
    assert [name for name in found if name in stayed] == stayed
    assert len(set(found)) == len(found)


def test_a_summary_has_what_the_task_has(twelve: Database) -> None:
    page = twelve.read(lambda session: task_listing.page(session, TaskFilter(), None, 1))
    whole = twelve.read(lambda session: tasks.get(session, "arq_011"))
    assert whole is not None
    assert dict(page.items[0]) == {name: getattr(whole, name) for name in TaskSummary.model_fields}


@pytest.mark.parametrize(
    "wanted",
    [
        TaskFilter(queues=("managers",), status="pending"),
        TaskFilter(status="pending"),
        TaskFilter(requester="pep-1", status="pending"),
        TaskFilter(client_id="as-1", status="pending"),
        TaskFilter(subject_id="alice"),
        TaskFilter(resource_id="plan"),
    ],
)
def test_a_page_is_read_off_an_index_without_sorting(db: Database, wanted: TaskFilter) -> None:
    asked: list[tuple[str, Any]] = []

    def work(session: Session) -> str:
        task_listing.page(session, wanted, None, 50)
        explain = "EXPLAIN " if db.on_postgres else "EXPLAIN QUERY PLAN "
        rows = connections[-1].exec_driver_sql(explain + asked[-1][0], asked[-1][1])
        return "\n".join(str(row) for row in rows)

    connections: list[Any] = []

    def seen(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            connections.append(connection)
            asked.append((statement, parameters))

    event.listen(db.reader, "before_cursor_execute", seen)

    def planned(session: Session) -> str:
        if db.on_postgres:
            session.execute(text("SET LOCAL enable_seqscan = off"))
            session.execute(text("SET LOCAL enable_sort = off"))
        return work(session)

    plan = db.read(planned)
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan
    assert "SCAN" not in plan
    assert "Seq Scan" not in plan
