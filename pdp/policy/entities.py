"""The entities in force: an immutable snapshot, kept as JSON text.

A change makes a new snapshot that shares everything untouched. What a request needs of it is cut
out by `entity_slice`.
"""

import itertools
import sys
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.ancestry import NO_ANCESTORS, Ancestry, Hierarchy, HierarchyFault, Uids

__all__ = ["EntityIndex", "HierarchyFault", "Stored", "uid_of"]

_NO_UIDS: Uids = ()
_LONGEST_SHARED = 24
_MOST_SHARED = 10_000
_versions = itertools.count(1)


class Stored(NamedTuple):
    """One entity: names of its attributes, their values and its tags as JSON text, its parents."""

    names: tuple[str, ...]
    values: tuple[str, ...]
    tags: str
    parents: Uids


class EntityIndex:
    """All entities known, by uid.

    Attributes:
        version: another number for every snapshot of this process.
    """

    def __init__(
        self,
        base: dict[EntityUid, Stored],
        changes: dict[EntityUid, Stored | None],
        counts: dict[str, int],
        kept: dict[Uids, Ancestry] | None = None,
    ) -> None:
        self._base = base
        self._changes = changes
        self._counts = counts
        self._hierarchy = Hierarchy(self._parents, kept)
        self._ids: dict[str, list[str]] = {}
        self.version = next(_versions)

    @classmethod
    def load(cls, entities: Iterable[JsonObject]) -> "EntityIndex":
        """An index of entities in Cedar's JSON form; of two with one uid the later counts.

        Raises:
            HierarchyFault: parents form a circle.
        """
        share = _Sharing()
        base: dict[EntityUid, Stored] = {}
        for body in entities:
            base[share.uid(body["uid"])] = share.stored(body)
        counts: dict[str, int] = {}
        for kind, _ in base:
            counts[kind] = counts.get(kind, 0) + 1
        index = cls(base, {}, counts)
        index._hierarchy.require_acyclic(uid for uid in share.parents if uid in base)
        return index

    def with_changes(
        self, puts: Iterable[JsonObject], deletes: Iterable[EntityUid]
    ) -> "EntityIndex":
        """The index after deleting and then putting entities; this one stays as it is.

        Raises:
            HierarchyFault: parents would form a circle.
        """
        share = _Sharing()
        changed: dict[EntityUid, Stored | None] = dict.fromkeys(deletes)
        for body in puts:
            changed[share.uid(body["uid"])] = share.stored(body)
        moved: list[EntityUid] = []
        counts = dict(self._counts)
        for uid, after in changed.items():
            before = self.stored(uid)
            counts[uid[0]] = counts.get(uid[0], 0) + (after is not None) - (before is not None)
            if (before.parents if before else _NO_UIDS) != (after.parents if after else _NO_UIDS):
                moved.append(uid)
        index = self._changed(changed, {kind: n for kind, n in counts.items() if n}, moved)
        index._hierarchy.require_acyclic(moved)
        index._take_ids(self, changed)
        return index

    def _changed(
        self,
        changed: dict[EntityUid, Stored | None],
        counts: dict[str, int],
        moved: Iterable[EntityUid],
    ) -> "EntityIndex":
        kept = self._hierarchy.kept_without(frozenset(moved))
        changes = {**self._changes, **changed}
        # Copying everything is put off until many changes have come together.
        if len(changes) < 1000 or len(changes) * 4 < len(self._base):
            return EntityIndex(self._base, changes, counts, kept)
        base = {**self._base, **changes}
        return EntityIndex(
            {uid: stored for uid, stored in base.items() if stored is not None}, {}, counts, kept
        )

    def __len__(self) -> int:
        return sum(self._counts.values())

    def __contains__(self, uid: EntityUid) -> bool:
        return self.stored(uid) is not None

    def stored(self, uid: EntityUid) -> Stored | None:
        """One entity as it is kept, or None."""
        changes = self._changes
        if changes and uid in changes:
            return changes[uid]
        return self._base.get(uid)

    def get(self, uid: EntityUid) -> JsonObject | None:
        """One entity in Cedar's JSON form, with its direct parents."""
        stored = self.stored(uid)
        if stored is None:
            return None
        body: JsonObject = {
            "uid": {"type": uid[0], "id": uid[1]},
            "attrs": {
                name: orjson.loads(value)
                for name, value in zip(stored.names, stored.values, strict=True)
            },
            "parents": [{"type": kind, "id": name} for kind, name in stored.parents],
        }
        if stored.tags:
            body["tags"] = orjson.loads(stored.tags)
        return body

    def ancestry(self, uid: EntityUid) -> Ancestry:
        """What is above an entity; nothing for one that is not known."""
        changes = self._changes
        stored = changes[uid] if changes and uid in changes else self._base.get(uid)
        if stored is None:
            return NO_ANCESTORS
        return self._hierarchy.above(stored.parents)

    def ancestors(self, uid: EntityUid) -> frozenset[EntityUid]:
        """Everything above an entity, directly or not; nothing for one that is not known."""
        return self.ancestry(uid).uids

    def types(self) -> frozenset[str]:
        """The types that have at least one entity."""
        return frozenset(self._counts)

    def ids_of_type(self, cedar_type: str) -> Sequence[str]:
        """The ids of a type, sorted."""
        ids = self._ids.get(cedar_type)
        if ids is None:
            if cedar_type not in self._counts:
                return []
            found = {name for kind, name in self._base if kind == cedar_type}
            for (kind, name), stored in self._changes.items():
                if kind == cedar_type and stored is None:
                    found.discard(name)
                elif kind == cedar_type:
                    found.add(name)
            ids = self._ids[cedar_type] = sorted(found)
        return ids

    def _take_ids(self, earlier: "EntityIndex", changed: Iterable[EntityUid]) -> None:
        """Carry sorted ids over where few changes have to be worked into them."""
        names: dict[str, list[str]] = {}
        for kind, name in changed:
            names.setdefault(kind, []).append(name)
        for kind, ids in list(earlier._ids.items()):
            touched = names.get(kind, [])
            if len(touched) > 100:
                continue
            taken = ids if not touched else ids.copy()
            for name in touched:
                at = bisect_left(taken, name)
                there = at < len(taken) and taken[at] == name
                if (kind, name) in self and not there:
                    taken.insert(at, name)
                elif (kind, name) not in self and there:
                    del taken[at]
            self._ids[kind] = taken

    def _parents(self, uid: EntityUid) -> Uids:
        stored = self.stored(uid)
        return _NO_UIDS if stored is None else stored.parents


class _Sharing:
    """Makes one object of what is equal: many entities have the same groups, names and values."""

    def __init__(self) -> None:
        self.parents: dict[EntityUid, EntityUid] = {}
        self._tuples: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self._texts: dict[str, str] = {}

    def uid(self, value: Mapping[str, Any]) -> EntityUid:
        kind, name = uid_of(value)
        return (sys.intern(kind), name)

    def stored(self, body: JsonObject) -> Stored:
        attributes, tags = body.get("attrs") or {}, body.get("tags")
        found = dict.fromkeys([self._parent(each) for each in body.get("parents") or ()])
        parents, names = tuple(found), tuple(map(sys.intern, attributes))
        return Stored(
            self._tuples.setdefault(names, names),
            tuple([self._text(value) for value in attributes.values()]),
            orjson.dumps(tags).decode() if tags else "",
            self._tuples.setdefault(parents, parents),
        )

    def _text(self, value: Any) -> str:
        text = orjson.dumps(value).decode()
        if len(text) > _LONGEST_SHARED:
            return text
        if len(self._texts) >= _MOST_SHARED:
            self._texts.clear()
        return self._texts.setdefault(text, text)

    def _parent(self, value: Mapping[str, Any]) -> EntityUid:
        uid = self.uid(value)
        return self.parents.setdefault(uid, uid)


def uid_of(value: Mapping[str, Any]) -> EntityUid:
    """The uid in a JSON object, with or without the `__entity` wrapper."""
    inner = value.get("__entity", value)
    return (inner["type"], inner["id"])
