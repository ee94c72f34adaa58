"""The approval that a decided item ends in: its record, and what its requester is given of it.

The requester gets a secret `id`, of which only the SHA-256 and a sealed copy are kept, and a
signed `state` that another PDP can verify without our store (ARAP, Completion Semantics).
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from pdp.core.approval import Approval
from pdp.core.approval_state import STATE_TYPE, state_of, state_to_json
from pdp.core.binding import binding_hash, bound_context
from pdp.core.jcs import NotCanonical
from pdp.core.task_effects import ApprovalGranted
from pdp.core.task_handle import ApprovalResult
from pdp.core.values import JsonObject
from pdp.store import approvals, reviews
from pdp.store.approval_records import approval_of, people_json
from pdp.store.approvals import PROVISIONED, hash_of
from pdp.store.approvals import Approval as Row
from pdp.store.reviews import Review
from pdp.store.session import Session
from pdp.store.task_items import TaskItem
from pdp.store.tasks import Task

ID_BYTES = 24
record_of = approval_of


class Keys(Protocol):
    """What of the key ring an approval needs."""

    def sign(self, claims: JsonObject, typ: str | None = None) -> str:
        """A compact JWS of claims."""

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Encrypt something secret."""

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Decrypt what `seal` made."""


class Parties(NamedTuple):
    """Between whom a signed state goes.

    Attributes:
        issuer: the access request service: its endpoint.
        audience: the policy decision point that may take the state.
    """

    issuer: str
    audience: str


def approval_row(
    task: Task,
    granted: ApprovalGranted,
    keys: Keys,
    *,
    item: TaskItem | None = None,
    members: Sequence[str] | None = None,
    random: Callable[[int], str] = secrets.token_urlsafe,
) -> Row:
    """The record of an approval, under an id and a secret of its own.

    Args:
        task: the request as it is kept.
        item: of a bundle, the item that was approved; else the task itself says what was asked.
        members: the context members that this item's denial binds; by default the task's.

    Raises:
        NotCanonical: what was asked has no canonical form; submissions of that kind are refused.
    """
    ref, secret = "aprf_" + random(15), "apr_" + random(ID_BYTES)
    return Row(
        ref=ref,
        id_hash=hash_of(secret),
        sealed_id=keys.seal(secret.encode(), _purpose(ref)),
        task_id=task.id,
        item=granted.position if item is not None else None,
        template=granted.workflow.name,
        transport=task.transport,
        scope=granted.scope.kind,
        scope_detail=granted.scope.to_json(),
        single_use=granted.single_use,
        emergency=granted.emergency,
        requester=task.requester,
        client_id=task.client_id,
        evaluation_id=(item and item.evaluation_id) or task.evaluation_id,
        approved_at=granted.approved_at,
        approved_until=granted.approved_until,
        actor=task.actor,
        approvers=people_json(granted.approvers),
        extra=_extra(granted),
        **_bound(task, item, list(task.binding_members if members is None else members)),
    )


def _extra(granted: ApprovalGranted) -> JsonObject | None:
    extra: JsonObject = {}
    if granted.evidence:
        extra["evidence"] = list(granted.evidence)
    if granted.workflow.provisioning:
        extra[PROVISIONED] = False
    return extra or None


def _bound(task: Task, item: TaskItem | None, members: list[str]) -> dict[str, Any]:
    """The columns that say what was approved."""
    resource = task.resource if item is None else item.resource
    action = task.action if item is None else item.action
    if resource is None or action is None:
        raise ValueError(f"task `{task.id}` has neither a resource nor an item")
    context = bound_context(task.context, members)
    return {
        "subject_type": task.subject_type,
        "subject_id": task.subject_id,
        "resource_type": str(resource["type"]),
        "resource_id": str(resource["id"]),
        "action_name": str(action["name"]),
        "binding_hash": binding_hash(task.subject, resource, action, context, members),
        "binding_members": members,
        "subject": task.subject,
        "resource": resource,
        "action": action,
        "context": context,
    }


def grant_approval(
    session: Session,
    task: Task,
    granted: ApprovalGranted,
    keys: Keys,
    *,
    item: TaskItem | None = None,
    members: Sequence[str] | None = None,
) -> Row:
    """Keep the approval of an item; for an emergency also open the review of its use."""
    row = approval_row(task, granted, keys, item=item, members=members)
    approvals.grant(session, row, standing=granted.standing)
    if granted.review_by is not None:
        review = Review(
            id="rev_" + row.ref.removeprefix("aprf_"),
            task_id=row.task_id,
            approval_ref=row.ref,
            template=row.template,
            subject_type=row.subject_type,
            subject_id=row.subject_id,
            opened_at=granted.approved_at,
            due_at=granted.review_by,
        )
        reviews.open_review(session, review)
    return row


def approval_result(row: Row, keys: Keys, parties: Parties) -> ApprovalResult:
    """What the requester of an approval is given: its secret id and its signed state."""
    secret = keys.unseal(row.sealed_id or b"", _purpose(row.ref)).decode()
    return ApprovalResult(
        secret,
        row.approved_at,
        row.approved_until,
        _signed_state(approval_of(row), secret, keys, parties),
    )


def _signed_state(approval: Approval, secret: str, keys: Keys, parties: Parties) -> str | None:
    try:
        state = state_of(
            approval,
            secret,
            issuer=parties.issuer,
            audience=parties.audience,
            token_id="as_" + approval.ref.removeprefix("aprf_"),
        )
    except NotCanonical:
        return None
    return keys.sign(state_to_json(state), STATE_TYPE)


def _purpose(ref: str) -> str:
    return f"approval id {ref}"
