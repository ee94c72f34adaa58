"""`context.approval` as policies see it (contract, section 4), in Cedar's JSON form."""

from collections.abc import Iterable
from datetime import datetime

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.coercion import cedar_datetime


def approval_facts(
    identifier: str,
    template: str,
    approved_at: datetime,
    approved_until: datetime,
    approvers: Iterable[EntityUid],
    scope: str,
) -> JsonObject:
    """What only this server puts into `context.approval`; `identifier` is the public reference."""
    return {
        "id": identifier,
        "template": template,
        "approved_at": cedar_datetime(approved_at),
        "approved_until": cedar_datetime(approved_until),
        "approvers": [entity_reference(uid) for uid in sorted(set(approvers))],
        "scope": scope,
    }


def entity_reference(uid: EntityUid) -> JsonObject:
    """An entity as a value."""
    return {"__entity": {"type": uid[0], "id": uid[1]}}
