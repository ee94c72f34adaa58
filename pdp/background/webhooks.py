"""Signed webhooks to those who subscribed to events; one that only fails is switched off."""

from datetime import datetime, timedelta
from typing import Protocol

from pdp.background.backoff import DELIVERY
from pdp.background.credentials import Hmac
from pdp.background.deliveries import Deliverer, Gone, Parcel
from pdp.background.jobs import Also, Handler, Retry
from pdp.store import audit, subscriptions
from pdp.store.engine import Database, Session
from pdp.store.outbox import Job

DISABLE_AFTER = timedelta(hours=120)
"""How long an endpoint may fail without one success before it is told nothing more."""
DISABLED = "subscription.disabled"


def seal_purpose(subscription_id: str) -> str:
    """The purpose under which a subscription's secret is sealed."""
    return f"subscription {subscription_id}"


class Unsealer(Protocol):
    """Opens what is kept sealed."""

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """The plain bytes."""


def webhook_handler(database: Database, deliverer: Deliverer, keys: Unsealer) -> Handler:
    """The handler of webhook jobs, whose payload is `{"subscription", "body"}`."""

    def run(job: Job, now: datetime) -> Also | None:
        wanted = str(job.payload["subscription"])
        found = database.peek(lambda session: subscriptions.get(session, wanted))
        if found is None or found.disabled_at is not None:
            return None
        secret = keys.unseal(found.secret_sealed, seal_purpose(found.id))
        parcel = Parcel(deliverer.message_id(job), found.url, job.payload["body"], Hmac((secret,)))
        try:
            deliverer.send(parcel, now)
        except Gone as gone:
            raise Gone(str(gone), also=_disable(wanted, "the endpoint answered 410", now)) from None
        except Retry as fault:
            raise Retry(str(fault), after=fault.after, also=_failed(wanted, now)) from None
        return lambda session: subscriptions.delivered(session, wanted, now)

    return Handler(run, DELIVERY)


def _failed(subscription_id: str, now: datetime) -> Also:
    def also(session: Session) -> None:
        found = subscriptions.failed(session, subscription_id, now)
        since = found.failing_since if found else None
        if since is not None and now - since >= DISABLE_AFTER:
            _disable(subscription_id, "every delivery failed for five days", now)(session)

    return also


def _disable(subscription_id: str, reason: str, now: datetime) -> Also:
    def also(session: Session) -> None:
        if subscriptions.disable(session, subscription_id, reason, now):
            details = {"subscription": subscription_id, "reason": reason}
            event = audit.AuditEvent(
                at=now, event=DISABLED, actor_type="system", actor_id="runner", details=details
            )
            audit.append(session, event)

    return also
