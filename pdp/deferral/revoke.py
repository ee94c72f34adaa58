"""A client gives its handle up: the request goes with it (DTR, Cancellation)."""

from datetime import datetime

from pdp.access_request.case import case_of, load_case
from pdp.access_request.transition import keep, retrying
from pdp.core.deferral import revoke as revoke_handle
from pdp.core.task_events import cancel
from pdp.core.values import JsonObject
from pdp.deferral.handles import find
from pdp.deferral.parts import Asker, Parts
from pdp.deferral.wire import Client, client_from, code_of, object_of
from pdp.store import approvals, deferral_answers, deferrals, tasks
from pdp.store.deferrals import Deferral
from pdp.store.session import Session

REASON = "deferral_revoked"


async def revoke(parts: Parts, body: JsonObject, asker: Asker) -> None:
    """Give up a handle, whatever it is; that nothing came of it is no error (RFC 7009, 2.2).

    Raises:
        OAuthFault: the body is not of its shape.
    """
    body = object_of(body)
    client, code = client_from(body), code_of(body, "token")
    now = parts.desk.clock()
    await parts.desk.database.awrite(
        lambda session: retrying(lambda: _revoke(session, parts, client, code, asker, now))
    )


def _revoke(
    session: Session, parts: Parts, client: Client, code: str, asker: Asker, now: datetime
) -> bool | None:
    """End the handle with all that hangs on it; None when it changed meanwhile."""
    owner = asker.caller.id
    deferral = find(session, parts.keys, "dtr", owner, client.id, code)
    if deferral is None:
        return False
    before = deferral.handle()
    if before.state == "redeemed":
        # An answer that the AS lost must not come back after this.
        if before.key.jkt in (None, client.key.jkt) and before.key.x5t in (None, client.key.x5t):
            deferral_answers.forget_of(session, deferral.ref)
        return False
    handle = revoke_handle(before, client.key, now)
    if handle is None:
        return False
    if not deferrals.move(session, deferral, handle, now):
        return None
    deferrals.dispose(session, deferral.ref)
    deferral_answers.forget_of(session, deferral.ref)
    _end_request(session, parts, deferral, asker, now)
    return True


def _end_request(
    session: Session, parts: Parts, deferral: Deferral, asker: Asker, now: datetime
) -> None:
    """Cancel what is pending, end what was approved, and every other handle with it."""

    def once() -> bool | None:
        row = tasks.get(session, deferral.task_id)
        if row is None or row.status != "pending":
            return True
        change = cancel(case_of(session, row).task, now, reason=REASON, comment=None)
        kept = keep(session, parts.desk, case_of(session, row), change, cause=asker.cause, now=now)
        return None if kept is None else True

    retrying(once)
    for row in approvals.of_task(session, deferral.task_id):
        approvals.revoke(session, row.ref, by=asker.caller.id, reason=REASON, now=now)
    for other in deferrals.of_task(session, deferral.task_id):
        if other.state == "open":
            deferrals.move(session, other, other.handle()._replace(state="cancelled"), now)
            deferrals.dispose(session, other.ref)
            deferral_answers.forget_of(session, other.ref)
    case = load_case(session, deferral.task_id)
    if case is not None:
        details: JsonObject = {"deferral": deferral.ref, "skin": deferral.skin}
        parts.desk.record(session, "deferral.revoked", details, case.row, asker.cause, now)
