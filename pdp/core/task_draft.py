"""A task while one event changes it: collects what follows, and says it once at the end."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from pdp.core.moment import format_moment
from pdp.core.task import Item, Leaf, Outcome, Status, Task
from pdp.core.task_due import next_due
from pdp.core.task_effects import (
    AuditEvent,
    Callback,
    Change,
    Effect,
    ItemResolved,
    Notify,
    Reason,
    Refusal,
    StepEnded,
    TaskResolved,
    Timer,
)
from pdp.core.task_grant import grant_of, granted
from pdp.core.task_steps import begun_effects, verdict_of


class Draft:
    """The task being changed; `change` ends it.

    Attributes:
        task: as it is so far.
        at: the moment at which what is done now takes effect.
        closing: what to record besides, should the task be closed.
    """

    def __init__(self, task: Task, at: datetime) -> None:
        self.before = task
        self.task = task
        self.at = at
        self.closing: dict[str, Any] = {}
        self._effects: list[Effect] = []
        self._begun: dict[tuple[int, int], list[int]] = {}
        self._ended: dict[tuple[int, int, Outcome], list[int]] = {}

    def audit(self, event: str, **details: Any) -> None:
        """Have something recorded; details that are None or empty are left out."""
        kept = {name: value for name, value in details.items() if value not in (None, (), [], "")}
        if not self.task.bundle:
            kept.pop("position", None)
        self._effects.append(AuditEvent(event, self.at, kept))

    def add(self, *effects: Effect) -> None:
        """Have something done; nobody is told the same twice."""
        for effect in effects:
            if not (isinstance(effect, Notify) and effect in self._effects):
                self._effects.append(effect)

    def item(self, position: int) -> Item:
        """The item as it is so far."""
        return self.task.items[position]

    def put(self, item: Item) -> None:
        """Give an item its new state."""
        items = list(self.task.items)
        items[item.position] = item
        self.task = replace(self.task, items=tuple(items))

    def put_leaf(self, position: int, leaf: Leaf) -> None:
        """Give a step of an item its new state."""
        item = self.item(position)
        leaves = tuple(leaf if leaf.number == one.number else one for one in item.leaves)
        self.put(replace(item, leaves=leaves))

    def begin_step(self, position: int, index: int) -> None:
        """Start a step of the item's plan: all the leaves of a group at once."""
        item = self.item(position)
        numbers = self.task.plan_of(item).workflow.spans[index]
        begun = tuple(Leaf(number, self.at) for number in numbers)
        self.put(replace(item, step=index, leaves=item.leaves + begun))
        for number in numbers:
            self._begun.setdefault((item.plan, number), []).append(position)

    def end_leaf(
        self,
        position: int,
        leaf: Leaf,
        outcome: Outcome,
        reason: str | None = None,
        evidence: Iterable[str] = (),
    ) -> None:
        """A step of an item has come to something; the item goes on, or is resolved."""
        self._mark(position, leaf._replace(reason=reason), outcome)
        item = self.item(position)
        workflow = self.task.plan_of(item).workflow
        verdict = verdict_of(workflow, item.step, item.leaves)
        for moot in [one for one in item.open_leaves() if one.number in verdict.moot]:
            self._mark(position, moot, "skipped")
        if verdict.outcome == "approved":
            if item.step + 1 < len(workflow.steps):
                self.begin_step(position, item.step + 1)
            else:
                self.approve(position, evidence=evidence)
        elif verdict.outcome is not None:
            status: Status = "failed" if verdict.outcome == "failed" else "denied"
            self.resolve(position, status, _reason_for(self.item(position), verdict.outcome))

    def approve(
        self, position: int, *, automatic: bool = False, evidence: Iterable[str] = ()
    ) -> None:
        """Resolve an item as approved, as far as its votes allow."""
        item = self.item(position)
        plan = self.task.plan_of(item)
        item = replace(item, automatic=automatic, grant=grant_of(item, plan, self.at))
        self.put(item)
        self.resolve(position, "approved")
        self.add(granted(item, plan, evidence))

    def resolve(self, position: int, status: Status, reason: str | None = None) -> None:
        """An item leaves `pending`; its open steps are over."""
        for leaf in list(self.item(position).open_leaves()):
            self._mark(position, leaf, "skipped")
        item = replace(self.item(position), status=status, closed_at=self.at, reason_code=reason)
        self.put(item)
        self.add(ItemResolved(position, status, reason))
        if self.task.bundle:
            self.audit(f"item.{status}", position=position, reason=reason, **_granted_details(item))

    def change(self, refusal: Refusal | None = None) -> Change:
        """The task, and everything that follows."""
        effects = [*self._effects, *self._over(), *self._started()]
        if self.before.pending and not self.task.pending:
            effects.extend(self._closed())
        elif self.task.pending and self.task != self.before:
            due = next_due(self.task)
            if due is not None:
                effects.append(Timer(due.at, due.kind))
        return Change(self.task, tuple(effects), refusal)

    def refused(self, reason: Reason, detail: str) -> Change:
        """The event is not accepted; what time had done before it stays."""
        return self.change(Refusal(reason, detail))

    def _mark(self, position: int, leaf: Leaf, outcome: Outcome) -> None:
        self.put_leaf(position, leaf._replace(outcome=outcome))
        key = (self.item(position).plan, leaf.number, outcome)
        self._ended.setdefault(key, []).append(position)

    def _started(self) -> list[Effect]:
        effects: list[Effect] = []
        for (plan, number), positions in self._begun.items():
            step = self.task.plans[plan].workflow.leaves()[number]
            until = min(self.task.deadline_of(self.item(position)) for position in positions)
            emergency = self.task.plans[plan].emergency
            effects.extend(begun_effects(step, number, tuple(positions), until, emergency))
        return effects

    def _over(self) -> list[Effect]:
        over: list[Effect] = []
        for (plan, number, outcome), positions in self._ended.items():
            step = self.task.plans[plan].workflow.leaves()[number]
            over.append(StepEnded(step.name, number, tuple(positions), outcome))
        return over

    def _closed(self) -> list[Effect]:
        status = self.task.status
        details = dict(self.closing)
        if not self.task.bundle:
            item = self.task.items[0]
            details |= _granted_details(item)
            details |= {"reason": item.reason_code} if item.reason_code else {}
        closed_at = self.task.closed_at or self.at
        told = [Notify("resolved", queue=queue) for queue in self.task.queues()]
        return [
            AuditEvent(f"task.{status}", closed_at, details),
            TaskResolved(status),
            Callback(status),
            *told,
        ]


def _granted_details(item: Item) -> dict[str, Any]:
    if item.grant is None:
        return {}
    until = format_moment(item.grant.approved_until)
    return {"approved_until": until, "scope": item.grant.scope.to_json()}


def _reason_for(item: Item, outcome: Outcome) -> str | None:
    reasons = [leaf.reason for leaf in item.leaves if leaf.outcome == outcome and leaf.reason]
    return reasons[0] if reasons else None
