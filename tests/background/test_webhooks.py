"""Signed webhooks to subscribers, and calls to third parties, over a real socket."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from pdp.background.credentials import Credentials, Hmac
from pdp.background.deliveries import Deliverer
from pdp.background.effects import BY_TIME, Change, write_effects
from pdp.background.external_calls import KIND as EXTERNAL
from pdp.background.external_calls import external_handler, reply_token
from pdp.background.outbound_poster import OutboundPoster
from pdp.background.publishing import WEBHOOK, publish
from pdp.background.runner import Runner
from pdp.background.webhooks import DISABLED, seal_purpose, webhook_handler
from pdp.core.task_effects import CallExternal
from pdp.core.values import JsonObject
from pdp.core.workflow import External
from pdp.store import audit_chain, interactions, outbox_admin, subscriptions, tasks
from pdp.store.engine import Database, Session
from pdp.store.interactions import Interaction
from pdp.store.subscriptions import Subscription
from pdp.trust.keys import KeyRing
from pdp.trust.webhook_signature import verify
from tests.background.sink import Received, Sink
from tests.contract.make import DAY, NOW, task

SECRET = b"w" * 32
HOUR = timedelta(hours=1)


class Questions:
    """Asks with the token, as the services word it."""

    def external_body(
        self, interaction: Interaction, token: str, now: datetime
    ) -> JsonObject | None:
        return {"step": interaction.data["step"], "reply": {"token": token}}


class Setting:
    """A runner with webhooks and calls; one subscription of pep-1 at the sink."""

    def __init__(self, db: Database, keys: KeyRing, poster: OutboundPoster, sink: Sink) -> None:
        self.db, self.keys, self.sink = db, keys, sink
        deliverer = Deliverer(poster, keys, "https://pdp.example.com")
        credentials = Credentials(keys, named={"fraud": Hmac((SECRET,))})
        self.runner = Runner(
            db,
            {
                WEBHOOK: webhook_handler(db, deliverer, keys),
                EXTERNAL: external_handler(db, Questions(), deliverer, credentials, keys),
            },
            lambda: NOW,
            "r",
        )
        self.task = task()
        db.write(self._fill)

    def _fill(self, session: Session) -> None:
        tasks.create(session, self.task)
        row = Subscription(
            id="sub_1", owner="pep-1", url=self.sink.url + "/hook", events=["*"], created_at=NOW,
            secret_sealed=self.keys.seal(SECRET, seal_purpose("sub_1")),
        )  # fmt: skip
        subscriptions.add(session, row)

    def tell(self, kind: str, version: int = 1) -> None:
        row = self.task.model_copy(update={"version": version})
        self.db.write(lambda session: publish(session, kind, row, [], NOW))

    def call(self, secret: str = "fraud") -> None:
        external = External(self.sink.url + "/ask", secret)
        effect = CallExternal("fraud", 0, (0,), external, NOW + DAY)
        change = Change(self.task, [], BY_TIME, NOW, self.keys)
        self.db.write(lambda session: write_effects(session, [effect], change))

    def subscription(self) -> Subscription:
        found = self.db.read(lambda session: subscriptions.get(session, "sub_1"))
        assert found is not None
        return found

    def asked(self) -> list[Received]:
        """What the third party was sent; the subscriber hears of the step beside it."""
        return [each for each in self.sink.received if each.path == "/ask"]

    def dead(self) -> list[str | None]:
        found = self.db.read(lambda session: outbox_admin.dead(session, 0, 10))
        return [job.last_error for job in found]


@pytest.fixture
def setting(db: Database, keys: KeyRing, poster: OutboundPoster, sink: Sink) -> Setting:
    return Setting(db, keys, poster, sink)


def test_a_webhook_has_type_time_and_data_and_is_signed(setting: Setting, sink: Sink) -> None:
    setting.tell("created")
    setting.runner.run_due(NOW)
    (received,) = sink.received
    assert verify(received.headers, received.body, [SECRET], NOW)
    assert received.json["type"] == "created"
    assert received.json["data"]["task"]["id"] == "arq_1"
    assert setting.subscription().delivered_at == NOW


def test_events_of_a_task_arrive_in_order_though_one_fails(setting: Setting, sink: Sink) -> None:
    sink.answer_next(500)
    setting.tell("created", 1)
    setting.tell("step", 2)
    setting.tell("approved", 3)
    setting.runner.run_due(NOW)
    assert setting.subscription().failures == 1
    setting.runner.run_due(NOW + timedelta(seconds=6))
    assert [each.json["type"] for each in sink.received] == [
        "created",
        "created",
        "step",
        "approved",
    ]
    assert setting.subscription().failures == 0


def test_410_switches_the_subscription_off(setting: Setting, sink: Sink) -> None:
    sink.answer_next(410)
    setting.tell("created", 1)
    setting.tell("step", 2)
    setting.runner.run_due(NOW)
    assert len(sink.received) == 1
    assert setting.subscription().disabled_reason == "the endpoint answered 410"
    recorded = setting.db.read(lambda session: list(audit_chain.export(session)))
    assert [event.event for event in recorded] == ["outbox.dead", DISABLED]
    setting.tell("approved", 3)
    assert setting.runner.run_due(NOW + HOUR) == 0


def test_an_endpoint_that_fails_for_five_days_is_switched_off(setting: Setting, sink: Sink) -> None:
    sink.answer_next(*[500] * 40)
    setting.tell("created", 1)
    for hours in range(0, 130, 6):
        setting.tell("step", hours + 2)
        setting.runner.run_due(NOW + timedelta(hours=hours))
    assert setting.subscription().disabled_reason == "every delivery failed for five days"
    told = len(sink.received)
    setting.runner.run_due(NOW + timedelta(hours=200))
    assert len(sink.received) == told


def test_a_third_party_is_asked_with_a_signature_and_a_token(setting: Setting, sink: Sink) -> None:
    sink.answer_next(500, 500)
    setting.call()
    setting.runner.run_due(NOW)
    setting.runner.run_due(NOW + timedelta(seconds=6))
    first, second = setting.asked()
    assert verify(first.headers, first.body, [SECRET], NOW)
    assert first.body == second.body
    token = first.json["reply"]["token"]
    wait = setting.db.read(lambda session: interactions.by_secret(session, token))
    assert wait is not None
    assert token == reply_token(setting.keys, wait.id)


def test_a_third_party_that_has_answered_is_not_asked_again(setting: Setting, sink: Sink) -> None:
    sink.answer_next(500, 500)
    setting.call()
    setting.runner.run_due(NOW)
    setting.db.write(lambda s: interactions.answer(s, "arq_1.0.0", {"outcome": "ok"}, NOW))
    setting.runner.run_due(NOW + timedelta(seconds=6))
    assert len(setting.asked()) == 1
    assert setting.dead() == []


def test_a_call_whose_secret_is_not_configured_is_given_up(setting: Setting) -> None:
    setting.call("unknown")
    setting.runner.run_due(NOW)
    assert setting.dead() == ["no secret `unknown` is configured"]
    assert setting.asked() == []


def test_no_secret_or_token_is_kept_in_clear(setting: Setting) -> None:
    setting.call()
    setting.tell("created")
    jobs: list[Any] = setting.db.read(lambda session: outbox_admin.waiting(session, 0, 10))
    kept = str(jobs) + str(setting.subscription())
    assert reply_token(setting.keys, "arq_1.0.0") not in kept
    assert SECRET.decode() not in kept
