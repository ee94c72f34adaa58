"""ARAP task callbacks, over a real socket and the guarded client."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pdp.background.callbacks import KIND, callback_handler, wants
from pdp.background.credentials import Bearer, Credential, Credentials, Hmac, derived_secret
from pdp.background.deliveries import SIGNATURE_TYPE, Deliverer, body_digest
from pdp.background.outbound_poster import OutboundPoster, retry_after
from pdp.background.runner import Runner
from pdp.core.values import JsonObject
from pdp.settings import OutboundSettings
from pdp.store import outbox, outbox_admin, tasks
from pdp.store.engine import Database
from pdp.store.outbox import Job
from pdp.trust.keys import KeyRing
from pdp.trust.outbound import Outbound
from pdp.trust.webhook_signature import verify
from tests.background.sink import Sink
from tests.contract.make import NOW, task

SECRET = b"s" * 32
ISSUER = "https://pdp.example.com"
BY_HMAC = Hmac((SECRET,))


class Handles:
    """Shows every task as approved."""

    def callback_body(self, task_id: str, event: str, now: datetime) -> JsonObject | None:
        if task_id == "arq_unseen":
            return None
        return {"task": {"id": task_id, "status": event}, "result": {"mode": "reevaluate"}}


class Setting:
    """A runner that does callbacks."""

    def __init__(
        self,
        db: Database,
        keys: KeyRing,
        poster: OutboundPoster,
        credential: Credential | None = BY_HMAC,
    ) -> None:
        configured = {"pep-1": credential} if credential else {}
        deliverer = Deliverer(poster, keys, ISSUER)
        handler = callback_handler(db, Handles(), deliverer, Credentials(keys, configured))
        self.db = db
        self.runner = Runner(db, {KIND: handler}, lambda: NOW, "r")

    def submit(self, endpoint: str, name: str = "arq_1", **callback: Any) -> None:
        registered = {"endpoint": endpoint, **callback}
        self.db.write(lambda s: tasks.create(s, task(name, callback=registered)))

    def put(self, event: str = "approved", name: str = "arq_1") -> None:
        job = Job(
            kind=KIND, ordering_key=f"callback:{name}", task_id=name, payload={"event": event},
            created_at=NOW, run_at=NOW,
        )  # fmt: skip
        self.db.write(lambda session: outbox.put(session, job))

    def job(self, seq: int = 1) -> Job:
        found = self.db.read(lambda session: outbox_admin.get(session, seq))
        assert found is not None
        return found


@pytest.fixture
def setting(db: Database, keys: KeyRing, poster: OutboundPoster) -> Setting:
    return Setting(db, keys, poster)


@pytest.mark.requirement("ARAP-212")
@pytest.mark.requirement("ARAP-213")
def test_a_callback_carries_state_task_and_result(setting: Setting, sink: Sink) -> None:
    state = {"opaque": ["é", 1.0, None]}
    setting.submit(sink.url + "/cb", state=state)
    setting.put()
    setting.runner.run_due(NOW)
    (received,) = sink.received
    assert received.path == "/cb"
    assert received.headers["content-type"] == "application/json"
    assert received.json == {
        "state": state,
        "task": {"id": "arq_1", "status": "approved"},
        "result": {"mode": "reevaluate"},
    }
    assert setting.job().done_at == NOW


def test_a_submission_without_state_gets_none(setting: Setting, sink: Sink) -> None:
    setting.submit(sink.url)
    setting.put()
    setting.runner.run_due(NOW)
    assert "state" not in sink.received[0].json


@pytest.mark.requirement("ARAP-215")
def test_a_callback_is_signed_by_hmac_and_by_the_published_key(
    setting: Setting, sink: Sink, keys: KeyRing
) -> None:
    setting.submit(sink.url + "/cb")
    setting.put()
    setting.runner.run_due(NOW)
    (received,) = sink.received
    message_id = verify(received.headers, received.body, [SECRET], NOW)
    claims = keys.verify(received.headers["pdp-signature"], SIGNATURE_TYPE)
    assert claims == {
        "iss": ISSUER,
        "aud": sink.url + "/cb",
        "jti": message_id,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 300,
        "body_sha256": body_digest(received.body),
    }
    assert "authorization" not in received.headers


@pytest.mark.requirement("ARAP-215")
def test_a_caller_with_a_bearer_token_gets_that_and_the_signature(
    db: Database, keys: KeyRing, poster: OutboundPoster, sink: Sink
) -> None:
    setting = Setting(db, keys, poster, Bearer("t0ken"))
    setting.submit(sink.url)
    setting.put()
    setting.runner.run_due(NOW)
    headers = sink.received[0].headers
    assert headers["authorization"] == "Bearer t0ken"
    assert "pdp-signature" in headers
    assert "webhook-signature" not in headers


@pytest.mark.requirement("ARAP-215")
def test_a_caller_for_which_nothing_is_configured_gets_hmac_by_its_own_secret(
    db: Database, keys: KeyRing, poster: OutboundPoster, sink: Sink
) -> None:
    setting = Setting(db, keys, poster, None)
    setting.submit(sink.url)
    setting.put()
    setting.runner.run_due(NOW)
    (received,) = sink.received
    assert verify(received.headers, received.body, [derived_secret(keys, "pep-1")], NOW)
    assert derived_secret(keys, "pep-1") != derived_secret(keys, "pep-2")


@pytest.mark.requirement("ARAP-214")
def test_only_events_that_were_asked_for_are_told(setting: Setting, sink: Sink) -> None:
    setting.submit(sink.url, events=["approved"])
    setting.put("denied")
    setting.put("approved")
    setting.runner.run_due(NOW)
    assert [each.json["task"]["status"] for each in sink.received] == ["approved"]
    assert not wants(None, "approved")
    assert wants({"endpoint": "https://a"}, "partial")
    assert not wants({"events": []}, "approved")


@pytest.mark.parametrize("status", [500, 404, 301, 302, 307, 400, 429])
def test_anything_but_2xx_is_tried_again_with_the_same_id(
    setting: Setting, sink: Sink, status: int
) -> None:
    sink.answer_next(status, location=sink.url + "/elsewhere")
    setting.submit(sink.url + "/cb")
    setting.put()
    setting.runner.run_due(NOW)
    failed = setting.job()
    assert failed.done_at is None
    assert failed.last_error == f"the endpoint answered {status}"
    setting.runner.run_due(NOW + timedelta(seconds=6))
    assert [each.path for each in sink.received] == ["/cb", "/cb"]
    first, second = (each.headers for each in sink.received)
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-timestamp"] != second["webhook-timestamp"]
    assert setting.job().done_at is not None


def test_410_ends_the_attempts(setting: Setting, sink: Sink) -> None:
    sink.answer_next(410)
    setting.submit(sink.url)
    setting.put()
    setting.runner.run_due(NOW)
    assert setting.job().dead_at == NOW


def test_an_endpoint_that_asks_for_time_gets_it(setting: Setting, sink: Sink) -> None:
    sink.answer_next(503, retry_after="120")
    setting.submit(sink.url)
    setting.put()
    setting.runner.run_due(NOW)
    assert setting.job().ready_at == NOW + timedelta(minutes=2)
    later = "Mon, 23 Nov 2026 12:03:00 GMT"
    assert retry_after(later, NOW) == timedelta(minutes=3) - timedelta(microseconds=123456)
    assert retry_after("Mon, 23 Nov 2020 12:03:00 GMT", NOW) == timedelta(0)
    assert retry_after("soon", NOW) is None


def test_callbacks_of_one_task_arrive_in_order(setting: Setting, sink: Sink) -> None:
    sink.answer_next(500)
    setting.submit(sink.url)
    setting.put("approved")
    setting.put("denied")
    setting.submit(sink.url, "arq_2")
    setting.put("approved", "arq_2")
    setting.runner.run_due(NOW)
    setting.runner.run_due(NOW + timedelta(seconds=6))
    told = [(each.json["task"]["id"], each.json["task"]["status"]) for each in sink.received]
    assert told == [
        ("arq_1", "approved"), ("arq_2", "approved"), ("arq_1", "approved"), ("arq_1", "denied"),
    ]  # fmt: skip


@pytest.mark.requirement("ARAP-210")
def test_an_endpoint_that_came_to_lead_inside_is_not_called(
    db: Database, keys: KeyRing, sink: Sink
) -> None:
    async def rebound(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    guarded = OutboundPoster(Outbound(OutboundSettings(), rebound), lambda: NOW)
    setting = Setting(db, keys, guarded)
    setting.submit(sink.url.replace("http://127.0.0.1", "https://pep.example.com"))
    setting.put()
    setting.runner.run_due(NOW)
    assert sink.received == []
    assert "loopback" in str(setting.job().last_error)


def test_a_task_that_is_gone_is_told_to_nobody(setting: Setting, sink: Sink) -> None:
    setting.submit(sink.url, "arq_unseen")
    setting.put(name="arq_unseen")
    setting.put(name="arq_never")
    setting.runner.run_due(NOW)
    assert sink.received == []
    assert [setting.job(seq).done_at for seq in (1, 2)] == [NOW, NOW]


def test_what_an_endpoint_answers_is_nowhere_kept(
    setting: Setting, sink: Sink, tmp_path: Path
) -> None:
    sink.answer_next(500, x_secret="hunter2")
    setting.submit(sink.url)
    setting.put()
    setting.runner.run_due(NOW)
    assert "hunter2" not in str(setting.job())
