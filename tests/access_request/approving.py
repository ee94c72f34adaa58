"""A PDP over `tests/data/approvals`, with requests that were approved there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pdp.core.values import JsonObject
from pdp.store import approvals
from pdp.store.approvals import Approval
from tests.access_request.world import Pdp, Reply, denial_of, serving

WORLD = Path(__file__).parent.parent / "data" / "approvals" / "policies"
READ: JsonObject = {
    "subject": {"type": "user", "id": "alice"},
    "action": {"name": "read"},
    "resource": {"type": "document", "id": "e1"},
}
PAY: JsonObject = READ | {"action": {"name": "pay"}, "resource": {"type": "account", "id": "a1"}}
OPEN: JsonObject = READ | {
    "action": {"name": "open"},
    "resource": {"type": "folder", "id": "vault"},
}
EMERGENCY = {"emergency": True, "justification": "the sprinklers have gone off in the vault"}


@contextmanager
def approving(database: str, folder: Path, **settings: Any) -> Iterator[Pdp]:
    """The PDP; `folder` stands for its empty schema folder."""
    with serving(database, policies=WORLD, schemas=folder, **settings) as found:
        yield found


def asked(pdp: Pdp, question: JsonObject, approval: Any = None, key: str = "pep") -> JsonObject:
    """The answer to an evaluation."""
    body = dict(question)
    if approval is not None:
        body["context"] = {**question.get("context", {}), "approval": approval}
    reply = pdp.call("POST", "/access/v1/evaluation", key, body)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def requested(pdp: Pdp, question: JsonObject, **more: Any) -> JsonObject:
    """A request for what is asked; its task."""
    body = question | {"denial": denial_of(asked(pdp, question))} | more
    reply = pdp.submit(body)
    assert reply.status_code == 202, reply.text
    return dict(reply.json()["task"])


def approved(pdp: Pdp, question: JsonObject = READ, by: str = "lee", **more: Any) -> JsonObject:
    """A request that somebody approved: the result that the PEP polls."""
    task = requested(pdp, question, **more)
    pdp.vote(task["id"], by)
    body: JsonObject = pdp.status(task["id"]).json()
    return body


def approval_of(body: JsonObject) -> JsonObject:
    """The approval of a task's result, as the PEP presents it."""
    found: JsonObject = body["result"]["approval"]
    return found


def record(pdp: Pdp, body: JsonObject) -> Approval:
    """The record of the approval of a task."""
    rows = pdp.services.database.read(lambda s: approvals.of_task(s, body["task"]["id"]))
    assert len(rows) == 1
    return rows[0]


def revoked(pdp: Pdp, ref: str, key: str, body: JsonObject | None = None) -> Reply:
    """A call that ends an approval."""
    return pdp.call("POST", f"/queue/v1/approvals/{ref}/revoke", key, body or {})


def person(name: str) -> JsonObject:
    """Who acts, as an inbox says it."""
    return {"approver": {"type": "user", "id": name}}
