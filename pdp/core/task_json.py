"""A task as JSON and back: what the store keeps between two events.

The plans, which never change, are written apart from the state, which changes with every event.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from pdp.core.moment import format_moment, parse_moment
from pdp.core.scope import scope_from_json
from pdp.core.task import Grant, Item, Leaf, Plan, Task, Vote
from pdp.core.task_check import faults_of
from pdp.core.values import EntityUid, JsonObject
from pdp.core.workflow import Workflow
from pdp.core.workflow_json import workflow_to_json
from pdp.core.workflow_parse import InvalidWorkflows, workflow_from_json


class CorruptTask(ValueError):
    """A stored task that is not one, or contradicts itself."""


def plans_to_json(plans: Sequence[Plan]) -> JsonObject:
    """The frozen workflows of a task."""
    return {
        "plans": [
            _given(
                name=plan.workflow.name,
                version=plan.workflow.version,
                emergency=plan.emergency or None,
                definition=workflow_to_json(plan.workflow),
            )
            for plan in plans
        ]
    }


def plans_from_json(body: JsonObject) -> tuple[Plan, ...]:
    """Read what `plans_to_json` wrote; raises `CorruptTask`."""
    try:
        return tuple(_plan(each) for each in body["plans"])
    except (KeyError, TypeError, InvalidWorkflows) as error:
        raise CorruptTask(f"not the plans of a task: {error}") from None


def to_json(task: Task) -> JsonObject:
    """The state of a task without its plans."""
    return _given(
        bundle=task.bundle,
        created_at=format_moment(task.created_at),
        expires_at=format_moment(task.expires_at),
        claimed_by=_uid(task.claimed_by),
        claimed_at=_stamp(task.claimed_at),
        items=[_item(item) for item in task.items],
    )


def from_json(body: JsonObject, plans: tuple[Plan, ...]) -> Task:
    """Read what `to_json` wrote; raises `CorruptTask` also when the state contradicts itself."""
    try:
        task = Task(
            plans,
            tuple(_read_item(each, place) for place, each in enumerate(body["items"])),
            body["bundle"],
            parse_moment(body["created_at"]),
            parse_moment(body["expires_at"]),
            _read_uid(body.get("claimed_by")),
            _read_stamp(body.get("claimed_at")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptTask(f"not the state of a task: {error!r}") from None
    faults = faults_of(task)
    if faults:
        raise CorruptTask(f"a task that contradicts itself: {faults[0]}")
    return task


def _plan(body: JsonObject) -> Plan:
    definition = json.dumps(body["definition"])
    workflow = _workflow(body["name"], body["version"], definition)
    return Plan(workflow, bool(body.get("emergency")))


# Many tasks carry the same few definitions, and reading one costs more than all the rest.
@lru_cache(maxsize=256)
def _workflow(name: str, version: str, definition: str) -> Workflow:
    return replace(workflow_from_json(name, json.loads(definition)), version=version)


def _item(item: Item) -> JsonObject:
    return _given(
        plan=item.plan,
        status=item.status,
        step=item.step,
        leaves=[_leaf(leaf) for leaf in item.leaves],
        votes=[_vote(vote) for vote in item.votes] or None,
        requested_until=_stamp(item.requested_until),
        automatic=item.automatic or None,
        closed_at=_stamp(item.closed_at),
        reason_code=item.reason_code,
        grant=item.grant and _grant(item.grant),
    )


def _read_item(body: JsonObject, position: int) -> Item:
    grant = body.get("grant")
    return Item(
        position,
        body["plan"],
        body["status"],
        body["step"],
        tuple(_read_leaf(each) for each in body["leaves"]),
        tuple(_read_vote(each) for each in body.get("votes", ())),
        _read_stamp(body.get("requested_until")),
        bool(body.get("automatic")),
        _read_stamp(body.get("closed_at")),
        body.get("reason_code"),
        grant and _read_grant(grant),
    )


def _leaf(leaf: Leaf) -> JsonObject:
    return _given(
        number=leaf.number,
        since=format_moment(leaf.since),
        outcome=leaf.outcome,
        reason=leaf.reason,
        reminded=leaf.reminded or None,
        escalated_to=leaf.escalated_to,
    )


def _read_leaf(body: JsonObject) -> Leaf:
    return Leaf(
        body["number"],
        parse_moment(body["since"]),
        body.get("outcome"),
        body.get("reason"),
        body.get("reminded", 0),
        body.get("escalated_to"),
    )


def _vote(vote: Vote) -> JsonObject:
    return _given(
        leaf=vote.leaf,
        person=_uid(vote.person),
        decision=vote.decision,
        at=format_moment(vote.at),
        on_behalf_of=_uid(vote.on_behalf_of),
        approved_until=_stamp(vote.approved_until),
        scope=vote.scope and vote.scope.to_json(),
        reason_code=vote.reason_code,
        evidence=list(vote.evidence) or None,
    )


def _read_vote(body: JsonObject) -> Vote:
    person = _read_uid(body["person"])
    if person is None:
        raise ValueError("a vote is somebody's")
    scope = body.get("scope")
    return Vote(
        body["leaf"],
        person,
        body["decision"],
        parse_moment(body["at"]),
        _read_uid(body.get("on_behalf_of")),
        _read_stamp(body.get("approved_until")),
        scope and scope_from_json(scope),
        body.get("reason_code"),
        tuple(body.get("evidence", ())),
    )


def _grant(grant: Grant) -> JsonObject:
    return {
        "approved_at": format_moment(grant.approved_at),
        "approved_until": format_moment(grant.approved_until),
        "scope": grant.scope.to_json(),
    }


def _read_grant(body: JsonObject) -> Grant:
    return Grant(
        parse_moment(body["approved_at"]),
        parse_moment(body["approved_until"]),
        scope_from_json(body["scope"]),
    )


def _uid(uid: EntityUid | None) -> list[str] | None:
    return None if uid is None else list(uid)


def _read_uid(value: Any) -> EntityUid | None:
    if value is None:
        return None
    kind, identifier = value
    return str(kind), str(identifier)


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else format_moment(moment)


def _read_stamp(value: Any) -> datetime | None:
    return None if value is None else parse_moment(value)


def _given(**members: Any) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}
