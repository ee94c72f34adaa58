"""Which workflow could lift a denial: the first whose completed approval would change the answer."""

from datetime import datetime

from pdp.core.values import JsonObject
from pdp.core.workflow import Workflow
from pdp.policy.answer import Answer
from pdp.policy.approval_facts import approval_facts
from pdp.policy.authorizer import Authorizer
from pdp.policy.mapping import CedarRequest


def offered(
    request: CedarRequest,
    denied: Answer,
    authorizer: Authorizer,
    now: datetime,
    caller: JsonObject | None = None,
) -> Workflow | None:
    """The first workflow, in the order of `workflows.yaml`, whose approval would allow this.

    Args:
        denied: the answer without an approval.
        caller: what policies see of who asks.
    """
    for template in denied.slice.templates:
        workflow = authorizer.bundle.workflows.get(template)
        if workflow is None:
            continue
        until = now + workflow.approval_ttl
        only = denied.slice.approval_members
        facts = approval_facts("hypothetical", template, now, until, (), "exact", only)
        if authorizer.decide(request, now=now, caller=caller, approval=facts).allowed:
            return workflow
    return None
