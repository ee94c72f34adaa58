"""`limits.depth` holds for every JSON body."""

from pathlib import Path
from typing import Any

import pytest

from pdp.settings import LimitSettings
from tests.conformance.worlds import World, in_process

QUESTION = {
    "subject": {"type": "user", "id": "alice"},
    "action": {"name": "read"},
    "resource": {"type": "record", "id": "101"},
}


def nested(levels: int) -> Any:
    """So many arrays in each other."""
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(("limit", "deepest"), [(8, 8), (100, 100)])
def test_the_limit_on_depth_is_the_configured_one(tmp_path: Path, limit: int, deepest: int) -> None:
    limits = LimitSettings(depth=limit)
    with in_process(World("certification"), tmp_path, limits=limits) as pep:
        for path in ("/access/v1/evaluation", "/access/v1/search/action"):
            fits = pep.post(path, QUESTION | {"context": {"deep": nested(deepest - 2)}})
            assert fits.status == 200, path
            beyond = pep.post(path, QUESTION | {"context": {"deep": nested(deepest - 1)}})
            assert (beyond.status, beyond.body["fault"]) == (400, "depth"), path
        admin = pep.with_key("demo-admin-key")
        put = {"attrs": {"deep": nested(deepest)}, "parents": []}
        reply = admin.client.put(
            "/admin/v1/entities/User/u", json=put, headers={"authorization": f"Bearer {admin.key}"}
        )
        assert (reply.status_code, reply.json()["fault"]) == (400, "depth")
