"""One immutable snapshot of policies and entities, and the decisions it takes."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import orjson

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.bundle import Bundle
from pdp.policy.coercion import cedar_datetime
from pdp.policy.engine import EngineAnswer, EngineRequest, authorize, authorize_batch
from pdp.policy.entities import EntityIndex, entity_text
from pdp.policy.mapping import CedarRequest
from pdp.policy.policy import Policy
from pdp.policy.slicing import Slice

_NO_CONTEXT = "{}"


class Answer(NamedTuple):
    """A decision and what led to it.

    Attributes:
        allowed: whether the request is permitted.
        determining: the policies that decided: permits, or the forbids that overrode them.
        errors: conditions that could not be evaluated; such a policy did not count.
        slice: the policies that could have decided.
    """

    allowed: bool
    determining: tuple[Policy, ...]
    errors: tuple[tuple[Policy | None, str], ...]
    slice: Slice


class Facts(NamedTuple):
    """What only this server says in a context, in Cedar's JSON form."""

    now: datetime
    caller: JsonObject | None = None
    approval: JsonObject | None = None
    request: JsonObject | None = None


class Authorizer:
    """Decides against one policy set and one set of entities; both never change under it."""

    def __init__(self, bundle: Bundle, entities: EntityIndex, entity_version: str = "0") -> None:
        self.bundle = bundle
        self.entities = entities
        self.version = bundle.version
        self.entity_version = entity_version
        slices = bundle.slices
        self._slices = slices
        self.mapping = bundle.mapping.knowing(slices.types | entities.types(), slices.actions)
        self._action_ancestors: dict[EntityUid, tuple[EntityUid, ...]] = {}
        self._action_texts: dict[EntityUid, JsonObject] = {}

    def decide(
        self,
        request: CedarRequest,
        *,
        now: datetime,
        caller: JsonObject | None = None,
        approval: JsonObject | None = None,
        request_facts: JsonObject | None = None,
    ) -> Answer:
        """Decide one request; the reserved members of the context are those given here."""
        chosen = self.slice_of(request)
        if chosen.handle is None:
            return Answer(False, (), (), chosen)
        context = self._context(
            chosen, request.context, Facts(now, caller, approval, request_facts)
        )
        answer = authorize(
            chosen.handle,
            "[" + ",".join(self._entity_texts(chosen, request, context).values()) + "]",
            _engine_request(request, context),
        )
        return _answer(answer, chosen)

    def decide_many(
        self, requests: Sequence[CedarRequest], *, now: datetime, caller: JsonObject | None = None
    ) -> list[Answer]:
        """Decide several requests; the answers are those of `decide`, at a lower cost for each."""
        answers: list[Answer | None] = [None] * len(requests)
        groups: dict[int, list[_Group]] = {}
        facts = Facts(now, caller)
        for position, request in enumerate(requests):
            chosen = self.slice_of(request)
            if chosen.handle is None:
                answers[position] = Answer(False, (), (), chosen)
                continue
            context = self._context(chosen, request.context, facts)
            texts = self._entity_texts(chosen, request, context)
            found = groups.setdefault(id(chosen), [])
            if not found or not found[-1].take(position, request, context, texts):
                found.append(_Group(chosen, position, request, context, texts))
        for group in (group for found in groups.values() for group in found):
            group.decide(answers)
        return [answer for answer in answers if answer is not None]

    def slice_of(self, request: CedarRequest) -> Slice:
        """The policies that can decide a request."""
        entities = self.entities
        return self._slices.slice(
            request.principal_uid,
            entities.ancestors(request.principal_uid),
            request.action_uid,
            self.action_ancestors(request.action_uid),
            request.resource_uid,
            entities.ancestors(request.resource_uid),
        )

    def action_ancestors(self, action: EntityUid) -> tuple[EntityUid, ...]:
        """The groups of an action, from the schema and from stored entities."""
        found = self._action_ancestors.get(action)
        if found is None:
            schema = self.bundle.schema
            groups = dict.fromkeys(self.entities.ancestors(action))
            groups |= dict.fromkeys(sorted(schema.action_ancestors(action))) if schema else {}
            found = tuple(groups)
            if len(self._action_ancestors) > 10_000:
                self._action_ancestors.clear()
            self._action_ancestors[action] = found
        return found

    def action_names(self) -> list[str]:
        """The AuthZEN names of every action that some policy or the schema knows."""
        return self.mapping.known_action_names()

    def entity_ids(self, authzen_type: str) -> Sequence[str]:
        """The ids of the known entities of an AuthZEN type, sorted."""
        return self.entities.ids_of_type(self.mapping.entity_type(authzen_type))

    def _context(self, chosen: Slice, context: JsonObject, facts: Facts) -> JsonObject:
        added: JsonObject = {}
        if facts.approval is not None:
            added["approval"] = facts.approval
        if chosen.reads_now:
            added["now"] = cedar_datetime(facts.now)
        if chosen.reads_caller and facts.caller is not None:
            added["caller"] = facts.caller
        if chosen.reads_request and facts.request is not None:
            added["request"] = facts.request
        return {**context, **added} if added else context

    def _entity_texts(
        self, chosen: Slice, request: CedarRequest, context: JsonObject
    ) -> dict[EntityUid, str]:
        roots = (request.principal_uid, request.resource_uid, request.action_uid)
        texts = self.entities.slice_texts(roots, request.overlays, chosen.trie, context)
        action = self._action_text(request.action_uid)
        if action:
            texts[request.action_uid] = action
        return texts

    def _action_text(self, action: EntityUid) -> str:
        text = self._action_texts.get(action)
        if text is None:
            groups = self.action_ancestors(action)
            body = self.entities.get(action)
            attributes = body["attrs"] if body else {}
            text = entity_text(action, attributes, groups) if groups or body else ""
            if len(self._action_texts) > 10_000:
                self._action_texts.clear()
            self._action_texts[action] = text
        return text


class _Group:
    """Requests of one slice that can share the entities handed to the engine.

    What one request lays over an entity must not be seen by another: where conditions look beyond
    principal and resource, only requests with the same overlays go together.
    """

    def __init__(
        self,
        chosen: Slice,
        position: int,
        request: CedarRequest,
        context: JsonObject,
        texts: dict[EntityUid, str],
    ) -> None:
        self._slice = chosen
        self._overlays = request.overlays
        self._texts = texts
        self._absent = _absent(request, texts)
        self._positions = [position]
        self._requests = [_engine_request(request, context)]

    def take(
        self, position: int, request: CedarRequest, context: JsonObject, texts: dict[EntityUid, str]
    ) -> bool:
        """Take another request in, if that changes the answer of none."""
        if self._slice.trie and request.overlays != self._overlays:
            return False
        mine = self._texts
        for uid, text in texts.items():
            if mine.get(uid, text) != text:
                return False
        absent = _absent(request, texts)
        if not self._absent.isdisjoint(texts) or not absent.isdisjoint(mine):
            return False
        self._absent |= absent
        mine.update(texts)
        self._positions.append(position)
        self._requests.append(_engine_request(request, context))
        return True

    def decide(self, answers: list[Answer | None]) -> None:
        """Put the answers of this group's requests in their positions."""
        assert self._slice.handle is not None
        text = "[" + ",".join(self._texts.values()) + "]"
        found = authorize_batch(self._slice.handle, text, self._requests)
        for position, answer in zip(self._positions, found, strict=True):
            answers[position] = _answer(answer, self._slice)


def _absent(request: CedarRequest, texts: dict[EntityUid, str]) -> set[EntityUid]:
    """Principal and resource where they have no text: they must stay without one."""
    return {uid for uid in (request.principal_uid, request.resource_uid) if uid not in texts}


def _engine_request(request: CedarRequest, context: JsonObject) -> EngineRequest:
    return {
        "principal": request.principal,
        "action": request.action,
        "resource": request.resource,
        "context": orjson.dumps(context).decode() if context else _NO_CONTEXT,
    }


def _answer(answer: EngineAnswer, chosen: Slice) -> Answer:
    policies = chosen.policies
    return Answer(
        answer.allowed,
        tuple([policies[position] for position in answer.reasons]),
        tuple(
            [
                (None if position is None else policies[position], text)
                for position, text in answer.errors
            ]
        )
        if answer.errors
        else (),
        chosen,
    )
