"""The entities, and of them the parts, that one decision can look at, as JSON for the engine.

The engine takes about 3 us to read an entity and 2 us more for each attribute and each parent, so
it is given only what the policies of the slice read: the attributes that they name, the ancestors
that they look for. Ancestors need no entity of their own, as all of them are written as parents.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.ancestry import NO_ANCESTORS, Ancestry, uid_text
from pdp.policy.entities import EntityIndex, Stored
from pdp.policy.explicit import Explicit
from pdp.policy.mapping import CedarRequest
from pdp.policy.reach import NOTHING, Reach, Want
from pdp.policy.schema_types import Schema
from pdp.policy.slice import Slice, Targets

Overlays = Mapping[EntityUid, JsonObject]
Names = frozenset[str] | None
Wants = dict[EntityUid, Want]

_NOTHING_STORED = Stored("{}", "", ())


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
            text
            for uid, want in self.wants(request, chosen, context).items()
            if (text := self.text(uid, want, targets, overlays.get(uid)))
        ]

    def wants(self, request: CedarRequest, chosen: Slice, context: JsonObject) -> Wants:
        """What of which entities the policies of a slice can look at."""
        principal, action, resource = uids = request[:3]
        wants: Wants = {}
        for uid, cut in zip(uids, chosen.cuts, strict=True):
            known = wants.get(uid)
            wants[uid] = cut.want if known is None else known.along_with(cut.want)
        if chosen.walks:
            access = chosen.access
            walk = _Walk(self, request.overlays, wants)
            walk.entity(principal, access.principal)
            walk.entity(resource, access.resource)
            walk.entity(action, access.action)
            walk.record(context, access.context)
            for uid, reach in access.literals:
                walk.entity(uid, reach)
        return wants

    def text(
        self,
        uid: EntityUid,
        want: Want,
        targets: Targets,
        overlay: JsonObject | None,
    ) -> str:
        """One entity for the engine; empty when the decision is the same without it."""
        parents = self.ancestry(uid).parents_text(targets)
        names, tagged = want
        if names is not None and not names and not tagged:
            if not parents:
                return ""
            attributes = "{}"
        else:
            stored = self._entities.stored(uid)
            if stored is None:
                if overlay is None and not parents and not self._is_action(uid):
                    return ""
                stored = _NOTHING_STORED
            attributes = self._attributes(uid[0], names, stored, overlay)
            if tagged and stored.tags:
                attributes += ',"tags":' + self._explicit.tags_text(uid[0], stored.tags)
        return f'{{"uid":{uid_text(uid)},"attrs":{attributes},"parents":[{parents}]}}'

    def attributes(self, uid: EntityUid, overlay: JsonObject | None) -> JsonObject:
        """All attributes of an entity, in Cedar's explicit JSON form."""
        stored = self._entities.stored(uid)
        if stored is None:
            return overlay or {}
        values: JsonObject = orjson.loads(stored.attributes)
        values = self._explicit.attributes(uid[0], values)
        return values if overlay is None else values | overlay

    def tags(self, uid: EntityUid) -> JsonObject:
        """All tags of an entity, in Cedar's explicit JSON form."""
        stored = self._entities.stored(uid)
        if stored is None or not stored.tags:
            return {}
        values: JsonObject = orjson.loads(self._explicit.tags_text(uid[0], stored.tags))
        return values

    def _attributes(
        self, kind: str, names: Names, stored: Stored, overlay: JsonObject | None
    ) -> str:
        if names is not None and not names:
            return "{}"
        if overlay is not None and names is not None and overlay.keys() >= names:
            return orjson.dumps({name: overlay[name] for name in names}).decode()
        values: JsonObject = orjson.loads(stored.attributes)
        if names is not None:
            values = {name: values[name] for name in names if name in values}
        values = self._explicit.attributes(kind, values)
        if overlay is not None:
            laid = overlay if names is None else {n: overlay[n] for n in names if n in overlay}
            values = values | laid
        return orjson.dumps(values).decode()

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
        self.record(self._reader.attributes(uid, self._overlays.get(uid)), reach)
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
