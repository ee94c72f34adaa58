"""Waking the runner of this process right after a commit that put a job."""

from collections.abc import Callable

from pdp.store import outbox
from pdp.store.engine import Database, Session

TOPIC = "outbox"


def put(session: Session, job: outbox.Job) -> bool:
    """Put a job, and have the runner look once this is committed; False when it was put before."""
    added = outbox.put(session, job)
    if added and job.run_at <= job.created_at:
        session.topics.add(TOPIC)
    return added


def wake_after_commits(database: Database, poke: Callable[[], object]) -> None:
    """Have `poke` called after each local commit that put a job to do now.

    Whoever was told of this database's commits before is told of all else as before.
    """
    told = database.on_announced

    def announced(topics: set[str]) -> None:
        if TOPIC in topics:
            poke()
        others = topics - {TOPIC}
        if others and told is not None:
            told(others)

    database.on_announced = announced
