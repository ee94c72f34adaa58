"""Who is above whom: the transitive closure of `parents`, worked out when asked for."""

from collections.abc import Callable, Iterable

import orjson

from pdp.core.values import EntityUid

Uids = tuple[EntityUid, ...]
ParentsOf = Callable[[EntityUid], Uids]

_MOST_KEPT = 16_384
_MOST_NAMES = 250_000


class HierarchyFault(ValueError):
    """Entities that are, by their parents, among their own ancestors."""


class Ancestry:
    """All that is above an entity.

    Attributes:
        uids: every ancestor, near or far.
    """

    __slots__ = ("_texts", "uids")

    def __init__(self, uids: frozenset[EntityUid]) -> None:
        self.uids = uids
        self._texts: dict[frozenset[EntityUid] | None, str] = {}

    def parents_text(self, targets: frozenset[EntityUid] | None) -> str:
        """The members of the `parents` array for the engine.

        Args:
            targets: the entities that any policy looks for; None for all. The others are left
                out: the engine takes 2 us to read each.
        """
        text = self._texts.get(targets)
        if text is None:
            wanted = self.uids if targets is None else self.uids & targets
            text = ",".join([uid_text(uid) for uid in sorted(wanted)])
            if len(self._texts) >= 64:
                self._texts.clear()
            self._texts[targets] = text
        return text


NO_ANCESTORS = Ancestry(frozenset())


def uid_text(uid: EntityUid) -> str:
    """An entity uid as JSON text."""
    return '{"type":"' + uid[0] + '","id":' + orjson.dumps(uid[1]).decode() + "}"


class Hierarchy:
    """Ancestries by direct parents, of one state of the entities; keeps those asked for last.

    Args:
        parents_of: the direct parents of an entity; empty for one that is not known.
        kept: ancestries that are known to hold already.
    """

    def __init__(self, parents_of: ParentsOf, kept: dict[Uids, Ancestry] | None = None) -> None:
        self._parents_of = parents_of
        self._kept = kept or {}
        self._names = sum(len(each.uids) for each in self._kept.values())

    def above(self, parents: Uids) -> Ancestry:
        """The ancestry of an entity that has these direct parents."""
        if not parents:
            return NO_ANCESTORS
        found = self._kept.get(parents)
        if found is None:
            found = Ancestry(self._closure(parents))
            self._names += len(found.uids)
            if len(self._kept) >= _MOST_KEPT or self._names > _MOST_NAMES:
                self._kept = {}
                self._names = len(found.uids)
            self._kept[parents] = found
        return found

    def kept_without(self, changed: frozenset[EntityUid]) -> dict[Uids, Ancestry]:
        """The ancestries that still hold when the parents of these entities change."""
        kept = list(self._kept.items())
        if not changed:
            return dict(kept)
        return {parents: each for parents, each in kept if changed.isdisjoint(each.uids)}

    def require_acyclic(self, uids: Iterable[EntityUid]) -> None:
        """Check that none of these is its own ancestor; raises `HierarchyFault`."""
        for uid in uids:
            if uid in self.above(self._parents_of(uid)).uids:
                raise HierarchyFault(f'`{uid[0]}::"{uid[1]}"` is among its own ancestors')

    def _closure(self, parents: Uids) -> frozenset[EntityUid]:
        found = set(parents)
        waiting = list(parents)
        while waiting:
            above = self._parents_of(waiting.pop())
            known = self._kept.get(above)
            if known is not None:
                found |= known.uids
                continue
            for uid in above:
                if uid not in found:
                    found.add(uid)
                    waiting.append(uid)
        return frozenset(found)
