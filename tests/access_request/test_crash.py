"""Servers that are killed: what was answered is there, what was not can be asked again."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Set
from pathlib import Path

import pytest

from pdp.store import approvals, audit_chain, denials_used, tasks, votes
from pdp.store.engine import Database, Session
from tests.access_request.fleet import MASTER_KEY, Fleet, fleet
from tests.access_request.persistent import Accepted, Caller
from tests.access_request.world import REQUESTS
from tests.background.sink import Sink, listening
from tests.contract import cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CALLERS = 4
MINUTE = 60.0
BETWEEN_KILLS = 2.0
_TERMINAL = {"task.approved", "task.denied", "task.cancelled"}


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Somebody to call back."""
    with listening() as listener:
        yield listener


def test_one_server_on_sqlite_outlives_a_minute_of_kills(tmp_path: Path, sink: Sink) -> None:
    database = f"sqlite:///{tmp_path}/pdp.db"
    with fleet(tmp_path, database, sink, 1) as servers:

        def killed() -> None:
            began, kills = time.monotonic(), 0
            while time.monotonic() - began < MINUTE:
                time.sleep(BETWEEN_KILLS)
                servers.settle()
                kills += servers.kill()
            assert kills >= 5

        callers = load(servers, sink, killed)
        _answers_hold(servers, callers, sink)
    _nothing_twice(database, callers)


@pytest.mark.postgres
def test_three_replicas_outlive_a_minute_of_kills_and_their_database(
    tmp_path: Path, sink: Sink
) -> None:
    with cluster.cluster() as postgres:
        database = postgres.address.format(name="postgres")
        with fleet(tmp_path, database, sink, 3) as servers:

            def killed() -> None:
                began, kills = time.monotonic(), 0
                for tick in range(1, int(MINUTE / BETWEEN_KILLS) + 1):
                    time.sleep(max(0.0, began + tick * BETWEEN_KILLS - time.monotonic()))
                    kills += servers.kill()
                    if tick == 15:
                        postgres.stop()
                        postgres.start()
                # On a slow machine all three may be starting when the next one's turn comes.
                assert kills >= 15

            callers = load(servers, sink, killed)
            _answers_hold(servers, callers, sink)
        _nothing_twice(database, callers)


def load(servers: Fleet, sink: Sink, meanwhile: Callable[[], None]) -> list[Caller]:
    """Callers that ask while something else happens, until every server is there again."""
    stop = threading.Event()
    callers = [Caller(number, servers, sink, stop) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        meanwhile()
        servers.settle()
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    for caller in callers:
        if caller.fault is not None:
            raise caller.fault
    return callers


def _accepted(callers: list[Caller]) -> list[Accepted]:
    return [each for caller in callers for each in caller.accepted]


def _answers_hold(servers: Fleet, callers: list[Caller], sink: Sink) -> None:
    """All that was answered is there, asking again changes nothing, every callback came."""
    accepted = _accepted(callers)
    assert {each.wanted for each in accepted} == {"approved", "denied", "cancelled", "pending"}
    assert all(caller.permitted for caller in callers)
    server = servers.settle()[0]
    with server.client("pep") as http:
        for key, task_id, body, wanted in accepted:
            shown = http.get(f"{REQUESTS}/{task_id}").json()["task"]["status"]
            assert shown == wanted
            again = http.post(REQUESTS, json=body, headers={"Idempotency-Key": key})
            assert (again.status_code, again.json()["task"]["id"]) in (
                (201, task_id),
                (202, task_id),
            )
    ended = {each.task_id: each.wanted for each in accepted if each.wanted != "pending"}
    assert ended.keys() == set().union(*(caller.settled for caller in callers))
    told = _told(sink, ended.keys())
    assert {task_id: told.get(task_id) for task_id in ended} == {
        task_id: {wanted} for task_id, wanted in ended.items()
    }


def _told(sink: Sink, wanted: Set[str]) -> dict[str, set[str]]:
    """What the callbacks said of each request, waiting a while for those that are wanted."""
    deadline = time.monotonic() + 90
    while True:
        found: dict[str, set[str]] = {}
        for each in list(sink.received):
            # Of a sender that was killed half of a message may have come.
            if each.body.endswith(b"}"):
                task = each.json["task"]
                found.setdefault(task["id"], set()).add(task["status"])
        if wanted <= found.keys() or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def _nothing_twice(database: str, callers: list[Caller]) -> None:
    """Of each request one row, one beginning, one end, one vote, one approval; the audit holds."""
    accepted = _accepted(callers)
    ends = {each.task_id: each.wanted for each in accepted}
    db = Database.open(database)
    try:
        events = db.read(lambda s: list(audit_chain.export(s)))
        created = Counter(each.task_id for each in events if each.event == "task.created")
        ended = Counter(each.task_id for each in events if each.event in _TERMINAL)
        voted = Counter(each.task_id for each in events if each.event.startswith("vote."))
        # Every request that there is was answered in the end: the callers went on until then.
        assert created == Counter(ends.keys())
        assert ended == Counter(name for name, end in ends.items() if end != "pending")
        decided = [name for name, end in ends.items() if end in ("approved", "denied")]
        assert voted == Counter(decided)
        for name, end in ends.items():
            db.read(lambda s, name=name, end=end: _once(s, name, end))  # type: ignore[misc]
    finally:
        db.close()
    verified = subprocess.run(
        [sys.executable, "-m", "pdp.cli", "audit", "verify", "--database", database],
        env=os.environ | {"PDP_KEYS__MASTER_KEY": MASTER_KEY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def _once(session: Session, task_id: str, end: str) -> None:
    row = tasks.get(session, task_id)
    assert row is not None and row.denial is not None
    issuer, value = row.denial["issuer"], row.denial["token_id"]
    used = denials_used.user_of(session, "jti", issuer, value)
    assert used is not None and used.task_id == task_id
    assert len(votes.of_task(session, task_id)) == (end in ("approved", "denied"))
    assert len(approvals.of_task(session, task_id)) == (end == "approved")
