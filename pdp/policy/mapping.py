"""AuthZEN names and values to Cedar's, and back (contract, section 4)."""

import re
from collections.abc import Iterable
from collections.abc import Mapping as Names
from typing import Any, NamedTuple

from pdp.core.authzen import Entity, Evaluation
from pdp.core.values import EntityUid, JsonObject
from pdp.policy.coercion import Coercion
from pdp.policy.engine import Principal
from pdp.policy.schema_types import Record, Schema

RESERVED = frozenset({"approval", "request", "now", "caller"})
"""Members of the context that only this server sets."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_KEYWORDS = frozenset(
    "true false if then else in is like has __cedar permit forbid when unless".split()
)
_PLAIN_ID = re.compile(r"[ !#-\[\]-~]*", re.ASCII)
_WORD = re.compile(r"[^A-Za-z0-9]+", re.ASCII)
_UNKNOWN_TYPE = "__unknown"
_MOST_CACHED = 20_000


class CedarRequest(NamedTuple):
    """An evaluation in Cedar's terms.

    Attributes:
        principal: for the engine, as are `action` and `resource`.
        context: in Cedar's JSON form, without the reserved members.
        overlays: attributes from the request, by entity.
        dropped: JSON Pointers of what Cedar cannot hold.
    """

    principal: Principal
    action: Principal
    resource: Principal
    principal_uid: EntityUid
    action_uid: EntityUid
    resource_uid: EntityUid
    context: JsonObject
    overlays: dict[EntityUid, JsonObject]
    dropped: tuple[str, ...]


class NameMap(NamedTuple):
    """What `mapping.yaml` says: AuthZEN types and actions to Cedar's."""

    types: Names[str, str]
    actions: Names[str, EntityUid]


NO_NAMES = NameMap({}, {})


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
        names: NameMap,
        schema: Schema | None,
        types: Iterable[str] = (),
        actions: Iterable[EntityUid] = (),
    ) -> None:
        self.names = names
        self._schema = schema
        known = set(types) | (set(schema.entity_types) if schema else set())
        self._types = known
        self._by_last_part = _by_last_part(known)
        self._actions = set(actions) | (set(schema.actions) if schema else set())
        self._action_by_id = _unambiguous(self._actions)
        self._back_types = {cedar: authzen for authzen, cedar in names.types.items()}
        self._back_actions = {uid: name for name, uid in names.actions.items()}
        self._type_cache: dict[str, str] = {}
        self._action_cache: dict[str, EntityUid] = {}
        self._literals: dict[EntityUid, Principal] = {}

    def knowing(self, types: Iterable[str], actions: Iterable[EntityUid]) -> "Mapping":
        """This mapping for a set whose policies and entities also name these."""
        return Mapping(
            self.names, self._schema, self._types | set(types), self._actions | set(actions)
        )

    def request(self, evaluation: Evaluation) -> CedarRequest:
        """An evaluation in Cedar's terms; never fails, whatever the names and values are."""
        subject, action, resource, context = evaluation
        principal_uid = (self.entity_type(subject.type), subject.id)
        resource_uid = (self.entity_type(resource.type), resource.id)
        action_uid = self.action_uid(action.name)
        overlays: dict[EntityUid, JsonObject] = {}
        coerced: JsonObject = {}
        dropped: tuple[str, ...] = ()
        if subject.properties or resource.properties or context or action.properties:
            coercion = Coercion(self.entity_type)
            if subject.properties:
                overlays[principal_uid] = self._attributes(
                    coercion, subject, principal_uid, "/subject"
                )
            if resource.properties:
                overlay = self._attributes(coercion, resource, resource_uid, "/resource")
                overlays[resource_uid] = overlays.get(resource_uid, {}) | overlay
            if context or action.properties:
                coerced = self._context(coercion, context, action.properties, action_uid)
            dropped = tuple(coercion.dropped)
        return CedarRequest(
            self.literal(principal_uid),
            self.literal(action_uid),
            self.literal(resource_uid),
            principal_uid,
            action_uid,
            resource_uid,
            coerced,
            overlays,
            dropped,
        )

    def _attributes(
        self, coercion: Coercion, entity: Entity, uid: EntityUid, at: str
    ) -> JsonObject:
        shape = self._schema.shape(uid[0]) if self._schema else None
        return coercion.members(entity.properties, shape, at + "/properties")

    def _context(
        self, coercion: Coercion, context: JsonObject, properties: JsonObject, action: EntityUid
    ) -> JsonObject:
        record = self._schema.context(action) if self._schema else None
        if not RESERVED.isdisjoint(context):
            context = {name: value for name, value in context.items() if name not in RESERVED}
        coerced = coercion.members(context, record, "/context")
        if properties:
            known = record.attributes.get("action") if record else None
            inner = known.type if known and isinstance(known.type, Record) else None
            coerced["action"] = coercion.members(properties, inner, "/action/properties")
        return coerced

    def entity_type(self, name: str) -> str:
        """The Cedar type of an AuthZEN type: mapped, else of that very name, else PascalCase."""
        found = self._type_cache.get(name)
        if found is None:
            found = self._find_type(name)
            _remember(self._type_cache, name, found)
        return found

    def _find_type(self, name: str) -> str:
        mapped = self.names.types.get(name)
        if mapped is not None:
            return mapped
        if name in self._types:
            return name
        pascal = _pascal(name)
        if pascal in self._types:
            return pascal
        for last in (name, pascal):
            qualified = self._by_last_part.get(last)
            if qualified is not None:
                return qualified
        for candidate in (pascal, name):
            if _is_type(candidate):
                return candidate
        return _UNKNOWN_TYPE

    def authzen_type(self, cedar_type: str) -> str:
        """The AuthZEN type of a Cedar type: mapped, else in snake case."""
        mapped = self._back_types.get(cedar_type)
        if mapped is not None:
            return mapped
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cedar_type.rsplit("::", 1)[-1]).lower()
        return snake if self.entity_type(snake) == cedar_type else cedar_type

    def action_uid(self, name: str) -> EntityUid:
        """The Cedar action of an AuthZEN action name."""
        found = self._action_cache.get(name)
        if found is None:
            found = self.names.actions.get(name) or self._action_by_id.get(name)
            found = found or ("Action", name)
            _remember(self._action_cache, name, found)
        return found

    def action_name(self, uid: EntityUid) -> str:
        """The AuthZEN name of a Cedar action."""
        return self._back_actions.get(uid, uid[1])

    def known_action_names(self) -> list[str]:
        """The names of the actions that some policy or the schema knows, sorted."""
        return sorted({self.action_name(uid) for uid in self._actions})

    def literal(self, uid: EntityUid) -> Principal:
        """The entity for the engine: a literal, or a structure where its id needs escapes."""
        found = self._literals.get(uid)
        if found is None:
            kind, identifier = uid
            plain = _PLAIN_ID.fullmatch(identifier)
            found = f'{kind}::"{identifier}"' if plain else {"type": kind, "id": identifier}
            _remember(self._literals, uid, found)
        return found


def _remember(cache: dict[Any, Any], key: Any, value: Any) -> None:
    if len(cache) >= _MOST_CACHED:
        cache.clear()
    cache[key] = value


def _pascal(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in _WORD.split(name))


def _is_type(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and _KEYWORDS.isdisjoint(name.split("::"))


def _by_last_part(types: set[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name in types:
        if "::" in name:
            found.setdefault(name.rsplit("::", 1)[1], []).append(name)
    return {last: names[0] for last, names in found.items() if len(names) == 1}


def _unambiguous(actions: set[EntityUid]) -> dict[str, EntityUid]:
    found: dict[str, list[EntityUid]] = {}
    for uid in actions:
        found.setdefault(uid[1], []).append(uid)
    plain = {uid[1]: uid for uid in actions if uid[0] == "Action"}
    return {name: uids[0] for name, uids in found.items() if len(uids) == 1} | plain
