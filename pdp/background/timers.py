"""Timers of tasks: jobs of a later moment that look at the task again.

A timer says only that it is time to look: whoever is called decides by the state of the task, so
one that is late or comes twice does no harm, and one that was lost is made up for by the sweep.
"""

import logging
from datetime import datetime, timedelta
from typing import Protocol

from pdp.background.jobs import Handler
from pdp.background.periodic import Periodic
from pdp.store import tasks
from pdp.store.engine import Database
from pdp.store.outbox import Job

TASK_TIMER = "task_timer"
"""A task is due; the payload's `due` says for what: `expire`, `remind`, `escalate`, `timeout`."""
REVIEW_DUE = "review_due"
"""The review of an emergency approval is due."""
SWEEP = Periodic("overdue_sweep", timedelta(minutes=1))
_BATCH = 100
_log = logging.getLogger("pdp.background")


class TaskTimers(Protocol):
    """Looks at a task whose time has come."""

    def fire(self, kind: str, task_id: str, now: datetime) -> None:
        """Do what is due at `now`; nothing when nothing is, or there is no such task."""


def timer_handler(timers: TaskTimers) -> Handler:
    """The handler of both kinds of timers."""

    def run(job: Job, now: datetime) -> None:
        kind = job.kind if job.kind == REVIEW_DUE else str(job.payload.get("due", "expire"))
        timers.fire(kind, str(job.task_id), now)

    return Handler(run)


def sweep_handler(database: Database, timers: TaskTimers) -> Handler:
    """The handler of the sweep: open tasks past their end expire though a timer was lost."""

    def run(job: Job, now: datetime) -> None:
        failed: set[str] = set()
        while True:
            found = database.read(lambda s: tasks.overdue(s, now, _BATCH + len(failed)))
            left = [task.id for task in found if task.id not in failed]
            for task_id in left:
                try:
                    timers.fire("expire", task_id, now)
                except Exception:  # noqa: BLE001 - one task's fault must not keep the others open
                    _log.exception("task `%s` could not be expired", task_id)
                    failed.add(task_id)
            if len(left) < _BATCH:
                return

    return Handler(run)
