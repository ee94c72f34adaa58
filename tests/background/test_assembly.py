"""Everything together: a started runner with every handler, woken by commits."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from pdp.background.assembly import PERIODIC, Parts, handlers, lease_for
from pdp.background.credentials import Credentials
from pdp.background.effects import BY_TIME, Change, write_effects
from pdp.background.outbound_poster import OutboundPoster
from pdp.background.runner import LEASE, Runner
from pdp.background.wake import wake_after_commits
from pdp.core.task_effects import AuditEvent, Callback, TaskResolved, Timer
from pdp.core.values import JsonObject
from pdp.store import audit_chain, outbox_admin, tasks
from pdp.store.engine import Database, Session
from pdp.store.interactions import Interaction
from pdp.trust.keys import KeyRing
from tests.background.sink import Sink
from tests.contract.make import task


def utc_now() -> datetime:
    return datetime.now(UTC)


class Services:
    """What the services of access requests give: here, a task that is denied when it is over."""

    def __init__(self, db: Database, keys: KeyRing) -> None:
        self._db, self._keys = db, keys
        self.fired = threading.Event()

    def fire(self, kind: str, task_id: str, now: datetime) -> None:
        """Expire the task, as time does."""

        def work(session: Session) -> bool:
            found = tasks.get(session, task_id)
            assert found is not None
            changes = {"status": "expired", "closed_at": now}
            if not tasks.transition(session, task_id, found.version, changes, now=now):
                return False
            after = found.model_copy(update={**changes, "version": found.version + 1})
            ends = [AuditEvent("task.expired", now, {}), TaskResolved("expired")]
            change = Change(after, [], BY_TIME, now, self._keys)
            write_effects(session, [*ends, Callback("expired")], change)
            return True

        self._db.write(work)
        self.fired.set()

    def callback_body(self, task_id: str, event: str, now: datetime) -> JsonObject | None:
        """The task as its requester sees it."""
        return {"task": {"id": task_id, "status": event}}

    def external_body(
        self, interaction: Interaction, token: str, now: datetime
    ) -> JsonObject | None:
        """Nothing is asked here."""
        return None


@pytest.fixture
def runner(db: Database, keys: KeyRing, poster: OutboundPoster) -> Iterator[Runner]:
    """A started runner."""
    services = Services(db, keys)
    parts = Parts(
        database=db,
        keys=keys,
        issuer="https://pdp.example.com",
        poster=poster,
        credentials=Credentials(keys),
        timers=services,
        handles=services,
        questions=services,
        hand_over=lambda head: None,
    )
    running = Runner(db, handlers(parts), utc_now, "r", periodic=PERIODIC, interval=0.1)
    running.start()
    wake_after_commits(db, running.poke)
    yield running
    running.stop()


@pytest.mark.requirement("ARAP-150")
def test_a_task_expires_by_itself_and_its_requester_is_called_back(
    db: Database, keys: KeyRing, runner: Runner, sink: Sink
) -> None:
    now = utc_now()
    row = task(
        created_at=now, updated_at=now, expires_at=now + timedelta(seconds=0.5),
        callback={"endpoint": sink.url + "/cb", "state": "s-1"},
    )  # fmt: skip

    def submit(session: Session) -> None:
        tasks.create(session, row)
        opened = [AuditEvent("task.created", now, {}), Timer(row.expires_at, "expire")]
        write_effects(session, opened, Change(row, [], BY_TIME, now, keys))

    db.write(submit)
    (received,) = sink.wait_for(1)
    assert received.json == {"state": "s-1", "task": {"id": "arq_1", "status": "expired"}}
    runner.stop()
    assert {job.dead_at for job in db.read(lambda s: outbox_admin.of_task(s, "arq_1"))} == {None}
    events = db.read(lambda s: audit_chain.of_task(s, "arq_1"))
    assert [event.event for event in events] == ["task.created", "task.expired"]


def test_every_kind_that_comes_round_has_a_handler_and_its_next_job(
    db: Database, keys: KeyRing, runner: Runner
) -> None:
    runner.stop()
    runner.run_due()
    waiting = db.read(lambda session: outbox_admin.waiting(session, 0, 10))
    kinds = {job.kind for job in waiting}
    assert kinds == {each.kind for each in PERIODIC}
    assert all(job.run_at > job.created_at for job in waiting)


def test_the_lease_outlasts_the_longest_delivery() -> None:
    assert lease_for(15) == LEASE
    assert lease_for(300) > timedelta(seconds=600)
