"""The policy worlds of the conformance suites, served in this process or by a real `pdp serve`."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from starlette.testclient import TestClient

from pdp.app import Server
from pdp.ops.line_log import LineLog
from pdp.services import Services, utc_now
from pdp.settings import Settings
from tests.server import PEP_KEY, running

_DATA = Path(__file__).parent.parent / "data"
EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
SUBJECT_SEARCH = "/access/v1/search/subject"
RESOURCE_SEARCH = "/access/v1/search/resource"
ACTION_SEARCH = "/access/v1/search/action"
METADATA = "/.well-known/authzen-configuration"


class World(NamedTuple):
    """A policy folder, with or without its schema."""

    name: str
    with_schema: bool = True

    @property
    def policies(self) -> Path:
        """Its policy folder."""
        return _DATA / self.name / "policies"

    @property
    def schemas(self) -> Path | None:
        """Its schema folder."""
        return _DATA / self.name / "schemas" if self.with_schema else None


class Reply(NamedTuple):
    """What came back: status, headers with lower-case names, and the body as JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Pep:
    """A policy enforcement point: asks a server over HTTP.

    Args:
        client: speaks HTTP to the server.
        key: its API key; None sends no credential.
    """

    def __init__(self, client: Any, key: str | None = PEP_KEY) -> None:
        self.client = client
        self.key = key

    def with_key(self, key: str | None) -> "Pep":
        """The same server, asked by another caller."""
        return Pep(self.client, key)

    def send(self, method: str, path: str, content: bytes | None = None, **headers: str) -> Reply:
        """One exchange; `_` in a header's name stands for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            sent.setdefault("authorization", f"Bearer {self.key}")
        answer = self.client.request(method, path, content=content, headers=sent)
        is_json = "json" in answer.headers.get("content-type", "")
        found = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status_code, found, answer.json() if is_json else answer.text)

    def get(self, path: str, **headers: str) -> Reply:
        """A GET."""
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        """A POST of JSON."""
        answer = self.client.request(
            "POST",
            path,
            json=body,
            headers={
                **({} if self.key is None else {"authorization": f"Bearer {self.key}"}),
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        found = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status_code, found, answer.json())

    def decides(self, subject: Any, action: Any, resource: Any, **more: Any) -> bool:
        """The decision of one evaluation, after a look at the answer's shape."""
        asked = {"subject": subject, "action": action, "resource": resource, **more}
        return decision_of(self.post(EVALUATION, asked))

    def decides_each(self, asked: dict[str, Any]) -> list[bool]:
        """The decisions of a batch, after a look at the answer's shape."""
        reply = self.post(EVALUATIONS, asked)
        assert reply.status == 200, reply
        assert reply.headers["content-type"] == "application/json"
        for result in reply.body["evaluations"]:
            check_decision(result)
        return [result["decision"] for result in reply.body["evaluations"]]

    def finds(self, path: str, asked: dict[str, Any]) -> list[str]:
        """The ids or names of a search that fits into one page."""
        reply = self.post(path, asked)
        names = found_in(path, asked, reply)
        assert reply.body.get("page", {}).get("next_token", "") == "", reply
        return names


def decision_of(reply: Reply) -> bool:
    """The decision in a successful answer."""
    assert reply.status == 200, reply
    assert reply.headers["content-type"] == "application/json"
    check_decision(reply.body)
    decision: bool = reply.body["decision"]
    return decision


def check_decision(result: Any) -> None:
    """A decision object: a boolean, and at most a context that is an object."""
    assert type(result) is dict
    assert type(result["decision"]) is bool
    assert type(result.get("context", {})) is dict


def found_in(path: str, asked: Mapping[str, Any], reply: Reply) -> list[str]:
    """The ids or names in a search's answer, after a look at its shape."""
    assert reply.status == 200, reply
    assert reply.headers["content-type"] == "application/json"
    page = reply.body.get("page")
    if page is not None:
        assert type(page["next_token"]) is str
    results = reply.body["results"]
    assert type(results) is list
    if path == ACTION_SEARCH:
        assert all(set(result) == {"name"} for result in results)
        return [result["name"] for result in results]
    sought = "subject" if path == SUBJECT_SEARCH else "resource"
    assert all(result["type"] == asked[sought]["type"] for result in results)
    return [result["id"] for result in results]


@contextmanager
def in_process(world: World, folder: Path, **settings: Any) -> Iterator[Pep]:
    """The world served in this process, started and stopped as by `pdp serve`."""
    empty = folder / "no-schemas"
    empty.mkdir(exist_ok=True)
    chosen = {
        "demo": True,
        "database": f"sqlite:///{folder}/pdp.db",
        "policies": world.policies,
        "schemas": world.schemas or empty,
        **settings,
    }
    with TestClient(server_of(Settings(**chosen), folder)) as client:
        yield Pep(client)


def server_of(settings: Settings, folder: Path) -> Server:
    """A server in this process that writes its request log to `requests.log` in a folder."""
    services = Services(settings, utc_now)
    log = os.open(folder / "requests.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    services.line_log = LineLog(log)
    return Server(services)


@contextmanager
def served(world: World, folder: Path, workers: int) -> Iterator[Pep]:
    """The world served by processes of their own."""
    with (
        running(folder, policies=world.policies, schemas=world.schemas, workers=workers) as server,
        server.client(None) as client,
    ):
        yield Pep(client)


def copied(world: World, folder: Path) -> Path:
    """A copy of the world's policy folder that a test may change."""
    return Path(shutil.copytree(world.policies, folder / "policies"))
