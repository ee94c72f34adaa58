"""The policies that a request can touch, found by their heads without looking at the others.

A policy whose head (principal, action, resource) cannot match a request cannot decide it, so the
engine is given only those that can. What a request is to the policies is reduced to the few names
that some head mentions; requests alike in that respect share one slice and its ready handle.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence

from pdp.core.values import EntityUid
from pdp.policy.engine import PolicyHandle
from pdp.policy.heads import Keys, Profile, Side, Uids
from pdp.policy.policy import Policy
from pdp.policy.slice import Entry, Slice, TemplateLink

__all__ = ["Slice", "SliceIndex", "TemplateLink"]

# Fewer policies than this are looked through one by one, rather than by resource.
_FEW = 16
_MOST_FOUND = 16_384

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
        self.principals, self.doings, self.resources = Side(), Side(), Side()
        self._resource_keys = array("I")
        self._leaves: dict[int, dict[int, _Leaf]] = {}
        self.types: set[str] = set()
        for position, entry in enumerate(self._entries):
            self._add(position, entry)
        self._divide_large_leaves()
        for side in (self.principals, self.resources):
            self.types |= side.types
        self.actions = self.doings.uids
        self._found: dict[tuple[Profile, Profile, Profile], Slice] = {}
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
        return self.among(
            self.principals.profile(principal, principal_ancestors),
            self.doings.profile(action, action_ancestors),
            self.resources.profile(resource, resource_ancestors),
        )

    def among(self, principal: Profile, action: Profile, resource: Profile) -> Slice:
        """Exactly the policies whose heads match entities of these profiles."""
        key = (principal, action, resource)
        found = self._found.get(key)
        if found is None:
            found = self._members(principal.keys, action.keys, resource.keys)
            if len(self._found) >= _MOST_FOUND:
                self._found = {}
            self._found[key] = found
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
        (resource,) = self.resources.add(scope.resource)
        (principal,) = self.principals.add(scope.principal)
        self._resource_keys.append(resource)
        for action in self.doings.add(scope.action):
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

    def _members(self, principals: Keys, actions: Keys, resources: Keys) -> Slice:
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
        found = list(self._found.items())
        self._found = {key: each for key, each in found if id(each) in alive}
        self._by_members = kept
        self._compiled = wanted + sum(len(members) for members in kept)


def _both(indexed: Mapping[int, object], wanted: Keys) -> list[int]:
    """The keys in both, at the cost of the smaller one."""
    if len(indexed) < len(wanted):
        return [key for key in indexed if key in wanted]
    return [key for key in wanted if key in indexed]
