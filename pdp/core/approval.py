"""An approval, and whether an evaluation may rest on it (ARAP, Completion Semantics)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from pdp.core.authzen import Evaluation
from pdp.core.binding import MACHINERY, VOLATILE, bound_context, same, same_subject
from pdp.core.jcs import fingerprint
from pdp.core.scope import EXACT, Scope
from pdp.core.values import EntityUid, JsonObject

DenialReason = Literal[
    "approval_expired", "out_of_scope", "grant_pending", "policy_denied", "approval_unverifiable"
]
NextAction = Literal["request", "retry", "none"]

NEXT_ACTIONS: dict[DenialReason, NextAction] = {
    "approval_expired": "request",
    "out_of_scope": "request",
    "grant_pending": "retry",
    "policy_denied": "none",
    "approval_unverifiable": "none",
}
"""What a PEP is told to do, by the reason of the denial of a re-evaluation."""

RETRY_AFTER = 5
"""Seconds to wait for a grant that is on its way."""

USE_WINDOW = timedelta(seconds=60)
"""How long the evaluation that spent a single-use approval may be repeated."""


class Presenter(NamedTuple):
    """Who presents an approval: the caller, and the OAuth client it is verified to speak for."""

    caller: str
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """What was approved, for whom, until when, and what has become of it.

    Attributes:
        ref: names it where its secret id must not be.
        item: of a bundle, the position of the item.
        subject: as it was bound, and so `resource` and `action`.
        context: the bound part of the context.
        members: the names that are bound, present or not.
        requester: the caller that submitted the request.
        client_id: the client that the request was verified to come from.
        used_by: the key of the evaluation that spent it.
        provisioned: whether what it stands for is in place.
    """

    ref: str
    task_id: str
    template: str
    subject: JsonObject
    resource: JsonObject
    action: JsonObject
    context: JsonObject
    members: tuple[str, ...]
    requester: str
    approved_at: datetime
    approved_until: datetime
    scope: Scope = EXACT
    item: int | None = None
    client_id: str | None = None
    evaluation_id: str | None = None
    approvers: tuple[EntityUid, ...] = ()
    single_use: bool = False
    emergency: bool = False
    used_at: datetime | None = None
    used_by: str | None = None
    revoked_at: datetime | None = None
    provisioned: bool = True


class Usable(NamedTuple):
    """The evaluation may rest on the approval, which must be spent if `spends` says so."""

    approved_until: datetime
    spends: bool = False


class Unusable(NamedTuple):
    """The approval counts for nothing here, and why."""

    reason: DenialReason


class Guidance(NamedTuple):
    """What a PEP is told when a re-evaluation is denied."""

    reason: DenialReason
    next_action: NextAction
    retry_after: int | None = None

    def to_json(self) -> JsonObject:
        """The members of the decision context."""
        told: JsonObject = {"reason": self.reason, "next_action": self.next_action}
        return told if self.retry_after is None else told | {"retry_after": self.retry_after}


def check_approval(
    approval: Approval,
    evaluation: Evaluation,
    presenter: Presenter,
    *,
    now: datetime,
    ancestors: Collection[EntityUid] = (),
) -> Usable | Unusable:
    """Whether an approval applies to an evaluation; policy still has the last word.

    Args:
        approval: resolved from trusted state; nothing of it is the PEP's word.
        ancestors: the Cedar entities above the resource; only a `resource_parent` needs them.
    """
    if not _covers_presenter(approval, presenter):
        return Unusable("approval_unverifiable")
    if approval.revoked_at is not None or now >= approval.approved_until:
        return Unusable("approval_expired")
    if not in_scope(approval, evaluation, ancestors):
        return Unusable("out_of_scope")
    if not approval.provisioned:
        return Unusable("grant_pending")
    if approval.single_use and approval.used_at is not None:
        key = evaluation_key(evaluation, presenter)
        repeated = key == approval.used_by and now <= approval.used_at + USE_WINDOW
        return Usable(approval.approved_until) if repeated else Unusable("approval_expired")
    return Usable(approval.approved_until, spends=approval.single_use)


def in_scope(
    approval: Approval, evaluation: Evaluation, ancestors: Collection[EntityUid] = ()
) -> bool:
    """Whether an evaluation is within an approval's scope.

    Subject, action and bound context are compared member by member whatever the scope; only the
    resource may be another where the scope is wider than `exact`.
    """
    members = approval.members
    return (
        same_subject(approval.subject, evaluation.subject.json)
        and same(approval.action, evaluation.action.json)
        and same(
            bound_context(approval.context, members), bound_context(evaluation.context, members)
        )
        and (
            same(approval.resource, evaluation.resource.json)
            or approval.scope.covers(approval.resource, evaluation.resource.json, ancestors)
        )
    )


def evaluation_key(evaluation: Evaluation, presenter: Presenter) -> str:
    """What a repeated evaluation has in common: all of it but the volatile members; hex."""
    asked = {
        "caller": [presenter.caller, presenter.client_id],
        "subject": evaluation.subject.json,
        "action": evaluation.action.json,
        "resource": evaluation.resource.json,
        "context": {
            name: value
            for name, value in evaluation.context.items()
            if name not in MACHINERY and name not in VOLATILE
        },
    }
    return fingerprint(asked)


def guidance(reason: DenialReason, *, requestable: bool) -> Guidance:
    """What to tell the PEP about a denied re-evaluation.

    Args:
        requestable: whether the denial carries a fresh `access_request`; without one there is
            nothing to request.
    """
    action = NEXT_ACTIONS[reason]
    if action == "request" and not requestable:
        action = "none"
    return Guidance(reason, action, RETRY_AFTER if action == "retry" else None)


def _covers_presenter(approval: Approval, presenter: Presenter) -> bool:
    if presenter.caller != approval.requester:
        return False
    return approval.client_id in (None, presenter.client_id)
