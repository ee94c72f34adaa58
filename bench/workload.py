"""What is measured: ten policies, one 400-byte question, four entities."""

import json
from pathlib import Path
from typing import Any

POLICIES = """
@id("staff-read-public")
permit (principal in Group::"staff", action == Action::"read", resource in Folder::"public");
@id("owner-anything")
permit (principal is User, action in [Action::"read", Action::"write"], resource is Document)
when { resource has owner && resource.owner == principal.email };
@id("department-read")
permit (principal in Group::"staff", action == Action::"read", resource is Document)
when { resource.department == principal.department && principal.clearance >= resource.level };
@id("admins")
permit (principal in Group::"admins", action, resource);
@id("auditors-read")
permit (principal in Group::"auditors", action == Action::"read", resource);
@id("share")
permit (principal in Group::"staff", action == Action::"share", resource is Document)
when { context has device && context.device.managed };
@id("no-secret-from-outside")
forbid (principal, action, resource is Document)
when { resource.level > 3 && !(context has network && context.network == "internal") };
@id("suspended")
forbid (principal in Group::"suspended", action, resource);
@id("archive-is-read-only")
forbid (principal, action == Action::"write", resource in Folder::"archive");
@id("write-needs-device")
forbid (principal, action == Action::"write", resource)
unless { context has device && context.device.managed };
"""

ENTITIES: list[dict[str, Any]] = [
    {
        "uid": {"type": "User", "id": "alice@example.com"},
        "attrs": {"email": "alice@example.com", "department": "sales", "clearance": 3},
        "parents": [{"type": "Group", "id": "staff"}],
    },
    {"uid": {"type": "Group", "id": "staff"}, "attrs": {}, "parents": []},
    {
        "uid": {"type": "Document", "id": "plan-7"},
        "attrs": {"owner": "bob@example.com", "department": "sales", "level": 2},
        "parents": [{"type": "Folder", "id": "plans"}],
    },
    {"uid": {"type": "Folder", "id": "plans"}, "attrs": {}, "parents": []},
]

QUESTION: dict[str, Any] = {
    "subject": {"type": "user", "id": "alice@example.com"},
    "action": {"name": "read"},
    "resource": {"type": "document", "id": "plan-7"},
    "context": {
        "network": "internal",
        "device": {"id": "laptop-4815", "managed": True, "os": "linux", "version": "6.1.0-18"},
        "session": {
            "id": "s-93c1b6d24a",
            "acr": "urn:example:acr:2",
            "started": "2026-05-01T08:30",
        },
        "trace": "0af7651916cd43dd8448eb211c80319c",
    },
}
BODY = json.dumps(QUESTION).encode()


def write_folder(folder: Path) -> None:
    """The policies and entities as a policy folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.cedar").write_text(POLICIES, "utf-8")
    (folder / "entities.json").write_text(json.dumps(ENTITIES), "utf-8")
