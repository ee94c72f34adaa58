"""What the heads of policies ask of entities, reduced to numbers."""

from collections.abc import Hashable

from pdp.core.values import EntityUid
from pdp.policy.policy import Constraint

Uids = frozenset[EntityUid]
Keys = frozenset[int]

_ANY = 0
_MOST_PROFILES = 16_384


class Profile:
    """What heads make of an entity in one role: the same object for all that they treat alike."""

    __slots__ = ("keys",)

    def __init__(self, keys: frozenset[int]) -> None:
        self.keys = keys


class Side:
    """What the heads of all policies ask of principals, of actions or of resources.

    Each distinct constraint has a number, its key. An entity meets the keys that it meets itself
    (`==`, and `in`, which holds of the entity as well), and those of its type and ancestors.
    """

    def __init__(self) -> None:
        self.uids: set[EntityUid] = set()
        self.types: set[str] = set()
        self._numbers: dict[Hashable, int] = {None: _ANY}
        self._of_kind: dict[tuple[str, Uids], Profile] = {}
        self._distinct: dict[Keys, Profile] = {}

    def add(self, constraint: Constraint) -> tuple[int, ...]:
        """Take note of a constraint; the keys that a policy with it is found under."""
        form, entities, kind, _ = constraint
        if form == "any":
            return (_ANY,)
        if kind is not None:
            self.types.add(kind)
        if form == "is":
            return (self._number(kind),)
        for uid in entities:
            self.uids.add(uid)
            self.types.add(uid[0])
        keys: list[Hashable] = list(entities)
        if form == "is in":
            keys = [(kind, uid) for uid in entities]
        elif form == "==":
            keys = [("==", *uid) for uid in entities]
        return tuple(dict.fromkeys(self._number(key) for key in keys))

    def profile(self, uid: EntityUid, ancestors: Uids) -> Profile:
        """What heads make of an entity, given all that is above it."""
        name = uid[0] if uid[0] in self.types else ""
        found = self._of_kind.get((name, ancestors))
        if found is None:
            found = self._of_type_and_ancestors(name, ancestors)
        if uid in self.uids:
            numbers = self._numbers
            own = (("==", *uid), uid, (name, uid))
            found = self._one(found.keys.union(numbers[key] for key in own if key in numbers))
        return found

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _of_type_and_ancestors(self, name: str, ancestors: Uids) -> Profile:
        numbers = self._numbers
        asked: list[Hashable] = [None, name]
        for ancestor in ancestors:
            if ancestor in self.uids:
                asked += (ancestor, (name, ancestor))
        if len(self._of_kind) >= _MOST_PROFILES:
            self._of_kind = {}
        found = self._one(frozenset(numbers[key] for key in asked if key in numbers))
        self._of_kind[(name, ancestors)] = found
        return found

    def _one(self, keys: Keys) -> Profile:
        found = self._distinct.get(keys)
        if found is None:
            if len(self._distinct) >= _MOST_PROFILES:
                self._distinct = {}
            found = self._distinct[keys] = Profile(keys)
        return found
