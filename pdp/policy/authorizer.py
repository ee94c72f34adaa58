"""One immutable snapshot of policies and entities, and the decisions it takes."""

from collections.abc import Sequence
from datetime import datetime

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.answer import NO_ANSWER, NO_POLICY, Answer, answer_of
from pdp.policy.asking import engine_request, entity_texts
from pdp.policy.bundle import Bundle
from pdp.policy.decide_many import Groups
from pdp.policy.engine import EngineAnswer, authorize
from pdp.policy.entities import EntityIndex
from pdp.policy.entity_slice import EntityReader
from pdp.policy.extension_values import cedar_datetime
from pdp.policy.mapping import CedarRequest
from pdp.policy.roles import Role, Three
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
        if not request.representable:
            return NO_ANSWER
        three = self._known(request)
        chosen = self._slices.among(three[0].profile, three[1].profile, three[2].profile)
        if chosen.is_fixed:
            return self._fixed(chosen, request, three)
        context = request.context
        if chosen.reads_reserved:
            context = _with_facts(chosen, context, now, caller, approval, request_facts)
        return answer_of(self._ask(chosen, request, three, context), chosen)

    def decide_in(
        self,
        chosen: Slice,
        request: CedarRequest,
        now: datetime,
        caller: JsonObject | None = None,
        approval: JsonObject | None = None,
        request_facts: JsonObject | None = None,
    ) -> Answer:
        """Decide one request by the policies of any slice, which need not be its own."""
        if not request.representable:
            return Answer(False, (), (), chosen)
        context = _with_facts(chosen, request.context, now, caller, approval, request_facts)
        return answer_of(self._ask(chosen, request, self._known(request), context), chosen)

    def decide_many(
        self, requests: Sequence[CedarRequest], *, now: datetime, caller: JsonObject | None = None
    ) -> list[Answer]:
        """Decide several requests; the answers are those of `decide`, at a lower cost for each."""
        groups = Groups(self.reader, len(requests))
        for position, request in enumerate(requests):
            if not request.representable:
                groups.answers[position] = NO_ANSWER
                continue
            three = self._known(request)
            chosen = self._slices.among(three[0].profile, three[1].profile, three[2].profile)
            if chosen.is_fixed:
                groups.answers[position] = self._fixed(chosen, request, three)
                continue
            context = request.context
            if chosen.reads_reserved:
                context = _with_facts(chosen, context, now, caller, None, None)
            groups.add(position, chosen, request, three, context)
        return groups.decided()

    def slice_of(self, request: CedarRequest) -> Slice:
        """The policies that can decide a request."""
        if not request.representable:
            return NO_POLICY
        principal, action, resource = self._known(request)
        return self._slices.among(principal.profile, action.profile, resource.profile)

    def _known(self, request: CedarRequest) -> Three:
        return (
            self._principals[request.principal_uid],
            self._actions[request.action_uid],
            self._resources[request.resource_uid],
        )

    def _ask(
        self, chosen: Slice, request: CedarRequest, three: Three, context: JsonObject
    ) -> EngineAnswer:
        texts = entity_texts(self.reader, chosen, request, three, context)
        text = "[" + ",".join(filter(None, texts)) + "]"
        return authorize(chosen.handle, text, engine_request(chosen, three, context))

    def _fixed(self, chosen: Slice, request: CedarRequest, three: Three) -> Answer:
        """The answer of a slice whose heads all match and whose conditions mention no request."""
        answer = chosen.fixed
        if answer is None:
            answer = self._ask(chosen, request, three, {})
            # What went wrong with these entities need not go wrong with others.
            if all(position is not None for position, _ in answer.errors):
                chosen.fixed = answer
        return answer_of(answer, chosen)

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
        members = chosen.approval_members
        # The engine takes 20 us for each moment that it reads.
        if members is not None:
            approval = {name: approval[name] for name in members if name in approval}
        found["approval"] = approval
    if chosen.reads_now:
        found["now"] = cedar_datetime(now)
    if caller is not None and chosen.reads_caller:
        found["caller"] = caller
    if request is not None and chosen.reads_request:
        found["request"] = request
    return found
