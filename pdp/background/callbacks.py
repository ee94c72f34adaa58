"""ARAP task callbacks: `{state, task, result?}` to the endpoint that the submission registered.

A callback is a notice. It lets nobody in: the task endpoint stays the authority.
"""

from datetime import datetime
from typing import Protocol

from pdp.background.backoff import DELIVERY
from pdp.background.credentials import Credentials
from pdp.background.deliveries import Deliverer, Parcel
from pdp.background.jobs import Handler
from pdp.core.values import JsonObject
from pdp.store import tasks
from pdp.store.engine import Database
from pdp.store.outbox import Job

KIND = "callback"


class Handles(Protocol):
    """Shows a task as its requester may see it."""

    def callback_body(self, task_id: str, event: str, now: datetime) -> JsonObject | None:
        """`{task, result?}` of a task for that event; None when there is no such task any more.

        `task` is the Task Handle that the status endpoint would show, and `result` the completion
        (ARAP, Callbacks), for a caller entitled as the requester is.
        """


def wants(callback: JsonObject | None, event: str) -> bool:
    """Whether a submission's `callback` asks for an event: those named, or else every one."""
    if not callback:
        return False
    named = callback.get("events")
    return event in named if isinstance(named, list) else True


def callback_handler(
    database: Database, handles: Handles, deliverer: Deliverer, credentials: Credentials
) -> Handler:
    """The handler of callback jobs, whose payload is `{"event"}`."""

    def run(job: Job, now: datetime) -> None:
        task = database.peek(lambda session: tasks.get(session, str(job.task_id)))
        event = str(job.payload["event"])
        if task is None or task.callback is None or not wants(task.callback, event):
            return
        body = handles.callback_body(task.id, event, now)
        if body is None:
            return
        state = {"state": task.callback["state"]} if "state" in task.callback else {}
        parcel = Parcel(
            message_id=deliverer.message_id(job),
            url=str(task.callback["endpoint"]),
            body=state | body,
            credential=credentials.of_caller(task.requester),
        )
        deliverer.send(parcel, now)

    return Handler(run, DELIVERY)
