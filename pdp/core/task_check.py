"""What must hold of every task, whatever has happened to it."""

from collections.abc import Iterator

from pdp.core.task import Item, Plan, Task
from pdp.core.task_steps import verdict_of
from pdp.core.workflow import SCOPES


def faults_of(task: Task) -> list[str]:
    """Every way in which a task contradicts itself; none for a sound one."""
    faults = list(_task_faults(task))
    if not faults:
        for item in task.items:
            plan = task.plan_of(item)
            for fault in (*_item_faults(task, item, plan), *_vote_faults(item, plan)):
                faults.append(f"item {item.position}: {fault}")
    return faults


def _task_faults(task: Task) -> Iterator[str]:
    if not task.items or (len(task.items) > 1 and not task.bundle):
        yield "a task has one item, or is a bundle of several"
    if task.expires_at <= task.created_at:
        yield "it expires before it begins"
    if (task.claimed_by is None) != (task.claimed_at is None):
        yield "a claim has a holder and a moment"
    for position, item in enumerate(task.items):
        if item.position != position or not 0 <= item.plan < len(task.plans):
            yield f"item {position} is out of place"
        elif not 0 <= item.step < len(task.plan_of(item).workflow.steps):
            yield f"item {position} is at a step that is not there"


def _item_faults(task: Task, item: Item, plan: Plan) -> Iterator[str]:
    flow = plan.workflow
    begun = range(flow.spans[item.step].stop)
    if [leaf.number for leaf in item.leaves] != [*begun]:
        yield "its steps did not begin in order"
        return
    verdicts = [verdict_of(flow, index, item.leaves).outcome for index in range(item.step + 1)]
    if any(outcome != "approved" for outcome in verdicts[:-1]):
        yield "it went on without the approval of a step"
    if item.pending:
        if verdicts[-1] is not None or item.closed_at or item.grant:
            yield "it is pending although it is decided"
        return
    if item.closed_at is None or any(leaf.outcome is None for leaf in item.leaves):
        yield "it is closed, but something of it is not"
    if (item.status == "approved") != (item.grant is not None):
        yield "an approval is granted exactly when it is approved"
    complete = item.automatic or (verdicts[-1] == "approved" and item.step == len(flow.steps) - 1)
    if item.status == "approved" and not complete:
        yield "it was approved before its last step"
    if item.status == "partial":
        yield "only a bundle is partial"
    if item.closed_at is not None and item.closed_at > task.deadline_of(item):
        yield "it was closed after its time"
    yield from _grant_faults(item, plan)


def _grant_faults(item: Item, plan: Plan) -> Iterator[str]:
    grant = item.grant
    if grant is None:
        return
    longest = grant.approved_at + plan.workflow.approval_ttl_max
    chosen = [vote.approved_until for vote in item.votes if vote.approved_until]
    if grant.approved_at != item.closed_at or grant.approved_until <= grant.approved_at:
        yield "its approval does not begin with it, or ends before"
    if grant.approved_until > min([longest, item.requested_until or longest, *chosen]):
        yield "its approval lasts longer than anybody allowed"
    if SCOPES.index(grant.scope.kind) > SCOPES.index(plan.workflow.scope):
        yield "its approval is wider than the workflow allows"


def _vote_faults(item: Item, plan: Plan) -> Iterator[str]:
    leaves = {leaf.number: leaf for leaf in item.leaves}
    kinds = plan.workflow.leaves()
    path = plan.workflow.emergency
    for place, vote in enumerate(item.votes):
        leaf = leaves.get(vote.leaf)
        if leaf is None or vote.at < leaf.since:
            yield "a vote on a step that had not begun"
            continue
        if kinds[vote.leaf].kind != "human" and leaf.escalated_to is None:
            yield "a vote on a step that people do not decide"
        if plan.emergency and (path is None or vote.person not in path.approvers):
            yield "a vote on an emergency by somebody who is not named"
        for earlier in item.votes[:place]:
            same_step = earlier.leaf == vote.leaf
            if vote.people & earlier.people and (same_step or plan.workflow.distinct_approvers):
                yield "a person has voted twice"
    for leaf in item.leaves:
        cast = [vote.decision for vote in item.votes if vote.leaf == leaf.number]
        step = kinds[leaf.number]
        quorum = step.approvals if step.kind == "human" else 1
        by_people = step.kind == "human" and leaf.outcome == "approved"
        if by_people and (cast.count("approve") < quorum or "deny" in cast):
            yield "a step was approved without its quorum"
        if leaf.outcome == "denied" and "deny" not in cast:
            yield "a step was denied by nobody"
