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
    only: frozenset[str] | None = None,
) -> JsonObject:
    """What only this server puts into `context.approval`; `identifier` is the public reference.

    Args:
        only: the members that are looked at; None for all.
    """
    found: JsonObject = {"id": identifier, "template": template, "scope": scope}
    if only is None or "approved_at" in only:
        found["approved_at"] = cedar_datetime(approved_at)
    if only is None or "approved_until" in only:
        found["approved_until"] = cedar_datetime(approved_until)
    if only is None or "approvers" in only:
        found["approvers"] = [entity_reference(uid) for uid in sorted(set(approvers))]
    return found


def entity_reference(uid: EntityUid) -> JsonObject:
    """An entity as a value."""
    return {"__entity": {"type": uid[0], "id": uid[1]}}
