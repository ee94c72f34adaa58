"""One immutable snapshot of policies and entities, and the decisions it takes."""

from collections.abc import Sequence
from datetime import datetime

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.answer import NO_POLICY, Answer, answer_of, engine_request
from pdp.policy.bundle import Bundle
from pdp.policy.decide_many import Group
from pdp.policy.engine import authorize
from pdp.policy.entities import EntityIndex
from pdp.policy.entity_slice import EntityReader
from pdp.policy.extension_values import cedar_datetime
from pdp.policy.mapping import CedarRequest
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
        self._slices = bundle.slices
        self.reader = EntityReader(entities, bundle.schema)
        self.mapping = bundle.mapping.knowing(
            self._slices.types | entities.types(), self._slices.actions
        )

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
        context = request.context
        if chosen.reads_reserved:
            context = _with_facts(chosen, context, now, caller, approval, request_facts)
        texts = self.reader.texts(request, chosen, context)
        answer = authorize(
            chosen.handle, "[" + ",".join(texts) + "]", engine_request(request, chosen, context)
        )
        return answer_of(answer, chosen)

    def decide_many(
        self, requests: Sequence[CedarRequest], *, now: datetime, caller: JsonObject | None = None
    ) -> list[Answer]:
        """Decide several requests; the answers are those of `decide`, at a lower cost for each."""
        answers: list[Answer | None] = [None] * len(requests)
        groups: dict[int, Group] = {}
        for position, request in enumerate(requests):
            chosen = self.slice_of(request)
            if not chosen.policies:
                answers[position] = Answer(False, (), (), chosen)
                continue
            context = request.context
            if chosen.reads_reserved:
                context = _with_facts(chosen, context, now, caller, None, None)
            group = groups.get(id(chosen))
            if group is None or not group.take(position, request, context):
                if group is not None:
                    group.decide(answers)
                group = groups[id(chosen)] = Group(self.reader, chosen)
                group.take(position, request, context)
        for group in groups.values():
            group.decide(answers)
        return [answer for answer in answers if answer is not None]

    def slice_of(self, request: CedarRequest) -> Slice:
        """The policies that can decide a request."""
        if not request.representable:
            return NO_POLICY
        ancestry = self.reader.ancestry
        return self._slices.slice(
            request.principal_uid,
            ancestry(request.principal_uid).uids,
            request.action_uid,
            ancestry(request.action_uid).uids,
            request.resource_uid,
            ancestry(request.resource_uid).uids,
        )

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
