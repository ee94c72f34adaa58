"""Servers that are killed: what was answered is there, what was not can be asked again."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pdp.store import audit_chain, denials_used, tasks
from pdp.store.engine import Database
from tests.access_request.world import DATA, client, denial_of, question
from tests.background.sink import Sink, listening
from tests.contract.conftest import (
    database_url,
    postgres,
    postgres_template,
    sqlite_template,
)
from tests.server import Server, running

__all__ = ["database_url", "postgres", "postgres_template", "sqlite_template"]

BASE = "http://127.0.0.1:8181"
KILLS = 4
PEP = {"Authorization": "Bearer pep"}


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Somebody to call back."""
    with listening() as listener:
        yield listener


def environment(sink: Sink) -> dict[str, str]:
    """One name and one key for all replicas, and a caller that may be called at the sink."""
    return {
        "PDP_BASE_URL": BASE,
        "PDP_CLIENTS": json.dumps([client("pep", "pep", callbacks=[f"{sink.url}/*"])]),
        "PDP_OUTBOUND__ALLOW_NETWORKS": '["127.0.0.0/8"]',
        "PDP_KEYS__MASTER_KEY": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
    }


class Replicas:
    """Servers over one database; one that is killed is started again."""

    def __init__(self, folder: Path, database: str, sink: Sink, count: int) -> None:
        self._start = (folder, database, environment(sink))
        self._stack = ExitStack()
        self.servers = [self._started() for _ in range(count)]

    def _started(self) -> Server:
        folder, database, variables = self._start
        return self._stack.enter_context(
            running(
                folder,
                policies=DATA / "policies",
                schemas=DATA / "schemas",
                database=database,
                environment=variables,
            )
        )

    def kill(self, place: int) -> None:
        """kill -9, and another in its place."""
        self.servers[place].process.kill()
        self.servers[place].process.wait()
        self.servers[place] = self._started()

    def close(self) -> None:
        """Stop them all."""
        self._stack.close()


@contextmanager
def replicas(folder: Path, database: str, sink: Sink) -> Iterator[Replicas]:
    """One server on SQLite, three on PostgreSQL."""
    found = Replicas(folder, database, sink, 3 if database.startswith("postgresql") else 1)
    try:
        yield found
    finally:
        found.close()


class Caller:
    """Asks for access again and again, each time until it is answered; then cancels some of it."""

    def __init__(self, number: int, found: Replicas, sink: Sink, stop: threading.Event) -> None:
        self.accepted: dict[str, tuple[str, dict[str, Any]]] = {}
        self.cancelled: set[str] = set()
        self.faults: list[str] = []
        self._number, self._replicas, self._sink, self._stop = number, found, sink, stop

    def run(self) -> None:
        """Until it is told to stop, or the servers answer what they never should."""
        turn = 0
        while not self._stop.is_set() and not self.faults:
            turn += 1
            key = f"{self._number}-{turn}"
            answer = self._sent("POST", "/access/v1/evaluation", question("manager-1"), key)
            callback = {"endpoint": f"{self._sink.url}/{key}", "state": key}
            body = question("manager-1") | {"denial": denial_of(answer), "callback": callback}
            task = self._sent("POST", "/access/v1/requests", body, key)["task"]["id"]
            self.accepted[key] = (task, body)
            if turn % 2:
                self._sent("DELETE", f"/access/v1/requests/{task}/cancel", None, key)
                self.cancelled.add(task)

    def _sent(self, method: str, path: str, body: Any, key: str) -> dict[str, Any]:
        attempt = self._number
        while True:
            attempt += 1
            server = self._replicas.servers[attempt % len(self._replicas.servers)]
            headers = PEP | {"Idempotency-Key": key}
            try:
                reply = httpx.request(method, server.url + path, json=body, headers=headers,
                                      timeout=10, trust_env=False)  # fmt: skip
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if reply.status_code == 503:
                continue
            # The first attempt may have been carried out although its answer was lost.
            ended = path.endswith("/cancel") and reply.status_code == 409
            if reply.status_code >= 300 and not ended:
                self.faults.append(f"{path}: {reply.status_code} {reply.text}")
                raise AssertionError(self.faults[-1])
            return dict(reply.json())


@pytest.mark.slow
def test_what_was_answered_survives_kill_9(tmp_path: Path, database_url: str, sink: Sink) -> None:
    stop = threading.Event()
    with replicas(tmp_path, database_url, sink) as found:
        callers = [Caller(number, found, sink, stop) for number in range(4)]
        threads = [threading.Thread(target=caller.run) for caller in callers]
        for thread in threads:
            thread.start()
        for kill in range(KILLS):
            time.sleep(1.0)
            found.kill(kill % len(found.servers))
        stop.set()
        for thread in threads:
            thread.join(60)
        assert [caller.faults for caller in callers] == [[]] * 4
        accepted = {key: each for caller in callers for key, each in caller.accepted.items()}
        cancelled = set().union(*(caller.cancelled for caller in callers))
        assert len(accepted) > KILLS
        url = found.servers[0].url
        for key, (task, body) in accepted.items():
            shown = httpx.get(f"{url}/access/v1/requests/{task}", headers=PEP, trust_env=False)
            wanted = "cancelled" if task in cancelled else ("pending", "cancelled")
            assert shown.json()["task"]["status"] in wanted
            again = httpx.post(f"{url}/access/v1/requests", json=body, trust_env=False,
                               headers=PEP | {"Idempotency-Key": key})  # fmt: skip
            assert again.json()["task"]["id"] == task
        told = _told(sink, cancelled)
        assert cancelled <= told
    _nothing_twice(database_url, {task for task, _ in accepted.values()})


def _told(sink: Sink, wanted: set[str]) -> set[str]:
    """Of which requests a callback has come, waiting a while for those that are wanted."""
    deadline = time.monotonic() + 90
    while True:
        # Of a sender that was killed half of a message may have come.
        whole = [each for each in list(sink.received) if each.body.endswith(b"}")]
        told = {each.json["task"]["id"] for each in whole}
        if wanted <= told or time.monotonic() > deadline:
            return told
        time.sleep(0.5)


def _nothing_twice(database: str, accepted: set[str]) -> None:
    db = Database.open(database)
    try:
        assert db.read(lambda s: audit_chain.verify(s)).fault is None
        events = db.read(lambda s: list(audit_chain.export(s)))
        created = Counter(each.task_id for each in events if each.event == "task.created")
        ended = Counter(each.task_id for each in events if each.event == "task.cancelled")
        assert accepted <= created.keys()
        assert set(created.values()) == {1} and set(ended.values()) <= {1}
        for task_id in created:
            row = db.read(lambda s, name=task_id: tasks.get(s, str(name)))  # type: ignore[misc]
            assert row is not None and row.denial is not None
            issuer, value = row.denial["issuer"], row.denial["token_id"]
            used = db.read(
                lambda s, i=issuer, v=value: denials_used.user_of(s, "jti", i, v)  # type: ignore[misc]
            )
            assert used is not None and used.task_id == task_id
    finally:
        db.close()
