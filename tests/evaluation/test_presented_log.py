"""What is recorded of a decision that rests on an approval: its reference, never its secrets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pdp.store import decisions
from pdp.store.engine import StoreUnavailable
from tests.access_request.approving import READ, approval_of, approved, approving, asked, record
from tests.access_request.world import Pdp


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Pdp]:
    """A PDP over an empty database."""
    with approving(f"sqlite:///{tmp_path}/pdp.db", tmp_path) as found:
        yield found


def test_the_record_names_the_approval_and_keeps_no_secret(server: Pdp) -> None:
    given = approved(server)
    approval = approval_of(given)
    assert asked(server, READ, approval)["decision"] is True
    assert asked(server, READ, {**approval, "id": "apr_other"})["decision"] is False
    server.services.decision_log.flush()
    page = server.services.database.read(
        lambda s: decisions.search(s, decisions.Search(), None, 100)
    )
    rows = [row.model_dump_json() for row in page.items]
    assert len(rows) == 3
    for row in rows:
        assert approval["id"] not in row
        assert approval["state"] not in row
        assert "apr_other" not in row
    (allowed,) = [row for row in page.items if row.decision]
    assert allowed.detail["approval"] == record(server, given).ref


@pytest.mark.parametrize("batch", [False, True])
def test_while_the_store_is_away_only_approvals_wait(
    server: Pdp, batch: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = approval_of(approved(server))

    async def away(work: object) -> None:
        raise StoreUnavailable("the database cannot be reached or is busy")

    monkeypatch.setattr(server.services.database, "apeek", away)
    with_approval = READ | {"context": {"approval": given}}
    path = "/access/v1/evaluation" + ("s" if batch else "")
    body = {"evaluations": [READ, with_approval]} if batch else with_approval
    reply = server.call("POST", path, body=body)
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    assert reply.headers["content-type"] == "application/problem+json"
    plain = {"evaluations": [READ]} if batch else READ
    assert server.call("POST", path, body=plain).status_code == 200
