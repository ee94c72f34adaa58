"""A PDP in this process whose clock stands still until it is moved, asked over HTTP."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx

from pdp.access_request.case import Case, load_case
from pdp.access_request.transition import keep
from pdp.app import Server
from pdp.core.cause import Cause
from pdp.core.task import Decision, open_questions
from pdp.core.task_ballot import Ballot
from pdp.core.task_vote import vote
from pdp.core.values import JsonObject
from pdp.services import Services
from pdp.settings import Settings
from pdp.store import audit_chain, outbox_admin
from pdp.store.audit import AuditRecord
from pdp.store.outbox import Job

NOW = datetime(2026, 4, 30, 20, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BASE = "https://pdp.example.com"
REQUESTS = "/access/v1/requests"
DATA = Path(__file__).parent.parent / "data" / "requests"
ALICE = {"type": "user", "id": "alice"}
TIM = {"type": "user", "id": "tim"}

Reply = httpx.Response


def client(name: str, *roles: str, **more: Any) -> JsonObject:
    """The settings of a client whose key is its name."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return {"id": name, "key_sha256": digest, "roles": list(roles), **more}


CLIENTS = [
    client("pep", "pep"),
    client("other", "pep"),
    client("narrow", "pep", acts_for=['User::"tim"']),
    client("admin", "admin"),
    client("auditor", "auditor"),
    client("inbox", "approver_proxy"),
]


class Pdp:
    """A server over the world of `tests/data/requests`, and the hands of its people."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.now = NOW

    @property
    def services(self) -> Services:
        """Its parts."""
        return self.server.services

    def call(
        self, method: str, path: str, key: str | None = "pep", body: Any = None, **headers: str
    ) -> Reply:
        """One exchange; `_` in a header's name stands for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent.setdefault("authorization", f"Bearer {key}")

        address = httpx.URL(BASE).join(path)
        if isinstance(body, bytes):
            sent.setdefault("content-type", "application/json")
            request = httpx.Request(method, address, headers=sent, content=body)
        else:
            request = httpx.Request(method, address, headers=sent, json=body)
        return self.at_once(request)[0]

    def at_once(self, *requests: httpx.Request) -> list[Reply]:
        """Several exchanges at the same time; the answers in the order of the requests."""
        replies: dict[int, Reply] = {}

        async def exchange(place: int, http: httpx.AsyncClient) -> None:
            replies[place] = await http.send(requests[place])

        async def all_of_them() -> None:
            transport = httpx.ASGITransport(self.server)
            async with (
                httpx.AsyncClient(transport=transport) as http,
                anyio.create_task_group() as group,
            ):
                for place in range(len(requests)):
                    group.start_soon(exchange, place, http)

        anyio.run(all_of_them)
        return [replies[place] for place in range(len(requests))]

    def denied(self, resource: str, key: str = "pep", **more: Any) -> JsonObject:
        """The body of a submission for a denial that was just given."""
        asked = question(resource) | more
        reply = self.call("POST", "/access/v1/evaluation", key, asked)
        assert reply.status_code == 200, reply.text
        return asked | {"denial": denial_of(reply.json())}

    def submit(self, body: Any, key: str = "pep", **headers: str) -> Reply:
        """A submission."""
        return self.call("POST", REQUESTS, key, body, **headers)

    def opened(self, resource: str, key: str = "pep", **more: Any) -> JsonObject:
        """The task of a request that was accepted."""
        reply = self.submit(self.denied(resource, key) | more, key)
        assert reply.status_code in (201, 202), reply.text
        return dict(reply.json()["task"])

    def status(self, task_id: str, key: str | None = "pep", **headers: str) -> Reply:
        """The Task Status Endpoint."""
        return self.call("GET", f"{REQUESTS}/{task_id}", key, **headers)

    def cancel(
        self, task_id: str, key: str | None = "pep", body: Any = None, method: str = "POST"
    ) -> Reply:
        """The cancellation of a request."""
        return self.call(method, f"{REQUESTS}/{task_id}/cancel", key, body)

    def evaluate(self, resource: str, approval: Any = None, **more: Any) -> JsonObject:
        """The answer to an evaluation, with an approval presented."""
        asked = question(resource) | more
        if approval is not None:
            asked["context"] = {**asked.get("context", {}), "approval": approval}
        reply = self.call("POST", "/access/v1/evaluation", body=asked)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def vote(self, task_id: str, name: str, decision: Decision = "approve", **terms: Any) -> Case:
        """Have a person decide whom policy permits everything."""

        def decide(session: Any) -> Case:
            case = load_case(session, task_id)
            assert case is not None
            permitted = {each: ("managers-approve",) for each in open_questions(case.task)}
            ballot = Ballot(("User", name), decision, **terms)
            change = vote(case.task, ballot, permitted, self.now)
            assert change.refusal is None, change.refusal
            cause = Cause("User", name)
            kept = keep(session, self.services.desk, case, change, cause=cause, now=self.now)
            assert kept is not None
            return kept

        return self.services.database.write(decide)

    def later(self, delay: timedelta) -> None:
        """Let time pass, and have done what is due by then."""
        self.now += delay
        self.services.runner.run_due(self.now)

    def audit(self, task_id: str) -> list[AuditRecord]:
        """What was recorded of a task, in order."""
        return self.services.database.read(lambda s: audit_chain.of_task(s, task_id))

    def events(self, task_id: str) -> list[str]:
        """The names of what was recorded of a task, in order."""
        return [record.event for record in self.audit(task_id)]

    def jobs(self, task_id: str, kind: str) -> list[Job]:
        """The jobs of a kind that a task has waiting."""
        found = self.services.database.read(lambda s: outbox_admin.of_task(s, task_id))
        return [job for job in found if job.kind == kind and job.done_at is None]

    def verified(self) -> bool:
        """Whether the whole audit holds."""
        return self.services.database.read(lambda s: audit_chain.verify(s)).fault is None


def question(resource: str, subject: Mapping[str, Any] = ALICE) -> JsonObject:
    """May Alice read a document?"""
    return {
        "subject": dict(subject),
        "action": {"name": "read"},
        "resource": {"type": "doc", "id": resource},
    }


def denial_of(answer: JsonObject) -> JsonObject:
    """The `denial` that a PEP echoes of a requestable denial."""
    context = answer["context"]
    hint = context["access_request"]
    return {
        "evaluation_id": context["evaluation_id"],
        "expires_at": hint["expires_at"],
        "binding_token": hint["binding_token"],
        "template": hint["template"],
        "reason": context["reason"],
    }


def problem(reply: Reply, status: int, name: str, *pointers: str) -> JsonObject:
    """The problem of a refusal, after a look at its shape."""
    body = dict(reply.json())
    assert (reply.status_code, body["type"].rpartition(":")[2]) == (status, name), body
    assert reply.headers["content-type"] == "application/problem+json"
    assert body["status"] == status
    assert [each["pointer"] for each in body.get("errors", [])] == list(pointers), body
    return body


@contextmanager
def serving(database: str, **more: Any) -> Iterator[Pdp]:
    """A server over a database, its clock at `NOW`."""
    settings = Settings(
        **(
            {
                "base_url": BASE,
                "database": database,
                "policies": DATA / "policies",
                "schemas": DATA / "schemas",
                "clients": CLIENTS,
                "keys": {"master_key": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="},
                "secrets": {"partner": "whsec_" + "c2VjcmV0" * 4},
            }
            | more
        )
    )
    holder: list[Pdp] = []
    server = Server(Services(settings, lambda: holder[0].now if holder else NOW))
    holder.append(Pdp(server))
    try:
        yield holder[0]
    finally:
        server.services.close()
