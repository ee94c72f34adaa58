"""The entities in force, ready to be handed to the engine a few at a time.

Each is kept as JSON text in which `parents` are all its ancestors, so that a request needs only
the entities whose own attributes matter, never those in between. An index is immutable: a change
makes a new one that shares everything untouched.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.access_paths import ANY_TAG, Trie

Uids = tuple[EntityUid, ...]
_NONE: Uids = ()
_PARENTS = ',"parents":'
_ATTRIBUTES = ',"attrs":{'
_END = "}}"


class HierarchyFault(ValueError):
    """Entities that are, by their parents, among their own ancestors."""


class _Stored:
    """One entity: its text up to the attributes, the attributes' text, and its place."""

    __slots__ = ("ancestors", "attributes", "head", "names", "parents")

    def __init__(
        self, head: str, attributes: str, names: tuple[str, ...], parents: Uids, ancestors: Uids
    ) -> None:
        self.head = head
        self.attributes = attributes
        self.names = names
        self.parents = parents
        self.ancestors = ancestors

    def text(self) -> str:
        return self.head + _ATTRIBUTES + self.attributes + _END


class EntityIndex:
    """All entities known, by uid."""

    def __init__(self, stored: dict[EntityUid, _Stored]) -> None:
        self._stored = stored
        self._ids: dict[str, list[str]] | None = None

    @classmethod
    def load(cls, entities: Iterable[JsonObject]) -> "EntityIndex":
        """An index of entities in Cedar's JSON form; of two with one uid the later counts.

        Raises:
            HierarchyFault: parents form a circle.
        """
        return cls({}).with_changes(entities, ())

    def __len__(self) -> int:
        return len(self._stored)

    def __contains__(self, uid: object) -> bool:
        return uid in self._stored

    def get(self, uid: EntityUid) -> JsonObject | None:
        """One entity in Cedar's JSON form, with its direct parents."""
        stored = self._stored.get(uid)
        if stored is None:
            return None
        body: JsonObject = orjson.loads(stored.text())
        body["parents"] = [{"type": kind, "id": name} for kind, name in stored.parents]
        return body

    def ancestors(self, uid: EntityUid) -> Uids:
        """Everything above an entity, directly or not; nothing for one that is not known."""
        stored = self._stored.get(uid)
        return _NONE if stored is None else stored.ancestors

    def ids_of_type(self, cedar_type: str) -> Sequence[str]:
        """The ids of a type, sorted."""
        if self._ids is None:
            ids: dict[str, list[str]] = {}
            for kind, name in self._stored:
                ids.setdefault(kind, []).append(name)
            for names in ids.values():
                names.sort()
            self._ids = ids
        return self._ids.get(cedar_type, [])

    def types(self) -> frozenset[str]:
        """The types that have at least one entity."""
        return frozenset(kind for kind, _ in self._stored)

    def with_changes(
        self, puts: Iterable[JsonObject], deletes: Iterable[EntityUid]
    ) -> "EntityIndex":
        """The index after replacing and deleting entities; this one stays as it is.

        Raises:
            HierarchyFault: parents would form a circle.
        """
        stored = dict(self._stored)
        changed: dict[EntityUid, _Stored] = {}
        for body in puts:
            uid = uid_of(body["uid"])
            stored[uid] = changed[uid] = _draft(uid, body)
        gone = [uid for uid in deletes if stored.pop(uid, None) is not None]
        touched = changed.keys() | set(gone)
        if self._stored and touched:
            changed |= self._below(touched, stored)
        _place(changed, stored)
        return EntityIndex(stored)

    def _below(
        self, touched: set[EntityUid], stored: dict[EntityUid, _Stored]
    ) -> dict[EntityUid, _Stored]:
        """Fresh drafts of the entities below changed ones; their ancestors must be found anew."""
        reached: dict[int, bool] = {}
        below: dict[EntityUid, _Stored] = {}
        for uid, entity in self._stored.items():
            # Entities with the same ancestors share one tuple, so few are looked through.
            key = id(entity.ancestors)
            hit = reached.get(key)
            if hit is None:
                hit = reached[key] = not touched.isdisjoint(entity.ancestors)
            if hit and uid not in touched and uid in stored:
                head = entity.head.rpartition(_PARENTS)[0]
                below[uid] = stored[uid] = _Stored(
                    head, entity.attributes, entity.names, entity.parents, _NONE
                )
        return below

    def slice_texts(
        self,
        roots: Sequence[EntityUid],
        overlays: Mapping[EntityUid, JsonObject],
        trie: Trie,
        context: JsonObject,
    ) -> dict[EntityUid, str]:
        """The JSON texts of the entities that an evaluation can touch.

        Args:
            roots: principal and resource, in this order, then the action.
            overlays: attributes laid over the stored ones for this evaluation.
            trie: what the policies look into beyond the roots (`access_paths`).
            context: the evaluation's context, for entities that are reached through it.
        """
        stored = self._stored
        texts: dict[EntityUid, str] = {}
        for uid in roots[:2]:
            entity = stored.get(uid)
            overlay = overlays.get(uid) if overlays else None
            if overlay:
                texts[uid] = _overlaid(uid, entity, overlay)
            elif entity is not None:
                texts[uid] = entity.head + _ATTRIBUTES + entity.attributes + _END
        if trie:
            _Walk(stored, overlays, texts).from_roots(roots, trie, context)
        return texts


class _Walk:
    """Follows access paths through the data and adds every entity that they lead to."""

    def __init__(
        self,
        stored: Mapping[EntityUid, _Stored],
        overlays: Mapping[EntityUid, JsonObject],
        texts: dict[EntityUid, str],
    ) -> None:
        self._stored = stored
        self._overlays = overlays
        self._texts = texts

    def from_roots(self, roots: Sequence[EntityUid], trie: Trie, context: JsonObject) -> None:
        principal, resource, action = roots
        for root, steps in trie.items():
            if root == "context":
                self._into(context, steps)
            elif root == "principal":
                self._entity(principal, steps)
            elif root == "resource":
                self._entity(resource, steps)
            elif root == "action":
                self._entity(action, steps)
            else:
                self._entity(root, steps)

    def _entity(self, uid: EntityUid, steps: Trie) -> None:
        entity = self._stored.get(uid)
        overlay = self._overlays.get(uid)
        if uid not in self._texts and (entity is not None or overlay):
            self._texts[uid] = (
                _overlaid(uid, entity, overlay) if overlay else entity.text()  # type: ignore[union-attr]
            )
        if not steps or uid not in self._texts:
            return
        body = orjson.loads(self._texts[uid])
        attributes = body["attrs"]
        for step, further in steps.items():
            if step == ANY_TAG:
                for value in body.get("tags", {}).values():
                    self._value(value, further)
            elif step in attributes:
                self._value(attributes[step], further)

    def _into(self, record: JsonObject, steps: Trie) -> None:
        for step, further in steps.items():
            if step in record:
                self._value(record[step], further)

    def _value(self, value: Any, steps: Trie) -> None:
        if not isinstance(value, dict):
            return
        if "__entity" in value:
            self._entity(uid_of(value), steps)
        elif value.keys() == {"type", "id"}:
            # With a schema Cedar also reads an entity reference written without its wrapper.
            self._entity(uid_of(value), steps)
            self._into(value, steps)
        else:
            self._into(value, steps)


def uid_of(value: Mapping[str, Any]) -> EntityUid:
    """The uid in a JSON object, with or without the `__entity` wrapper."""
    inner = value.get("__entity", value)
    return (inner["type"], inner["id"])


def entity_text(uid: EntityUid, attributes: JsonObject, ancestors: Iterable[EntityUid]) -> str:
    """The text of an entity that is not stored, such as an action of the schema."""
    head = '{"uid":' + _text({"type": uid[0], "id": uid[1]})
    above = _text([{"type": kind, "id": name} for kind, name in ancestors])
    return head + _PARENTS + above + _ATTRIBUTES + _text(attributes)[1:-1] + _END


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _draft(uid: EntityUid, body: JsonObject) -> _Stored:
    attributes = body.get("attrs") or {}
    tags = body.get("tags")
    head = '{"uid":' + _text({"type": uid[0], "id": uid[1]})
    if tags:
        head += ',"tags":' + _text(tags)
    parents = tuple(dict.fromkeys(uid_of(parent) for parent in body.get("parents") or ()))
    return _Stored(head, _text(attributes)[1:-1], _shared_names(attributes), parents, _NONE)


_NAMES: dict[tuple[str, ...], tuple[str, ...]] = {}


def _shared_names(attributes: JsonObject) -> tuple[str, ...]:
    # Entities of a type mostly have the same attributes: keep each list of names once.
    names = tuple(attributes)
    if len(_NAMES) > 10_000:
        _NAMES.clear()
    return _NAMES.setdefault(names, names)


def _place(drafts: dict[EntityUid, _Stored], stored: Mapping[EntityUid, _Stored]) -> None:
    """Give every draft its ancestors and write them into its text as its parents."""
    above: dict[Uids, Uids] = {}
    shared_uids: dict[EntityUid, EntityUid] = {}
    done: set[EntityUid] = set()
    for start in drafts:
        path: list[EntityUid] = [start]
        on_path = {start}
        while path:
            uid = path[-1]
            draft = drafts[uid]
            waiting = (
                [parent for parent in draft.parents if parent in drafts and parent not in done]
                if uid not in done
                else []
            )
            if waiting:
                if waiting[0] in on_path:
                    raise HierarchyFault(
                        f"`{waiting[0][0]}::{waiting[0][1]}` is among its own ancestors"
                    )
                path.append(waiting[0])
                on_path.add(waiting[0])
                continue
            if uid not in done:
                _finish(draft, stored, above, shared_uids)
                done.add(uid)
            on_path.discard(path.pop())


def _finish(
    draft: _Stored,
    stored: Mapping[EntityUid, _Stored],
    above: dict[Uids, Uids],
    shared_uids: dict[EntityUid, EntityUid],
) -> None:
    parents = draft.parents
    ancestors = above.get(parents)
    if ancestors is None:
        found: dict[EntityUid, None] = {}
        for parent in parents:
            found[shared_uids.setdefault(parent, parent)] = None
            if parent in stored:
                found.update(dict.fromkeys(stored[parent].ancestors))
        ancestors = above[parents] = tuple(found)
    draft.ancestors = ancestors
    if draft.parents == ancestors:
        draft.parents = ancestors
    listed = [{"type": kind, "id": name} for kind, name in ancestors]
    draft.head += _PARENTS + _text(listed)


def _overlaid(uid: EntityUid, entity: _Stored | None, overlay: JsonObject) -> str:
    if entity is None:
        return entity_text(uid, overlay, ())
    if overlay.keys().isdisjoint(entity.names):
        separator = "," if entity.attributes else ""
        return (
            entity.head + _ATTRIBUTES + entity.attributes + separator + _text(overlay)[1:-1] + _END
        )
    attributes = orjson.loads("{" + entity.attributes + "}")
    return entity.head + _ATTRIBUTES + _text(attributes | overlay)[1:-1] + _END
