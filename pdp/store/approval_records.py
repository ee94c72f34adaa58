"""Rows of approvals as the pure core's approvals, and what the rows say beside their columns."""

from pdp.core.approval import Approval
from pdp.core.scope import EXACT, Scope, scope_from_json
from pdp.core.values import EntityUid, JsonObject
from pdp.store.approvals import Approval as Row
from pdp.store.approvals import is_provisioned


def approval_of(row: Row) -> Approval:
    """The approval that a row keeps."""
    return Approval(
        ref=row.ref,
        task_id=row.task_id,
        template=row.template,
        subject=row.subject,
        resource=row.resource,
        action=row.action,
        context=row.context,
        members=tuple(row.binding_members),
        requester=row.requester,
        approved_at=row.approved_at,
        approved_until=row.approved_until,
        scope=_scope_of(row),
        item=row.item,
        client_id=row.client_id,
        evaluation_id=row.evaluation_id,
        approvers=approvers_of(row),
        single_use=row.single_use,
        emergency=row.emergency,
        used_at=row.used_at,
        used_by=row.used_by,
        revoked_at=row.revoked_at,
        provisioned=is_provisioned(row),
    )


def approvers_of(row: Row) -> tuple[EntityUid, ...]:
    """The people whose votes made an approval, as Cedar names them."""
    return tuple((each["type"], each["id"]) for each in row.approvers)


def people_json(people: tuple[EntityUid, ...]) -> list[JsonObject]:
    """People as a row keeps them."""
    return [{"type": kind, "id": identifier} for kind, identifier in people]


def _scope_of(row: Row) -> Scope:
    return EXACT if row.scope_detail is None else scope_from_json(row.scope_detail)
