"""Tasks, votes and moments for tests of the request machine."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pdp.core.task import Task, open_questions
from pdp.core.task_check import faults_of
from pdp.core.task_effects import AuditEvent, Change, Effect
from pdp.core.task_open import Wanted, open_task
from pdp.core.task_vote import Ballot, vote
from pdp.core.values import EntityUid
from pdp.core.workflow import Workflow
from pdp.core.workflow_parse import parse_workflows

START = datetime(2026, 4, 30, 20, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


def person(name: str) -> EntityUid:
    return "User", name


def workflow(*steps: dict[str, Any], **members: Any) -> Workflow:
    """A workflow as the file would give it; one plain step unless told otherwise."""
    body = {"steps": list(steps) or [{"name": "manager"}], **members}
    found = parse_workflows({"workflows": {"flow": body}}).get("flow")
    assert found is not None
    return found


def opened(*wanted: Wanted | Workflow, bundle: bool = False) -> Task:
    """A task that was opened at `START`."""
    whole = [each if isinstance(each, Wanted) else Wanted(each) for each in wanted]
    return accepted(open_task(whole, bundle=bundle or len(whole) > 1, now=START))


def accepted(change: Change) -> Task:
    """The task of a change that was not refused and left it sound."""
    assert change.refusal is None, change.refusal
    assert faults_of(change.task) == []
    return change.task


def decide(
    task: Task, name: str, decision: Any = "approve", *, after: timedelta = HOUR, **terms: Any
) -> Change:
    """Have a person vote whom Cedar permits everything."""
    permitted = {question: ("p-approve",) for question in open_questions(task)}
    return vote(task, Ballot(person(name), decision, **terms), permitted, START + after)


def effects(change: Change, kind: type[Effect]) -> list[Any]:
    """The effects of one kind, in order."""
    return [effect for effect in change.effects if isinstance(effect, kind)]


def events(change: Change) -> list[str]:
    """The names of what is audited, in order."""
    return [effect.event for effect in effects(change, AuditEvent)]
