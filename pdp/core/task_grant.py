"""What the approval of an item amounts to."""

from collections.abc import Iterable
from datetime import datetime

from pdp.core.approved_until import approved_until
from pdp.core.scope import narrowest
from pdp.core.task import Grant, Item, Plan, Vote
from pdp.core.task_effects import ApprovalGranted


def approving_votes(item: Item) -> list[Vote]:
    """The votes for an item, in the order cast."""
    return [vote for vote in item.votes if vote.decision == "approve"]


def grant_of(item: Item, plan: Plan, now: datetime) -> Grant:
    """The grant that an item's votes make: the shortest life and the narrowest scope of them."""
    votes = approving_votes(item)
    until = approved_until(
        plan.workflow,
        now,
        asked=item.requested_until,
        chosen=[vote.approved_until for vote in votes],
    )
    return Grant(now, until, narrowest([vote.scope for vote in votes]))


def granted(item: Item, plan: Plan, evidence: Iterable[str]) -> ApprovalGranted:
    """The effect that makes the approval of an item whose grant is settled.

    Args:
        evidence: ids of policies that approved without a vote.
    """
    assert item.grant is not None
    workflow = plan.workflow
    votes = approving_votes(item)
    review = workflow.emergency.review_within if plan.emergency and workflow.emergency else None
    return ApprovalGranted(
        item.position,
        workflow,
        *item.grant,
        single_use=workflow.single_use,
        standing=workflow.standing or item.grant.scope.kind != "exact",
        emergency=plan.emergency,
        review_by=None if review is None else item.grant.approved_at + review,
        approvers=tuple(dict.fromkeys(who for vote in votes for who in sorted(vote.people))),
        evidence=(*dict.fromkeys(id_ for vote in votes for id_ in vote.evidence), *evidence),
    )
