"""The call to the third party of an `external` step, with a token for its one answer."""

from datetime import datetime
from typing import Protocol

from pdp.background.backoff import DELIVERY
from pdp.background.credentials import Credentials, Macs
from pdp.background.deliveries import Deliverer, Parcel
from pdp.background.jobs import GiveUp, Handler
from pdp.core.values import JsonObject
from pdp.store import interactions
from pdp.store.engine import Database
from pdp.store.interactions import Interaction
from pdp.store.outbox import Job
from pdp.trust.reply_token import reply_token

__all__ = ["KIND", "Questions", "external_handler", "reply_token"]

KIND = "external_call"


class Questions(Protocol):
    """Words a third party's question."""

    def external_body(
        self, interaction: Interaction, token: str, now: datetime
    ) -> JsonObject | None:
        """What to ask, with the address and the token of the answer; None: it is pointless now."""


def external_handler(
    database: Database,
    questions: Questions,
    deliverer: Deliverer,
    credentials: Credentials,
    macs: Macs,
) -> Handler:
    """The handler of calls; payload `{"interaction", "url", "secret"}`, the secret by its name."""

    def run(job: Job, now: datetime) -> None:
        wanted = str(job.payload["interaction"])
        found = database.peek(lambda session: interactions.get(session, wanted))
        if found is None or found.state in ("answered", "ended") or found.expires_at <= now:
            return
        body = questions.external_body(found, reply_token(macs, found.id), now)
        if body is None:
            return
        name = str(job.payload["secret"])
        credential = credentials.named(name)
        if credential is None:
            raise GiveUp(f"no secret `{name}` is configured")
        parcel = Parcel(deliverer.message_id(job), str(job.payload["url"]), body, credential)
        deliverer.send(parcel, now)

    return Handler(run, DELIVERY)
