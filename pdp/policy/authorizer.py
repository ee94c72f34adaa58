"""One immutable snapshot of policies and entities, and the decisions it takes."""

from collections.abc import Sequence
from datetime import datetime

import orjson

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.answer import NO_POLICY, Answer, answer_of
from pdp.policy.bundle import Bundle
from pdp.policy.decide_many import Group, MixedGroup, PlainGroup
from pdp.policy.engine import EngineRequest, authorize
from pdp.policy.entities import EntityIndex
from pdp.policy.entity_slice import EntityReader
from pdp.policy.extension_values import cedar_datetime
from pdp.policy.mapping import CedarRequest
from pdp.policy.roles import Role
from pdp.policy.slice import Slice

__all__ = ["Answer", "Authorizer"]


class Authorizer:
    """Decides against one policy set and one set of entities; both never change under it.

    Attributes:
        mapping: AuthZEN names to Cedar's, knowing the types of these policies and entities.
        version: of the policy set.
        entity_version: of the entities; another for every snapshot.
    """

    def __init__(
        self, bundle: Bundle, entities: EntityIndex, entity_version: str | None = None
    ) -> None:
        self.bundle = bundle
        self.entities = entities
        self.version = bundle.version
        self.entity_version = entity_version or str(entities.version)
        self._slices = slices = bundle.slices
        self.reader = reader = EntityReader(entities, bundle.schema)
        self.mapping = bundle.mapping.knowing(slices.types | entities.types(), slices.actions)
        self._principals = Role(slices.principals, reader)
        self._actions = Role(slices.doings, reader)
        self._resources = Role(slices.resources, reader)
        self._roles = (self._principals, self._actions, self._resources)

    def decide(
        self,
        request: CedarRequest,
        *,
        now: datetime,
        caller: JsonObject | None = None,
        approval: JsonObject | None = None,
        request_facts: JsonObject | None = None,
    ) -> Answer:
        """Decide one request.

        Args:
            request: from `mapping`.
            now: becomes `context.now`.
            caller: becomes `context.caller`; these three are in Cedar's JSON form.
            approval: becomes `context.approval`.
            request_facts: becomes `context.request`.
        """
        chosen = self.slice_of(request)
        if not chosen.policies:
            return Answer(False, (), (), chosen)
        if chosen.constant:
            return self._fixed(chosen, request)
        return self.decide_in(chosen, request, now, caller, approval, request_facts)

    def decide_in(
        self,
        chosen: Slice,
        request: CedarRequest,
        now: datetime,
        caller: JsonObject | None = None,
        approval: JsonObject | None = None,
        request_facts: JsonObject | None = None,
    ) -> Answer:
        """Decide one request by the policies of a slice, as `decide` does by its own."""
        context = request.context
        if chosen.reads_reserved:
            context = _with_facts(chosen, context, now, caller, approval, request_facts)
        text = self._entities_text(chosen, request, context)
        asked = self._engine_request(chosen, request, context)
        return answer_of(authorize(chosen.handle, text, asked), chosen)

    def decide_many(
        self, requests: Sequence[CedarRequest], *, now: datetime, caller: JsonObject | None = None
    ) -> list[Answer]:
        """Decide several requests; the answers are those of `decide`, at a lower cost for each."""
        answers: list[Answer | None] = [None] * len(requests)
        groups: dict[tuple[Slice, bool], Group] = {}
        for position, request in enumerate(requests):
            chosen = self.slice_of(request)
            if not chosen.policies:
                answers[position] = Answer(False, (), (), chosen)
                continue
            if chosen.constant:
                answers[position] = self._fixed(chosen, request)
                continue
            context = request.context
            if chosen.reads_reserved:
                context = _with_facts(chosen, context, now, caller, None, None)
            asked = self._engine_request(chosen, request, context)
            plain = self._is_plain(chosen, request)
            group = groups.get((chosen, plain))
            if group is None or not group.take(position, request, context, asked):
                if group is not None:
                    group.decide(answers)
                group = (
                    PlainGroup(chosen, self._roles) if plain else MixedGroup(chosen, self.reader)
                )
                groups[chosen, plain] = group
                group.take(position, request, context, asked)
        for group in groups.values():
            group.decide(answers)
        return [answer for answer in answers if answer is not None]

    def slice_of(self, request: CedarRequest) -> Slice:
        """The policies that can decide a request."""
        if not request.representable:
            return NO_POLICY
        return self._slices.among(
            self._principals[request.principal_uid].profile,
            self._actions[request.action_uid].profile,
            self._resources[request.resource_uid].profile,
        )

    def _fixed(self, chosen: Slice, request: CedarRequest) -> Answer:
        """The answer of a slice whose heads all match and whose conditions mention no request."""
        answer = chosen.fixed
        if answer is None:
            text = self._entities_text(chosen, request, {})
            asked = self._engine_request(chosen, request, {})
            answer = chosen.fixed = authorize(chosen.handle, text, asked)
        return answer_of(answer, chosen)

    def _is_plain(self, chosen: Slice, request: CedarRequest) -> bool:
        """Whether three different entities, as they are stored, are all that is looked at."""
        principal, action, resource = request[:3]
        return not (
            chosen.walks
            or request.overlays
            or principal == resource
            or action in (principal, resource)
        )

    def _entities_text(self, chosen: Slice, request: CedarRequest, context: JsonObject) -> str:
        if self._is_plain(chosen, request):
            cuts = chosen.cuts
            texts = [role.text(request[at], cuts[at]) for at, role in enumerate(self._roles)]
        else:
            texts = self.reader.texts(request, chosen, context)
        return "[" + ",".join(filter(None, texts)) + "]"

    def _engine_request(
        self, chosen: Slice, request: CedarRequest, context: JsonObject
    ) -> EngineRequest:
        asked: EngineRequest = {
            "principal": self._principals[request.principal_uid].json,
            "action": self._actions[request.action_uid].json,
            "resource": self._resources[request.resource_uid].json,
        }
        members = chosen.context_members
        if context and members is not None:
            context = {name: context[name] for name in members if name in context}
        if context:
            # The engine takes 3 us even for an empty context.
            asked["context"] = orjson.dumps(context).decode()
        return asked

    def action_names(self) -> list[str]:
        """The AuthZEN names of every action that some policy or the schema knows, sorted."""
        schema = self.bundle.schema
        groups = frozenset[EntityUid]()
        if schema is not None:
            groups = frozenset(uid for uid, each in schema.actions.items() if not each.principals)
        names = self.mapping.known_action_names()
        return [name for name in names if self.mapping.action_uid(name) not in groups]

    def entity_ids(self, authzen_type: str) -> Sequence[str]:
        """The ids of the known entities of an AuthZEN type, sorted."""
        return self.entities.ids_of_type(self.mapping.entity_type(authzen_type))


def _with_facts(
    chosen: Slice,
    context: JsonObject,
    now: datetime,
    caller: JsonObject | None,
    approval: JsonObject | None,
    request: JsonObject | None,
) -> JsonObject:
    """The context with the reserved members that conditions of the slice look at."""
    found = dict(context)
    if approval is not None and chosen.reads_approval:
        found["approval"] = approval
    if chosen.reads_now:
        found["now"] = cedar_datetime(now)
    if caller is not None and chosen.reads_caller:
        found["caller"] = caller
    if request is not None and chosen.reads_request:
        found["request"] = request
    return found
