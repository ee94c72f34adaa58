"""The policies that a request can touch, found by their heads without looking at the others.

A policy whose head (principal, action, resource) cannot match a request cannot decide it, so the
engine is given only those that can. What a request is to the policies is reduced to the few names
that some head mentions; requests alike in that respect share one slice and its ready handle.
"""

from array import array
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from pdp.core.values import EntityUid
from pdp.policy.engine import PolicyHandle
from pdp.policy.policy import Constraint, Policy
from pdp.policy.slice import Entry, Slice, TemplateLink

__all__ = ["Slice", "SliceIndex", "TemplateLink"]

Uids = frozenset[EntityUid]

_ANY = 0
# Fewer policies than this are looked through one by one, rather than by resource.
_FEW = 16
_MOST_PROFILES = 16_384


class _Kind:
    """What heads ask of an entity for its type and ancestors alone; the same object when equal."""

    __slots__ = ("keys",)

    def __init__(self, keys: frozenset[int]) -> None:
        self.keys = keys


_Profile = tuple[EntityUid | None, _Kind]
_Leaf = list[int] | dict[int, list[int]]


class SliceIndex:
    """The policies of a set by their heads.

    Args:
        policies: the whole set; templates decide nothing unless a link fills them.
        workflow_order: the templates of `workflows.yaml`, first offered first.
        links: filled templates.
    """

    def __init__(
        self,
        policies: Iterable[Policy],
        workflow_order: Sequence[str] = (),
        links: Sequence[TemplateLink] = (),
    ) -> None:
        self._entries: list[Entry] = [each for each in policies if not each.is_template]
        self._entries += links
        self._order = {name: position for position, name in enumerate(workflow_order)}
        self._principals, self._actions, self._resources = _Side(), _Side(), _Side()
        self._resource_keys = array("I")
        self._leaves: dict[int, dict[int, _Leaf]] = {}
        self.types: set[str] = set()
        for position, entry in enumerate(self._entries):
            self._add(position, entry)
        self._divide_large_leaves()
        for side in (self._principals, self._resources):
            self.types |= side.types
        self.actions = self._actions.uids
        self._by_profile: dict[tuple[object, ...], Slice] = {}
        self._by_members: dict[tuple[int, ...], Slice] = {}
        self._compiled = 0
        self._most_compiled = max(1024, len(self._entries) // 8)
        self._inherited: dict[tuple[str, ...], PolicyHandle] = {}

    def slice(
        self,
        principal: EntityUid,
        principal_ancestors: Uids,
        action: EntityUid,
        action_ancestors: Uids,
        resource: EntityUid,
        resource_ancestors: Uids,
    ) -> Slice:
        """Exactly the policies whose heads match a request."""
        of_principal = self._principals.profile(principal, principal_ancestors)
        of_action = self._actions.profile(action, action_ancestors)
        of_resource = self._resources.profile(resource, resource_ancestors)
        key = (*of_principal, *of_action, *of_resource)
        found = self._by_profile.get(key)
        if found is None:
            found = self._members(
                self._principals.keys(principal, of_principal),
                self._actions.keys(action, of_action),
                self._resources.keys(resource, of_resource),
            )
            make_room(self._by_profile, _MOST_PROFILES)
            self._by_profile[key] = found
        return found

    def whole(self) -> Slice:
        """Every policy as one slice: what all other slices must agree with."""
        return Slice(self._entries, self._order)

    def inherit(self, earlier: "SliceIndex") -> None:
        """Use what an earlier index has compiled, where the very same policies are a slice here."""
        slices = list(earlier._by_members.values())
        self._inherited = {
            each.texts: each.compiled
            for each in slices
            if each.compiled is not None and not each.has_links
        }

    def _add(self, position: int, entry: Entry) -> None:
        policy = entry.template if isinstance(entry, TemplateLink) else entry
        scope = entry.scope() if isinstance(entry, TemplateLink) else entry.scope
        self.types |= policy.access.types
        (resource,) = self._resources.add(scope.resource)
        (principal,) = self._principals.add(scope.principal)
        self._resource_keys.append(resource)
        for action in self._actions.add(scope.action):
            leaf = self._leaves.setdefault(action, {}).setdefault(principal, [])
            assert isinstance(leaf, list)
            leaf.append(position)

    def _divide_large_leaves(self) -> None:
        for by_principal in self._leaves.values():
            for principal, leaf in by_principal.items():
                if len(leaf) > _FEW:
                    by_resource: dict[int, list[int]] = {}
                    for position in leaf:
                        by_resource.setdefault(self._resource_keys[position], []).append(position)
                    by_principal[principal] = by_resource

    def _members(self, principals: set[int], actions: set[int], resources: set[int]) -> Slice:
        members: set[int] = set()
        for action in actions:
            by_principal = self._leaves.get(action)
            if by_principal is None:
                continue
            for principal in _both(by_principal, principals):
                leaf = by_principal[principal]
                if isinstance(leaf, dict):
                    for resource in _both(leaf, resources):
                        members.update(leaf[resource])
                else:
                    keys = self._resource_keys
                    members.update([each for each in leaf if keys[each] in resources])
        return self._of(tuple(sorted(members)))

    def _of(self, members: tuple[int, ...]) -> Slice:
        found = self._by_members.get(members)
        if found is None:
            self._forget_old(len(members))
            found = Slice([self._entries[position] for position in members], self._order)
            if self._inherited and not found.has_links:
                handle = self._inherited.get(found.texts)
                if handle is not None:
                    found.take_handle(handle)
            self._by_members[members] = found
        return found

    def _forget_old(self, wanted: int) -> None:
        """Keep what is compiled within bounds: a compiled policy takes some 4 KB."""
        self._compiled += wanted
        if self._compiled <= self._most_compiled:
            return
        slices = list(self._by_members.items())
        kept = dict(slices[len(slices) // 2 :])
        alive = set(map(id, kept.values()))
        profiles = list(self._by_profile.items())
        self._by_profile = {key: each for key, each in profiles if id(each) in alive}
        self._by_members = kept
        self._compiled = wanted + sum(len(members) for members in kept)


class _Side:
    """What the heads of all policies ask of principals, of actions or of resources.

    Each distinct constraint has a number, its key. An entity meets the keys that it meets itself
    (`==`, and `in`, which holds of the entity as well), and those of its type and ancestors.
    """

    def __init__(self) -> None:
        self.uids: set[EntityUid] = set()
        self.types: set[str] = set()
        self._numbers: dict[Hashable, int] = {None: _ANY}
        self._kinds: dict[tuple[str, Uids], _Kind] = {}
        self._distinct: dict[frozenset[int], _Kind] = {}

    def add(self, constraint: Constraint) -> tuple[int, ...]:
        """Take note of a constraint; the keys that a policy with it is found under."""
        form, entities, kind, _ = constraint
        if form == "any":
            return (_ANY,)
        if form == "is":
            assert kind is not None
            self.types.add(kind)
            return (self._number(kind),)
        for uid in entities:
            self.uids.add(uid)
            self.types.add(uid[0])
        if form == "is in":
            assert kind is not None
            self.types.add(kind)
            return tuple(self._number((kind, uid)) for uid in entities)
        if form == "==":
            return tuple(self._number(("==", *uid)) for uid in entities)
        return tuple(dict.fromkeys(self._number(uid) for uid in entities))

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def profile(self, uid: EntityUid, ancestors: Uids) -> _Profile:
        """What of an entity any head asks for: itself if it is named, its type and ancestors."""
        name = uid[0] if uid[0] in self.types else ""
        kind = self._kinds.get((name, ancestors))
        if kind is None:
            kind = self._kind(name, ancestors)
        return (uid if uid in self.uids else None, kind)

    def keys(self, uid: EntityUid, profile: _Profile) -> set[int]:
        """The keys that an entity of this profile meets."""
        keys = {_ANY, *profile[1].keys}
        if profile[0] is not None:
            for key in (("==", *uid), uid, (uid[0], uid)):
                number = self._numbers.get(key)
                if number is not None:
                    keys.add(number)
        return keys

    def _kind(self, name: str, ancestors: Uids) -> _Kind:
        numbers = self._numbers
        asked: list[Hashable] = [name]
        for ancestor in ancestors:
            if ancestor in self.uids:
                asked += (ancestor, (name, ancestor))
        keys = frozenset(numbers[key] for key in asked if key in numbers)
        if len(self._kinds) >= _MOST_PROFILES:
            self._kinds.clear()
            self._distinct.clear()
        kind = self._distinct.setdefault(keys, _Kind(keys))
        self._kinds[(name, ancestors)] = kind
        return kind


_Key = TypeVar("_Key", bound=Hashable)


def _both(indexed: Mapping[int, object], wanted: set[int]) -> list[int]:
    """The keys in both, at the cost of the smaller one."""
    if len(indexed) < len(wanted):
        return [key for key in indexed if key in wanted]
    return [key for key in wanted if key in indexed]


def make_room(cache: dict[_Key, Slice], most: int) -> None:
    """Forget the oldest quarter of a cache that is full."""
    if len(cache) >= most:
        for key in list(cache)[: most // 4]:
            cache.pop(key, None)
