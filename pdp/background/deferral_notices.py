"""Telling clients that what they wait for is resolved (DTR, Callback Notification; CIBA, ping).

The notice says only which handle to poll with. It goes out a moment after the handle was given, so
that the client knows the handle; never for one that has expired or was given up.
"""

from datetime import datetime, timedelta
from typing import Protocol

from pdp.background.backoff import DELIVERY
from pdp.background.credentials import Bearer, Hmac
from pdp.background.deliveries import Deliverer, Parcel
from pdp.background.jobs import Also, GiveUp, Handler, Retry
from pdp.background.periodic import Periodic
from pdp.background.wake import put
from pdp.store import deferral_answers, deferrals
from pdp.store.engine import Database, Session
from pdp.store.outbox import Job
from pdp.store.tasks import Task

KIND = "deferral_notice"
SWEEP = Periodic("deferral_sweep", timedelta(minutes=1))
AFTER = timedelta(seconds=3)
"""How long after its handle a notice goes out at the earliest."""
KEPT_EXPIRED = timedelta(days=1)
"""How long a poll with a code that has expired is still told so; then the code is unknown."""
_BATCH = 500
_MEMBERS = {"dtr": "deferral_code", "ciba": "auth_req_id", "txn": "transaction_authorization_id"}


class Unsealer(Protocol):
    """Opens what is kept sealed."""

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Decrypt what `seal` made."""


def tell_of(session: Session, task: Task, now: datetime) -> None:
    """Have everybody told who waits for a request that was resolved, in its transaction."""
    for deferral in deferrals.of_task(session, task.id):
        if deferral.state != "open":
            continue
        if task.status == "expired" or now >= deferral.expires_at:
            deferrals.dispose(session, deferral.ref)
        elif deferrals.notification(session, deferral.ref) is not None:
            job = Job(
                kind=KIND,
                key=f"{KIND}:{deferral.ref}",
                task_id=task.id,
                payload={"ref": deferral.ref},
                created_at=now,
                run_at=max(now, deferral.created_at + AFTER),
            )
            put(session, job)


def notice_handler(database: Database, deliverer: Deliverer, keys: Unsealer) -> Handler:
    """The handler of notices; payload `{"ref"}`."""

    def run(job: Job, now: datetime) -> Also | None:
        ref = str(job.payload["ref"])

        def dispose(session: Session) -> object:
            return deferrals.dispose(session, ref)

        told, deferral = database.peek(
            lambda s: (deferrals.notification(s, ref), deferrals.by_ref(s, ref))
        )
        if told is None or deferral is None:
            return None
        if deferral.state != "open" or now >= deferral.expires_at:
            return dispose
        code = keys.unseal(told.code_sealed or b"", f"deferral code {ref}").decode()
        credential: Bearer | Hmac = Hmac(())
        if told.token_sealed is not None:
            token = keys.unseal(told.token_sealed, f"deferral token {ref}").decode()
            credential = Bearer(token)
        body = {_MEMBERS[deferral.skin]: code}
        try:
            deliverer.send(Parcel(deliverer.message_id(job), told.endpoint, body, credential), now)
        except GiveUp as fault:
            raise GiveUp(str(fault), also=dispose) from None
        except Retry as fault:
            # A client that took nothing until now may still; what it is told with ends in time.
            raise Retry(str(fault), after=fault.after) from None
        return dispose

    return Handler(run, DELIVERY)


def sweep_handler(database: Database) -> Handler:
    """The handler of the sweep: what is kept for a handle goes with its time."""

    def run(job: Job, now: datetime) -> None:
        def delete(session: Session, now: datetime, limit: int) -> int:
            return deferrals.delete_expired(session, now - KEPT_EXPIRED, limit)

        for forget in (deferrals.dispose_expired, deferral_answers.forget_expired, delete):
            while database.write(lambda s, f=forget: f(s, now, _BATCH)) >= _BATCH:  # type: ignore[misc]
                pass

    return Handler(run)
