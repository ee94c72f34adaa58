"""AuthZEN names and values to Cedar's, and back (contract, section 4)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pdp.core.authzen import Evaluation
from pdp.core.values import EntityUid, JsonObject
from pdp.policy.coercion import Coercion
from pdp.policy.names import (
    NO_NAMES,
    NameMap,
    by_id,
    by_last_part,
    cedar_literal,
    is_cedar_type,
    pascal_case,
    snake_case,
)
from pdp.policy.schema_types import Record, Schema

__all__ = ["NO_NAMES", "RESERVED", "CedarRequest", "Mapping", "NameMap"]

RESERVED = frozenset({"approval", "request", "now", "caller"})
"""Members of the context that only this server sets."""

_MOST_CACHED = 4096
_LONGEST_CACHED = 100


class CedarRequest(NamedTuple):
    """An evaluation in Cedar's terms.

    Attributes:
        context: in Cedar's JSON form, without the reserved members.
        overlays: attributes from the request, in Cedar's JSON form, by entity.
        dropped: JSON Pointers of what Cedar cannot hold.
        representable: whether Cedar can name both types; if not, no policy can match.
    """

    principal_uid: EntityUid
    action_uid: EntityUid
    resource_uid: EntityUid
    context: JsonObject
    overlays: dict[EntityUid, JsonObject]
    dropped: tuple[str, ...] = ()
    representable: bool = True

    @property
    def principal(self) -> str:
        """The principal as Cedar writes it."""
        return cedar_literal(self.principal_uid)

    @property
    def action(self) -> str:
        """The action as Cedar writes it."""
        return cedar_literal(self.action_uid)

    @property
    def resource(self) -> str:
        """The resource as Cedar writes it."""
        return cedar_literal(self.resource_uid)


# Shared by all requests that carry nothing; nobody writes into a request.
_NOTHING: JsonObject = {}
_NO_OVERLAYS: dict[EntityUid, JsonObject] = {}

_Coerced = tuple[JsonObject, Sequence[str]]
_Contexts = dict[tuple[int, int, EntityUid], _Coerced]
"""Contexts in Cedar's form with what was dropped, by the very objects that they were made of."""


class Mapping:
    """The mapping of one policy set.

    Args:
        names: from `mapping.yaml`.
        schema: coerces values, where there is one.
        types: entity types that policies or entities mention.
        actions: actions that policies mention.
    """

    def __init__(
        self,
        names: NameMap = NO_NAMES,
        schema: Schema | None = None,
        types: Iterable[str] = (),
        actions: Iterable[EntityUid] = (),
    ) -> None:
        self.names = names
        self._schema = schema
        self._types = frozenset(types) | (schema.entity_types.keys() if schema else frozenset())
        self._actions = frozenset(actions) | (schema.actions.keys() if schema else frozenset())
        self._by_last_part = by_last_part(self._types)
        self._action_uids = by_id(self._actions) | dict(names.actions)
        self._back_types = {cedar: authzen for authzen, cedar in names.types.items()}
        self._back_actions = {uid: name for name, uid in names.actions.items()}
        self._known_types: dict[str, str] = {}

    def knowing(self, types: Iterable[str], actions: Iterable[EntityUid]) -> "Mapping":
        """This mapping for a set whose policies and entities also name these."""
        all_types, all_actions = self._types.union(types), self._actions.union(actions)
        if len(all_types) == len(self._types) and len(all_actions) == len(self._actions):
            return self
        return Mapping(self.names, self._schema, all_types, all_actions)

    def requests(self, evaluations: Sequence[Evaluation]) -> list[CedarRequest]:
        """Several evaluations in Cedar's terms; a context that they share is coerced once."""
        # Keyed by identity, which is sound while `evaluations` keeps the objects alive.
        contexts: _Contexts = {}
        return [self.request(evaluation, contexts) for evaluation in evaluations]

    def request(self, evaluation: Evaluation, contexts: _Contexts | None = None) -> CedarRequest:
        """An evaluation in Cedar's terms; never fails, whatever the names and values are."""
        subject, action, resource, context = evaluation
        known = self._known_types
        subject_type = known.get(subject.type)
        resource_type = known.get(resource.type)
        representable = True
        if subject_type is None:
            subject_type = self.entity_type(subject.type)
            representable = is_cedar_type(subject_type)
        if resource_type is None:
            resource_type = self.entity_type(resource.type)
            representable = representable and is_cedar_type(resource_type)
        found = CedarRequest(
            (subject_type, subject.id),
            self._action_uids.get(action.name) or ("Action", action.name),
            (resource_type, resource.id),
            _NOTHING,
            _NO_OVERLAYS,
            (),
            representable,
        )
        if subject.properties or resource.properties or context or action.properties:
            return self._with_values(found, evaluation, {} if contexts is None else contexts)
        return found

    def _with_values(
        self, found: CedarRequest, evaluation: Evaluation, contexts: _Contexts
    ) -> CedarRequest:
        subject, action, resource, context = evaluation
        coercion = Coercion(self.entity_type)
        schema = self._schema
        overlays: dict[EntityUid, JsonObject] = {}
        for entity, uid, at in (
            (subject, found.principal_uid, "subject"),
            (resource, found.resource_uid, "resource"),
        ):
            if entity.properties:
                shape = schema.shape(uid[0]) if schema else None
                laid = coercion.members(entity.properties, shape, (at, "properties"))
                overlays[uid] = {**overlays[uid], **laid} if uid in overlays else laid
        coerced, dropped = _NOTHING, coercion.dropped
        if context or action.properties:
            key = (id(context), id(action.properties), found.action_uid)
            made = contexts.get(key)
            if made is None:
                made = contexts[key] = self._context(found.action_uid, context, action.properties)
            coerced, dropped = made[0], [*dropped, *made[1]]
        return CedarRequest(
            found.principal_uid,
            found.action_uid,
            found.resource_uid,
            coerced,
            overlays,
            tuple(dropped),
            found.representable,
        )

    def _context(self, action: EntityUid, context: JsonObject, properties: JsonObject) -> _Coerced:
        coercion = Coercion(self.entity_type)
        record = self._schema.context(action) if self._schema else None
        return _context(coercion, context, properties, record), coercion.dropped

    def entity_type(self, name: str) -> str:
        """The Cedar type of an AuthZEN type: mapped, else of that very name, else PascalCase.

        A name that Cedar cannot have is given back as it is.
        """
        found = self._known_types.get(name)
        if found is None:
            found = self._find_type(name)
            if len(name) <= _LONGEST_CACHED and is_cedar_type(found):
                if len(self._known_types) >= _MOST_CACHED:
                    self._known_types = {}
                self._known_types[name] = found
        return found

    def _find_type(self, name: str) -> str:
        mapped = self.names.types.get(name)
        if mapped is not None:
            return mapped
        pascal = pascal_case(name)
        for candidate in (name, pascal):
            if candidate in self._types:
                return candidate
        for candidate in (name, pascal):
            if candidate in self._by_last_part:
                return self._by_last_part[candidate]
        return pascal if is_cedar_type(pascal) else name

    def authzen_type(self, cedar_type: str) -> str:
        """The AuthZEN type of a Cedar type: mapped, else in snake case where that leads back."""
        mapped = self._back_types.get(cedar_type)
        if mapped is not None:
            return mapped
        snake = snake_case(cedar_type)
        return snake if self.entity_type(snake) == cedar_type else cedar_type

    def action_uid(self, name: str) -> EntityUid:
        """The Cedar action of an AuthZEN action name."""
        return self._action_uids.get(name) or ("Action", name)

    def action_name(self, uid: EntityUid) -> str:
        """The AuthZEN name of a Cedar action."""
        return self._back_actions.get(uid, uid[1])

    def known_action_names(self) -> list[str]:
        """The names of the actions that some policy or the schema knows, sorted."""
        named = {self.action_name(uid): uid for uid in self._actions}
        return sorted(name for name, uid in named.items() if self.action_uid(name) == uid)


def _context(
    coercion: Coercion, context: JsonObject, properties: JsonObject, record: Record | None
) -> JsonObject:
    if not RESERVED.isdisjoint(context):
        context = {name: value for name, value in context.items() if name not in RESERVED}
    coerced = coercion.members(context, record, ("context",))
    if properties:
        known = record.attributes.get("action") if record else None
        inner = known.type if known and isinstance(known.type, Record) else None
        coerced["action"] = coercion.members(properties, inner, ("action", "properties"))
    return coerced
