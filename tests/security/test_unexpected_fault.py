"""A fault that nobody foresaw is answered as a problem, and tells the caller nothing."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pdp.settings import Settings
from tests.conformance.worlds import World, server_of


@pytest.mark.requirement("AZ-007")
def test_an_unforeseen_fault_is_a_problem_without_its_cause(tmp_path: Path) -> None:
    world = World("certification")
    chosen = Settings(
        demo=True,
        database=f"sqlite:///{tmp_path}/pdp.db",
        policies=world.policies,
        schemas=world.schemas or tmp_path,
    )
    server = server_of(chosen, tmp_path)

    @server.api.get("/fault")
    def fault() -> None:
        raise RuntimeError("the password is swordfish")

    with TestClient(server) as client:
        answer = client.get("/fault", headers={"x-request-id": "mine"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "mine"
    assert "swordfish" not in answer.text
    assert "swordfish" in (tmp_path / "requests.log").read_text()
