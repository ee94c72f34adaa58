"""A request whole, as approvers need it to decide well."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from pdp.access_request.approver import Approver, powers_of
from pdp.access_request.case import Case
from pdp.access_request.desk import Desk
from pdp.access_request.rights import Rights, eligible, facts_of, people
from pdp.core.authzen import Evaluation, action_from, entity_from
from pdp.core.binding import bound_context
from pdp.core.language import display_of
from pdp.core.moment import format_moment
from pdp.core.task import Item, Task, open_questions
from pdp.core.task_clock import tick
from pdp.core.values import EntityUid, JsonObject
from pdp.policy.authorizer import Authorizer
from pdp.queue.listing import line_of
from pdp.store import approvals, audit_chain, comments, task_queues, votes
from pdp.store.approvals import Approval, is_provisioned
from pdp.store.engine import Session
from pdp.store.task_listing import TaskSummary

MOST_APPROVERS = 20
_MOST_CANDIDATES = 2000


def detail(
    session: Session,
    desk: Desk,
    case: Case,
    person: EntityUid | None,
    now: datetime,
    languages: Sequence[str] = (),
    *,
    inside: bool = False,
) -> JsonObject:
    """Who asks for what, why, who can decide it and what has happened.

    Args:
        person: who looks.
        inside: whether it is for those who decide, who also see what they said to each other.
    """
    row = case.row
    task = tick(case.task, now).task if case.task.pending else case.task
    authorizer = desk.authorizer()
    rights = Rights(authorizer, now)
    summary = TaskSummary(**{name: getattr(row, name) for name in TaskSummary.model_fields})
    first = task.plan_of(task.items[0]).workflow
    found: JsonObject = line_of(summary, task_queues.of_task(session, row.id)) | {
        "status": task.status,
        "display": display_of(first, languages),
        "subject": row.subject,
        "context": bound_context(row.context, row.binding_members),
        "requested_access": row.requested_access or {},
        "items": [_item(case, task, item, authorizer, rights) for item in task.items],
        "votes": [_vote(vote) for vote in votes.of_task(session, row.id)],
        "comments": [
            _comment(each)
            for each in comments.of_task(session, row.id)
            if inside or each.visibility == "requester"
        ],
        "approvals": [approval_json(each, now) for each in approvals.of_task(session, row.id)],
        "timeline": [_event(each) for each in audit_chain.of_task(session, row.id)],
        "approvers": _approvers(case, task, authorizer, rights),
        "version": row.version,
    }
    for name in ("actor", "evaluation_id", "policy_version", "workflow_version"):
        value = getattr(row, name)
        if value is not None:
            found[name] = value
    if not row.item_count:
        found |= {"resource": case.resource(0), "action": case.action(0)}
    if person is not None:
        found["you"] = _you(session, rights, case, task, person, now)
    return found


def approval_json(approval: Approval, now: datetime) -> JsonObject:
    """An approval for those who manage it; its secret id is not among it."""
    spent = approval.single_use and approval.used_at is not None
    live = approval.revoked_at is None and approval.approved_until > now and not spent
    body: JsonObject = {
        "ref": approval.ref,
        "task": approval.task_id,
        "item": approval.item,
        "template": approval.template,
        "subject": {"type": approval.subject_type, "id": approval.subject_id},
        "resource": {"type": approval.resource_type, "id": approval.resource_id},
        "action": {"name": approval.action_name},
        "scope": approval.scope_detail or {"kind": approval.scope},
        "client": approval.client_id or approval.requester,
        "approved_at": format_moment(approval.approved_at),
        "approved_until": format_moment(approval.approved_until),
        "approvers": approval.approvers,
        "single_use": approval.single_use,
        "emergency": approval.emergency,
        "live": live,
        "provisioned": None if is_provisioned(approval) else False,
        "used_at": approval.used_at and format_moment(approval.used_at),
        "revoked_at": approval.revoked_at and format_moment(approval.revoked_at),
        "revoked_by": approval.revoked_by,
        "revoked_reason": approval.revoked_reason,
    }
    return {name: value for name, value in body.items() if value is not None}


def _item(case: Case, task: Task, item: Item, authorizer: Authorizer, rights: Rights) -> JsonObject:
    workflow = task.plan_of(item).workflow
    body: JsonObject = {
        "position": item.position,
        "resource": case.resource(item.position),
        "action": case.action(item.position),
        "status": item.status,
        "template": workflow.name,
        "reason_code": item.reason_code,
        "requested_until": item.requested_until and format_moment(item.requested_until),
        "current_step": item.step + 1,
        "total_steps": len(workflow.steps),
        "steps": [
            {
                "name": workflow.leaves()[leaf.number].name,
                "kind": workflow.leaves()[leaf.number].kind,
                "queue": workflow.leaves()[leaf.number].queue,
                "approvals": workflow.leaves()[leaf.number].approvals,
                "since": format_moment(leaf.since),
                "outcome": leaf.outcome or "open",
            }
            for leaf in item.leaves
        ],
        "may_choose": {
            "until": int(workflow.approval_ttl_max.total_seconds()),
            "usual": int(workflow.approval_ttl.total_seconds()),
            "scope": workflow.scope,
            "less": workflow.narrowing,
        },
        "policies": _policies(case, item, authorizer),
    }
    return {name: value for name, value in body.items() if value is not None}


def _policies(case: Case, item: Item, authorizer: Authorizer) -> list[JsonObject]:
    """The policies that allow it once it is approved, by file and line."""
    body = {
        "subject": case.row.subject,
        "action": case.action(item.position),
        "resource": case.resource(item.position),
    }
    asked = Evaluation(
        entity_from(body["subject"], "/subject"),
        action_from(body["action"], "/action"),
        entity_from(body["resource"], "/resource"),
        case.row.context,
    )
    template = case.task.plan_of(item).workflow.name
    chosen = authorizer.slice_of(authorizer.mapping.request(asked))
    return [
        {"id": policy.id, "file": policy.file, "line": policy.line, "text": policy.text}
        for policy in chosen.policies
        if policy.template == template
    ]


def _approvers(case: Case, task: Task, authorizer: Authorizer, rights: Rights) -> list[JsonObject]:
    """Some of the known people who may decide what is open, and by which policies."""
    found: list[JsonObject] = []
    for question in open_questions(task):
        item = task.items[question.position]
        step = task.plan_of(item).workflow.leaves()[question.leaf].name
        facts = facts_of(case, question.position, step)
        candidates = islice(people(authorizer), _MOST_CANDIDATES)
        for person, policies in islice(eligible(rights, facts, candidates), MOST_APPROVERS):
            found.append(
                {
                    "type": authorizer.mapping.authzen_type(person[0]),
                    "id": person[1],
                    "item": question.position,
                    "step": step,
                    "policies": list(policies),
                }
            )
        if len(found) >= MOST_APPROVERS:
            break
    return found[:MOST_APPROVERS]


def _you(
    session: Session, rights: Rights, case: Case, task: Task, person: EntityUid, now: datetime
) -> JsonObject:
    """What the one who looks may do."""
    powers = powers_of(session, rights, case, Approver(person, ""), open_questions(task), now)
    voted = {
        (item.position, vote.leaf)
        for item in task.items
        for vote in item.votes
        if person in vote.people
    }
    can = [
        {
            "item": question.position,
            "step": task.plan_of(task.items[question.position])
            .workflow.leaves()[question.leaf]
            .name,
            "policies": list(policies),
        }
        for question, policies in powers.permitted.items()
        if tuple(question) not in voted
    ]
    behalf = powers.on_behalf_of
    return {
        "can_decide": can,
        "on_behalf_of": None if behalf is None else {"type": behalf[0], "id": behalf[1]},
    }


def _vote(vote: Any) -> JsonObject:
    body: JsonObject = {
        "approver": {"type": vote.approver_type, "id": vote.approver_id},
        "decision": vote.decision,
        "at": format_moment(vote.at),
        "items": vote.items,
        "comment": vote.comment,
        "reason_code": vote.reason_code,
        "approved_until": vote.approved_until and format_moment(vote.approved_until),
        "scope": vote.scope,
        "on_behalf_of": vote.on_behalf_of,
        "policies": vote.policies,
    }
    return {name: value for name, value in body.items() if value is not None}


def _comment(comment: Any) -> JsonObject:
    return {
        "id": comment.id,
        "at": format_moment(comment.at),
        "author": {"type": comment.author_type, "id": comment.author_id},
        "text": comment.text,
        "visibility": comment.visibility,
    }


def _event(record: Any) -> JsonObject:
    actor = None
    if record.actor_type is not None:
        actor = {"type": record.actor_type, "id": record.actor_id}
    return {
        "at": format_moment(record.at),
        "event": record.event,
        "actor": actor,
        "details": record.details,
    }
