"""Replicas in this process: one folder, one database, each with its own threads."""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.testclient import TestClient

from pdp.settings import ClientSettings, Settings
from tests.conformance.worlds import server_of

ENTITIES = "/admin/v1/entities"
DECISIONS = "/admin/v1/decisions"
POLICIES = "/admin/v1/policies"
AUDITOR_KEY = "auditor-key"
_MASTER_KEY = base64.b64encode(b"a master key for tests, 32 bytes").decode()
_POLICIES = """\
@id("staff-read")
permit (principal in Group::"staff", action == Action::"read", resource is Document);

@id("never-secret")
forbid (principal, action, resource is Document)
when { resource has secret && resource.secret };
"""
_SCHEMA = """\
entity Group;
entity User in [Group] = { level?: Long };
entity Document = { secret?: Bool };
action read appliesTo { principal: User, resource: Document };
"""


def world(folder: Path) -> Path:
    """Write policies, a schema and one stored user."""
    for name in ("policies", "schemas"):
        (folder / name).mkdir()
    (folder / "policies/main.cedar").write_text(_POLICIES)
    (folder / "schemas/main.cedarschema").write_text(_SCHEMA)
    entities = [user("alice", "staff"), {"uid": {"type": "Group", "id": "staff"}}]
    entities[1] |= {"attrs": {}, "parents": []}
    (folder / "policies/entities.json").write_text(json.dumps(entities))
    return folder


def user(name: str, *groups: str, **attributes: Any) -> dict[str, Any]:
    """A user as a Cedar entity."""
    return {
        "uid": {"type": "User", "id": name},
        "attrs": attributes,
        "parents": [{"type": "Group", "id": group} for group in groups],
    }


class Replica:
    """Calls one replica."""

    def __init__(self, client: TestClient) -> None:
        self._client = client

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        key: str | None = "demo-admin-key",
        **headers: str,
    ) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["authorization"] = f"Bearer {key}"
        content = None if body is None else json.dumps(body)
        if content is not None:
            sent["content-type"] = "application/json"
        answer = self._client.request(method, path, content=content, headers=sent)
        return httpx.Response(
            answer.status_code, headers=dict(answer.headers), content=answer.content
        )

    def may_read(self, name: str, document: str = "plan", **properties: Any) -> bool:
        """Whether a user may read a document."""
        subject: dict[str, Any] = {"type": "user", "id": name}
        if properties:
            subject["properties"] = properties
        asked = {
            "subject": subject,
            "action": {"name": "read"},
            "resource": {"type": "document", "id": document},
        }
        answer = self("POST", "/access/v1/evaluation", asked, "demo-pep-key")
        assert answer.status_code == 200, answer.text
        decision: bool = answer.json()["decision"]
        return decision


@contextmanager
def replica(folder: Path, database: str, **settings: Any) -> Iterator[Replica]:
    """Start a replica and stop it at the end."""
    chosen = {
        "demo": True,
        "database": database,
        "policies": folder / "policies",
        "schemas": folder / "schemas",
        "keys": {"master_key": _MASTER_KEY},
        "clients": [
            ClientSettings(
                id="auditor",
                key_sha256=hashlib.sha256(AUDITOR_KEY.encode()).hexdigest(),
                roles=["auditor"],
            )
        ],
        **settings,
    }
    with TestClient(server_of(Settings(**chosen), folder)) as client:
        yield Replica(client)


def eventually(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether something comes true before long."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
