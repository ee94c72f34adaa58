"""What an AS is told when everything is allowed: what to issue, for how long, and no more."""

from collections.abc import Sequence
from datetime import datetime

from pdp.core.moment import format_moment
from pdp.core.rar import exceeds, scope_exceeds
from pdp.core.values import JsonObject
from pdp.deferral.unit import Unit
from pdp.deferral.wire import Asked
from pdp.store.approvals import Approval

PERMIT = "permit"


def granted(
    asked: Asked,
    unit: Unit,
    now: datetime,
    approvals: Sequence[tuple[str, Approval]] = (),
    *,
    once: bool = False,
) -> JsonObject:
    """The body of a permit (contract, section 5).

    Args:
        approvals: those of the request, each with its secret id.
        once: whether it rests on another that may be used once only.
    """
    body: JsonObject = {"outcome": PERMIT, "grant_type": asked.grant_type, "subject": asked.subject}
    told = {
        "issued_token_type": asked.token_type,
        "authorization_details": asked.authorization_details,
        "scope": asked.scope,
        "resource": list(asked.resource) or None,
        "txn": asked.txn,
        "evaluation": asked.question,
        "cnf": _confirmation(asked),
    }
    body |= {name: value for name, value in told.items() if value is not None}
    # The request is one unit, so what is granted is what was asked for: never anything beside.
    assert not exceeds(body.get("authorization_details"), asked.authorization_details)
    assert not scope_exceeds(body.get("scope"), asked.scope)
    if approvals:
        several = [
            {"id": identifier, "approved_until": format_moment(row.approved_until)}
            for identifier, row in approvals
        ]
        first = min(approvals, key=lambda pair: pair[1].approved_until)
        body["approval"] = {
            "id": first[0],
            "approved_until": format_moment(first[1].approved_until),
        }
        if len(several) > 1:
            body["approvals"] = several
    until = unit.until
    if until is not None:
        body.setdefault("approval", {"approved_until": format_moment(until)})
        body["expires_in_max"] = max(0, int((until - now).total_seconds()))
    body["refresh_token_allowed"] = not once and not any(
        row.single_use or row.emergency for _, row in approvals
    )
    return body


def _confirmation(asked: Asked) -> JsonObject | None:
    key = asked.client.key
    if key.jkt is not None:
        return {"jkt": key.jkt}
    return None if key.x5t is None else {"x5t#S256": key.x5t}
