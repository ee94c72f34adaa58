"""The entities, and of them the parts, that one decision can look at, as JSON for the engine.

The engine takes about 3 us to read an entity and 2 us more for each attribute and each parent, so
it is given only what the policies of the slice read: the attributes that they name, the ancestors
that they look for. Ancestors need no entity of their own, as all of them are written as parents.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.ancestry import NO_ANCESTORS, Ancestry, uid_text
from pdp.policy.entities import EntityIndex, Stored
from pdp.policy.explicit import Explicit, explicit_tags, explicit_text, explicit_value
from pdp.policy.mapping import CedarRequest
from pdp.policy.reach import NOTHING, Reach, Want
from pdp.policy.schema_types import Schema
from pdp.policy.slice import Cut, Slice

Overlays = Mapping[EntityUid, JsonObject]
Names = frozenset[str] | None
Wants = dict[EntityUid, Want]

_NOTHING_STORED = Stored((), (), "", ())

Look = tuple[Stored | None, Ancestry]
"""An entity as it is stored, and what is above it."""


class EntityReader:
    """Cuts out of one snapshot of entities what decisions can look at.

    Args:
        entities: the snapshot.
        schema: says which attributes are references and the like; gives the groups of actions.
    """

    def __init__(self, entities: EntityIndex, schema: Schema | None) -> None:
        self._entities = entities
        self._schema = schema
        self._explicit = Explicit(schema)
        self._actions: dict[EntityUid, Ancestry] = {}

    def ancestry(self, uid: EntityUid) -> Ancestry:
        """What is above an entity; above an action, also the groups that the schema says."""
        if not self._is_action(uid):
            return self._entities.ancestry(uid)
        found = self._actions.get(uid)
        if found is None:
            found = self._actions[uid] = self._action_ancestry(uid)
        return found

    def texts(self, request: CedarRequest, chosen: Slice, context: JsonObject) -> list[str]:
        """The entities for one decision, each as JSON text."""
        overlays, targets = request.overlays, chosen.targets
        return [
            self.text(uid, Cut(want, targets), overlays.get(uid), self.look(uid))
            for uid, want in self.wants(request, chosen, context).items()
        ]

    def wants(self, request: CedarRequest, chosen: Slice, context: JsonObject) -> Wants:
        """What of which entities the policies of a slice can look at."""
        principal, action, resource = uids = request[:3]
        wants: Wants = {}
        for uid, cut in zip(uids, chosen.cuts, strict=True):
            known = wants.get(uid)
            wants[uid] = cut.want if known is None else known.along_with(cut.want)
        if chosen.walks or chosen.walks_context:
            access = chosen.access
            walk = _Walk(self, request.overlays, wants)
            walk.entity(principal, access.principal)
            walk.entity(resource, access.resource)
            walk.entity(action, access.action)
            walk.record(context, access.context)
            for uid, reach in access.literals:
                walk.entity(uid, reach)
        return wants

    def look(self, uid: EntityUid) -> Look:
        """An entity as it is stored, and what is above it."""
        return self._entities.stored(uid), self.ancestry(uid)

    def text(self, uid: EntityUid, cut: Cut, overlay: JsonObject | None, look: Look) -> str:
        """One entity for the engine; empty when the decision is the same without it."""
        stored, ancestry = look
        parents = ancestry.parents_text(cut.targets)
        names, tagged = cut.want
        if names is not None and not names and not tagged:
            if not parents:
                return ""
            attributes = ""
        else:
            if stored is None:
                if overlay is None and not parents and not self._is_action(uid):
                    return ""
                stored = _NOTHING_STORED
            attributes = self._attributes(uid[0], names, stored, overlay)
            if tagged and stored.tags:
                tags = explicit_tags(stored.tags, self._explicit.tags_type(uid[0]))
                return (
                    f'{{"uid":{uid_text(uid)},"attrs":{{{attributes}}},'
                    f'"tags":{tags},"parents":[{parents}]}}'
                )
        return f'{{"uid":{uid_text(uid)},"attrs":{{{attributes}}},"parents":[{parents}]}}'

    def attributes(
        self, uid: EntityUid, names: Names, overlay: JsonObject | None
    ) -> Iterator[tuple[str, Any]]:
        """Attributes of an entity by name, in Cedar's explicit JSON form; all when None."""
        stored = self._entities.stored(uid)
        laid = overlay or {}
        for name, value in laid.items():
            if names is None or name in names:
                yield name, value
        if stored is not None:
            for at, name, _, kind in self._explicit.columns(uid[0], stored.names, names):
                if name not in laid:
                    yield name, explicit_value(stored.values[at], kind)

    def tags(self, uid: EntityUid) -> JsonObject:
        """All tags of an entity, in Cedar's explicit JSON form."""
        stored = self._entities.stored(uid)
        if stored is None or not stored.tags:
            return {}
        values: JsonObject = orjson.loads(
            explicit_tags(stored.tags, self._explicit.tags_type(uid[0]))
        )
        return values

    def _attributes(
        self, entity_type: str, names: Names, stored: Stored, overlay: JsonObject | None
    ) -> str:
        if names is not None and not names:
            return ""
        columns = self._explicit.columns(entity_type, stored.names, names)
        values = stored.values
        if overlay is None:
            return ",".join(
                [
                    key + (values[at] if kind is None else explicit_text(values[at], kind))
                    for at, _, key, kind in columns
                ]
            )
        parts = [
            key + explicit_text(values[at], kind)
            for at, name, key, kind in columns
            if name not in overlay
        ]
        laid = overlay if names is None else {n: overlay[n] for n in names if n in overlay}
        if laid:
            parts.append(orjson.dumps(laid)[1:-1].decode())
        return ",".join(parts)

    def _is_action(self, uid: EntityUid) -> bool:
        return self._schema is not None and uid in self._schema.actions

    def _action_ancestry(self, action: EntityUid) -> Ancestry:
        assert self._schema is not None
        found: set[EntityUid] = set()
        waiting = [action]
        while waiting:
            uid = waiting.pop()
            for above in (self._entities.ancestors(uid), self._schema.action_ancestors(uid)):
                new = above - found
                found |= new
                waiting += new
        return Ancestry(frozenset(found)) if found else NO_ANCESTORS


class _Walk:
    """Follows what conditions read through the data, and notes every entity on the way."""

    def __init__(self, reader: EntityReader, overlays: Overlays, wants: Wants) -> None:
        self._reader = reader
        self._overlays = overlays
        self._wants = wants
        self._seen: set[tuple[EntityUid, Reach]] = set()

    def entity(self, uid: EntityUid, reach: Reach) -> None:
        """Note an entity and go on through its attributes and tags."""
        if (uid, reach) in self._seen:
            return
        self._seen.add((uid, reach))
        want = reach.want()
        known = self._wants.get(uid)
        self._wants[uid] = want if known is None else known.along_with(want)
        if not reach.onward():
            return
        overlay = self._overlays.get(uid)
        onward = want.names and frozenset(name for name, below in reach.attrs if below != NOTHING)
        self.record(dict(self._reader.attributes(uid, onward, overlay)), reach)
        if want.tags:
            self._tags(self._reader.tags(uid), reach)

    def record(self, values: JsonObject, reach: Reach) -> None:
        """Go on through the members of a record."""
        if reach.everything:
            self._all(values.values(), reach)
            return
        for name, below in reach.attrs:
            if name in values:
                self._value(values[name], below)

    def _tags(self, tags: JsonObject, reach: Reach) -> None:
        if reach.everything:
            self._all(tags.values(), reach)
            return
        for name, below in reach.tags:
            if name in tags:
                self._value(tags[name], below)
        if reach.any_tag is not None:
            for value in tags.values():
                self._value(value, reach.any_tag)

    def _value(self, value: Any, reach: Reach) -> None:
        if reach == NOTHING:
            return
        if isinstance(value, dict):
            if "__entity" in value:
                inner = value["__entity"]
                self.entity((inner["type"], inner["id"]), reach)
            elif "__extn" not in value:
                self.record(value, reach)
        elif isinstance(value, list) and reach.everything:
            self._all(value, reach)

    def _all(self, values: Iterable[Any], reach: Reach) -> None:
        for value in values:
            self._value(value, reach)
