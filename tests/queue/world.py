"""A PDP with approvers, connected servers and their queues, in this process."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pdp.core.values import JsonObject
from tests.access_request.world import Pdp, Reply, client, serving

DATA = Path(__file__).parent.parent / "data" / "queue"
TASKS = "/queue/v1/tasks"
CLIENTS = [
    client("pep", "pep"),
    client("as-1", "as"),
    client("as-2", "as"),
    client("inbox", "approver_proxy"),
    client("both", "as", "approver_proxy"),
    client("admin", "admin"),
    client("auditor", "auditor"),
]
_PEOPLE = {"partner": "service"}


def person(name: str) -> JsonObject:
    """An approver as callers name it."""
    return {"type": _PEOPLE.get(name, "user"), "id": name}


class Queue:
    """The hands of approvers on a PDP."""

    def __init__(self, pdp: Pdp) -> None:
        self.pdp = pdp

    def request(self, resource: str, key: str = "as-1", **more: Any) -> str:
        """The id of a request that was just opened for Alice, through a connected server."""
        return str(self.pdp.opened(resource, key, **more)["id"])

    def bundle(self, *resources: str, key: str = "as-1") -> str:
        """The id of a request for several things."""
        asked = [self.pdp.denied(resource, key) for resource in resources]
        members = ("resource", "action", "denial")
        items = [{name: each[name] for name in members} for each in asked]
        reply = self.pdp.submit({"subject": asked[0]["subject"], "items": items}, key)
        assert reply.status_code == 202, reply.text
        return str(reply.json()["task"]["id"])

    def get(self, path: str, key: str = "inbox", **query: Any) -> Reply:
        """Read something."""
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return self.pdp.call("GET", f"{path}?{asked}" if asked else path, key)

    def post(self, path: str, body: Any, key: str = "inbox", **headers: str) -> Reply:
        """Do something."""
        return self.pdp.call("POST", path, key, body, **headers)

    def decide(self, task: str, who: str | None, decision: str = "approve", **more: Any) -> Reply:
        """A decision; `key` and `headers` of it by name."""
        key = more.pop("key", "inbox")
        headers: Mapping[str, str] = more.pop("headers", {})
        body = {"decision": decision} | more
        if who is not None:
            body["approver"] = person(who)
        return self.post(f"{TASKS}/{task}/decisions", body, key, **headers)

    def task(self, task: str, key: str = "inbox", **query: Any) -> JsonObject:
        """A request whole."""
        reply = self.get(f"{TASKS}/{task}", key, **query)
        assert reply.status_code == 200, reply.text
        return dict(reply.json()["task"])

    def ids(self, key: str = "inbox", **query: Any) -> list[str]:
        """The ids of the first page of requests."""
        reply = self.get(TASKS, key, **query)
        assert reply.status_code == 200, reply.text
        return [item["id"] for item in reply.json()["items"]]


@contextmanager
def queue_over(database: str, folder: Path, **more: Any) -> Iterator[Queue]:
    """A queue over an empty database; `folder` holds no schema."""
    settings = {"policies": DATA / "policies", "schemas": folder, "clients": CLIENTS} | more
    with serving(database, **settings) as pdp:
        yield Queue(pdp)
