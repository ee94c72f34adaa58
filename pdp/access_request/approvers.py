"""Whether anybody could approve a request, asked when it is made.

Cedar is asked of the people that are known, of the last one that could first. People need not be
known here to be permitted, and only so many are tried: so this warns, it does not refuse.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import TypeVar

from pdp.access_request.order import Order, OrderItem
from pdp.access_request.rights import RequestFacts, Rights, eligible, people
from pdp.core.task_open import EMERGENCY_STEP
from pdp.core.values import EntityUid
from pdp.core.workflow import Step
from pdp.policy.authorizer import Authorizer

MOST_TRIED = 2000
_MOST_KEPT = 1024
K = TypeVar("K")
V = TypeVar("V")


class Approvers:
    """Looks for people who could approve; remembers who could, and where nobody was found."""

    def __init__(self) -> None:
        self._could: dict[tuple[str, str], tuple[EntityUid, ...]] = {}
        self._given_up: dict[tuple[str, str], tuple[str, str]] = {}

    def missing(
        self, order: Order, authorizer: Authorizer, now: datetime
    ) -> tuple[tuple[int, str], ...]:
        """The steps, by position and name, that too few of the people known could approve."""
        rights = Rights(authorizer, now)
        found: list[tuple[int, str]] = []
        for position, item in enumerate(order.items):
            facts = _facts(order, item)
            for step in () if item.emergency else item.workflow.steps:
                found += [
                    (position, name) for name in self._lacking(step, facts, rights, authorizer)
                ]
        return tuple(found)

    def _lacking(
        self, step: Step, facts: RequestFacts, rights: Rights, authorizer: Authorizer
    ) -> list[str]:
        """The leaves for want of which a step cannot be passed."""
        if not step.parts:
            enough = step.kind != "human" or self._enough(step, facts, rights, authorizer)
            return [] if enough else [step.name]
        lacking = [self._lacking(part, facts, rights, authorizer) for part in step.parts]
        if step.any_of and not all(lacking):
            return []
        return [name for names in lacking for name in names]

    def _enough(
        self, step: Step, facts: RequestFacts, rights: Rights, authorizer: Authorizer
    ) -> bool:
        key = (facts.template, step.name)
        snapshot = (authorizer.version, authorizer.entity_version)
        asked = facts._replace(step=step.name)
        known = self._could.get(key, ())
        if len(list(eligible(rights, asked, known))) >= step.approvals:
            return True
        if self._given_up.get(key) == snapshot:
            return True
        candidates = people(authorizer)
        tried = islice(candidates, MOST_TRIED)
        could = tuple(uid for uid, _ in islice(eligible(rights, asked, tried), step.approvals))
        if len(could) >= step.approvals:
            _remember(self._could, key, could)
            return True
        if not _is_over(candidates):
            _remember(self._given_up, key, snapshot)
            return True
        return False


def nobody_named(order: Order, item: OrderItem, authorizer: Authorizer, now: datetime) -> bool:
    """Whether policy permits none of those that the emergency path names; nobody else may."""
    path = item.workflow.emergency
    if path is None or not item.emergency:
        return False
    facts = _facts(order, item)._replace(step=EMERGENCY_STEP)
    return not any(eligible(Rights(authorizer, now), facts, path.approvers))


def _facts(order: Order, item: OrderItem) -> RequestFacts:
    """What policies may know of an item before it has an id."""
    return RequestFacts(
        "",
        item.workflow.name,
        "",
        order.subject,
        item.resource,
        item.action,
        order.client_id or order.requester,
        order.transport,
        item.emergency,
        item.until,
        order.justification,
        order.actor,
    )


def _is_over(rest: Iterator[EntityUid]) -> bool:
    return next(rest, None) is None


def _remember(kept: dict[K, V], key: K, value: V) -> None:
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[key] = value
