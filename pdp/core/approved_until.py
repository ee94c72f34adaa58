"""Until when an approval lasts, whoever wishes what."""

from collections.abc import Iterable
from datetime import datetime

from pdp.core.moment import whole_seconds
from pdp.core.workflow import Workflow


def approved_until(
    workflow: Workflow,
    approved_at: datetime,
    *,
    asked: datetime | None = None,
    chosen: Iterable[datetime | None] = (),
) -> datetime:
    """The end of an approval: never beyond what was asked, what is allowed, or what was chosen.

    The clock starts with the approval, not with the request. Whole seconds, rounded down.

    Args:
        workflow: gives the default and the longest life.
        asked: `requested_until` of the submission, a wish that only shortens.
        chosen: what each approver chose; several agree on the earliest.
    """
    wishes = [moment for moment in chosen if moment is not None]
    usual = min(wishes) if wishes else approved_at + workflow.approval_ttl
    end = min(usual, approved_at + workflow.approval_ttl_max, asked or usual)
    whole = whole_seconds(end)
    return whole if whole > approved_at else end
