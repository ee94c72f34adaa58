"""A caller that asks until it is answered, whatever becomes of the servers meanwhile."""

import threading
import time
from typing import Any, NamedTuple

import httpx

from tests.access_request.fleet import Fleet
from tests.access_request.world import REQUESTS, denial_of, question
from tests.background.sink import Sink

_PATIENCE_SECONDS = 120.0
_RESOURCE = "manager-1"
_ENDS = ("approved", "denied", "cancelled", "pending")
"""What becomes of one request after the other."""


class Accepted(NamedTuple):
    """A request that was answered with 201 or 202, and what came of it."""

    key: str
    task_id: str
    body: dict[str, Any]
    wanted: str


class Caller(threading.Thread):
    """Asks for access and ends it in one way after another, and keeps what was answered.

    Attributes:
        accepted: what must be there for ever.
        settled: the requests whose end was answered.
        permitted: how often an approval led to a permit.
        fault: what no server should have done; None if all went well.
    """

    def __init__(self, number: int, fleet: Fleet, sink: Sink, stop: threading.Event) -> None:
        super().__init__(name=f"caller-{number}")
        self.accepted: list[Accepted] = []
        self.settled: set[str] = set()
        self.permitted = 0
        self.fault: BaseException | None = None
        self._number, self._fleet, self._sink, self._stopping = number, fleet, sink, stop
        self._turn = 0
        self._attempts = number

    def run(self) -> None:
        """Until it is told to stop, or something is wrong."""
        try:
            with httpx.Client(timeout=20, trust_env=False) as self._http:
                while not self._stopping.is_set():
                    self._once()
        except BaseException as fault:  # noqa: BLE001 - told by the test
            self.fault = fault

    def _once(self) -> None:
        self._turn += 1
        key = f"{self._number}-{self._turn}"
        denied = self._sent("POST", "/access/v1/evaluation", question(_RESOURCE))
        callback = {"endpoint": f"{self._sink.url}/{key}", "state": key}
        body = question(_RESOURCE) | {"denial": denial_of(denied), "callback": callback}
        task_id = self._sent("POST", REQUESTS, body, key=key)["task"]["id"]
        wanted = _ENDS[self._turn % len(_ENDS)]
        self.accepted.append(Accepted(key, task_id, body, wanted))
        if wanted == "pending":
            return
        if wanted == "cancelled":
            self._sent("DELETE", f"{REQUESTS}/{task_id}/cancel", again=409)
        else:
            self._decide(task_id, wanted)
        shown = self._sent("GET", f"{REQUESTS}/{task_id}")
        assert shown["task"]["status"] == wanted, shown
        self.settled.add(task_id)
        if wanted == "approved":
            approval = {name: shown["result"]["approval"][name] for name in ("id", "state")}
            asked = question(_RESOURCE) | {"context": {"approval": approval}}
            answer = self._sent("POST", "/access/v1/evaluation", asked)
            assert answer["decision"] is True, answer
            self.permitted += 1

    def _decide(self, task_id: str, wanted: str) -> None:
        vote = {
            "decision": "approve" if wanted == "approved" else "deny",
            "approver": {"type": "user", "id": "bob"},
        }
        path = f"/queue/v1/tasks/{task_id}/decisions"
        self._sent("POST", path, vote, caller="inbox", again=409)

    def _sent(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        caller: str = "pep",
        again: int | None = None,
    ) -> dict[str, Any]:
        """The answer, sooner or later; `again` says that an attempt before was carried out."""
        headers = {"Authorization": f"Bearer {caller}"} | ({"Idempotency-Key": key} if key else {})
        deadline = time.monotonic() + _PATIENCE_SECONDS
        tried = False
        while time.monotonic() < deadline:
            self._attempts += 1
            servers = self._fleet.servers
            if not servers:
                time.sleep(0.05)
                continue
            url = servers[self._attempts % len(servers)].url + path
            try:
                reply = self._http.request(method, url, json=body, headers=headers)
            except httpx.TransportError:
                tried = True
                time.sleep(0.02)
                continue
            if reply.status_code == 503:
                tried = True
                time.sleep(0.02)
                continue
            if tried and reply.status_code == again:
                return {}
            assert reply.status_code < 300, f"{method} {path}: {reply.status_code} {reply.text}"
            return dict(reply.json())
        raise AssertionError(f"{method} {path}: no answer")
