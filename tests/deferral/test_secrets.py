"""No handle, token or approval id is anywhere in clear, but where it belongs."""

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.access_request.world import ALICE
from tests.background.sink import Sink, listening
from tests.deferral.world import AGENT, TOKEN, oauth_serving


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A client's endpoint."""
    with listening() as listener:
        yield listener


@pytest.mark.requirement("DTR-061", "DTR-033", "DTR-032")
def test_no_secret_is_kept_logged_counted_or_told(
    tmp_path: Path, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path, log = tmp_path / "pdp.db", tmp_path / "decisions.jsonl"
    outbound = {"allow_networks": ["127.0.0.0/8"], "allow_hosts": ["127.0.0.1"]}
    decisions = {"decisions": "file", "decisions_file": log}
    errors: list[str] = []
    with oauth_serving(f"sqlite:///{path}", outbound=outbound, log=decisions) as server:
        server.pdp.services.decision_log.start()
        contact = {
            "notification_endpoint": f"{sink.url}/cb",
            "client_notification_token": TOKEN,
        }
        codes = [
            server.deferred(name, **contact)
            for name in ("manager-1", "manager-2", "manager-3", "second-1", "visited-1")
        ]
        server.pdp.vote(server.kept()[0].task_id, "bob")
        server.pdp.vote(server.kept()[1].task_id, "bob", "deny")
        server.pdp.vote(server.kept()[3].task_id, "bob")
        hinted = {"client": AGENT, "login_hint": codes[2]}
        ciba = server.post("/backchannel-requests", hinted).json()["auth_req_id"]
        _kept_in_clear(path, [*codes, ciba, TOKEN])
        server.later(5)
        granted = server.poll(codes[0], idem="k").json()["approval"]["id"]
        server.revoke(codes[2])
        for code in codes:
            for who in (AGENT, {"id": "other"}):
                errors.append(server.poll(code, who).text)
        errors.append(server.post("/backchannel-requests", hinted).text)
        errors.append(server.request("manager-1", approval={"id": granted}, scope="x").text)
        body = {"client": AGENT, "grant_type": "x", "subject": ALICE, "scope": 7, **contact}
        errors.append(server.post("/token-requests", body).text)
        server.later(3 * 86_400 + 120)
        metrics = server.pdp.call("GET", "/metrics", None).text
        audit = server.pdp.call("GET", "/admin/v1/audit?limit=200", "admin").text
        outbox = server.pdp.call("GET", "/admin/v1/outbox?limit=200", "admin").text
        queue = server.pdp.call("GET", "/queue/v1/tasks?limit=100", "as-1").text
        server.pdp.services.decision_log.close()
    secrets = [*codes, ciba, TOKEN, granted]
    assert '"decision' in log.read_text("utf-8") or log.read_text("utf-8")
    told = [metrics, audit, outbox, queue, log.read_text("utf-8"), caplog.text, *errors]
    for secret in secrets:
        for text in told:
            assert secret not in text
    _kept_in_clear(path, secrets)
    assert {each.path for each in sink.received} == {"/cb"}


def _kept_in_clear(path: Path, secrets: list[str]) -> None:
    with sqlite3.connect(path) as connection:
        dump = "\n".join(connection.iterdump())
    raw = b"".join(each.read_bytes() for each in path.parent.glob("pdp.db*"))
    for secret in secrets:
        assert secret not in dump
        assert secret.encode() not in raw
        assert secret.encode().hex() not in dump.lower()
