"""Taking away what has been kept long enough, a little at a time so that nobody waits for it.

Law: an open task is never taken away, nor the audit; a task goes with all that hangs on it.
"""

from datetime import datetime

from sqlalchemy import delete, select

from pdp.store.session import Session
from pdp.store.task_queues import task_queues
from pdp.store.tasks import tasks


def delete_closed_tasks(session: Session, before: datetime, limit: int) -> list[str]:
    """Delete up to `limit` tasks closed before a moment, oldest first; gives their ids.

    Items, votes, comments and interactions go with them; approvals, reviews and the audit stay.
    """
    old = select(tasks.c.id).where(tasks.c.closed_at < before)
    old = old.order_by(tasks.c.closed_at).limit(limit)
    ids = [row.id for row in session.execute(old)]
    session.execute(delete(task_queues).where(task_queues.c.task_id.in_(ids)))
    session.execute(delete(tasks).where(tasks.c.id.in_(ids)))
    return ids
