"""The policies that a request can touch, found by their heads without looking at the others.

A policy whose head (principal, action, resource) cannot match a request cannot decide it, so the
engine is given only those that can. What is asked of an entity is reduced to the few names that
some policy mentions; requests alike in that respect share one slice and its ready handle.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from pdp.core.values import EntityUid
from pdp.policy.access_paths import ANY_TAG, Path, Trie, trie_of
from pdp.policy.engine import Link, PolicyHandle, compile_policies
from pdp.policy.policy import Constraint, Policy, Scope

__all__ = ["ANY_TAG", "Slice", "SliceIndex", "TemplateLink"]

_MOST_SLICES = 8192

Uids = Sequence[EntityUid]
_Profile = tuple[str | None, tuple[EntityUid, ...]]


class TemplateLink(NamedTuple):
    """A Cedar template with its slots filled: it decides as a policy of its own."""

    template: Policy
    principal: EntityUid | None = None
    resource: EntityUid | None = None

    def scope(self) -> Scope:
        """The template's head with the slots filled."""
        head = self.template.scope
        return Scope(
            _filled(head.principal, self.principal),
            head.action,
            _filled(head.resource, self.resource),
        )

    def values(self) -> dict[str, dict[str, str]]:
        """The slots for the engine."""
        slots = {"?principal": self.principal, "?resource": self.resource}
        return {slot: {"type": uid[0], "id": uid[1]} for slot, uid in slots.items() if uid}


class Slice:
    """Some policies of a set, ready to be evaluated together.

    Attributes:
        policies: what may determine a decision, by the engine's position.
        templates: workflow templates that its permits name, in the order of the workflows.
        context_members: members of the context that its conditions read.
        whole_context: its conditions use the context as a value.
        trie: what its conditions look into beyond principal, action and resource.
        handle: the compiled policies; None for the empty slice.
    """

    __slots__ = (
        "context_members",
        "handle",
        "policies",
        "reads_caller",
        "reads_now",
        "reads_request",
        "templates",
        "trie",
        "whole_context",
    )

    def __init__(self, entries: Sequence[Policy | TemplateLink], order: Mapping[str, int]) -> None:
        self.handle, self.policies = _compiled(entries)
        deciding = [
            entry.template if isinstance(entry, TemplateLink) else entry for entry in entries
        ]
        named = {
            policy.template for policy in deciding if policy.template and policy.effect == "permit"
        }
        last = len(order)
        self.templates = tuple(sorted(named, key=lambda name: (order.get(name, last), name)))
        access = [policy.access for policy in deciding]
        self.context_members = frozenset().union(*(each.context_members for each in access))
        self.whole_context = any(each.whole_context for each in access)
        needs: set[Path] = set().union(*(each.needs for each in access))
        self.trie: Trie = trie_of(needs)
        self.reads_now = self.whole_context or "now" in self.context_members
        self.reads_caller = self.whole_context or "caller" in self.context_members
        self.reads_request = self.whole_context or "request" in self.context_members


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
        self._entries: list[Policy | TemplateLink] = [
            policy for policy in policies if not policy.is_template
        ]
        self._entries += links
        self._order = {name: position for position, name in enumerate(workflow_order)}
        self._principals = _Side()
        self._resources = _Side()
        self.actions: set[EntityUid] = set()
        self.types: set[str] = set()
        self._by_action: dict[Hashable, dict[Hashable, dict[Hashable, list[int]]]] = {}
        for position, entry in enumerate(self._entries):
            self._add(position, entry)
        self.types |= self._principals.types | self._resources.types
        for uid in self._principals.uids | self._resources.uids:
            self.types.add(uid[0])
        self._slices: dict[Hashable, Slice] = {}
        self._by_members: dict[tuple[int, ...], Slice] = {}

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
        key = (
            self._principals.profile(principal, principal_ancestors),
            action if action in self.actions else None,
            tuple(action_ancestors) if action_ancestors else None,
            self._resources.profile(resource, resource_ancestors),
        )
        found = self._slices.get(key)
        if found is None:
            found = self._find(key[0], action, action_ancestors, key[3])
            _make_room(self._slices)
            self._slices[key] = found
        return found

    def whole(self) -> Slice:
        """Every policy as one slice: what all other slices must agree with."""
        return Slice(self._entries, self._order)

    def _add(self, position: int, entry: Policy | TemplateLink) -> None:
        policy = entry.template if isinstance(entry, TemplateLink) else entry
        scope = entry.scope() if isinstance(entry, TemplateLink) else entry.scope
        principal = self._principals.add(scope.principal)
        resource = self._resources.add(scope.resource)
        self.types |= policy.access.types
        names: Sequence[EntityUid | None] = scope.action.entities or [None]
        self.actions.update(name for name in names if name is not None)
        for name in names:
            by_principal = self._by_action.setdefault(name, {})
            by_principal.setdefault(principal, {}).setdefault(resource, []).append(position)

    def _find(
        self, principal: _Profile, action: EntityUid, action_ancestors: Uids, resource: _Profile
    ) -> Slice:
        principal_keys = _keys(principal)
        resource_keys = _keys(resource)
        members: set[int] = set()
        for name in (None, action, *action_ancestors):
            by_principal = self._by_action.get(name)
            if by_principal is None:
                continue
            for first in _both(by_principal, principal_keys):
                by_resource = by_principal[first]
                for second in _both(by_resource, resource_keys):
                    members.update(by_resource[second])
        chosen = tuple(sorted(members))
        found = self._by_members.get(chosen)
        if found is None:
            found = Slice([self._entries[position] for position in chosen], self._order)
            _make_room(self._by_members)
            self._by_members[chosen] = found
        return found


class _Side:
    """What the heads of all policies ask of principals (or of resources)."""

    def __init__(self) -> None:
        self.uids: set[EntityUid] = set()
        self.types: set[str] = set()

    def add(self, constraint: Constraint) -> Hashable:
        """Take note of a constraint; the key that it is indexed under."""
        form, entities, kind, _ = constraint
        if form == "any":
            return None
        if kind is not None:
            self.types.add(kind)
        if not entities:
            return kind
        uid = entities[0]
        self.uids.add(uid)
        if form == "==":
            return ("=", uid)
        return uid if kind is None else (kind, uid, "in")

    def profile(self, uid: EntityUid, ancestors: Uids) -> _Profile:
        """What of an entity any policy asks about: its type, and the names it is or is in."""
        mentioned = self.uids
        names = [uid] if uid in mentioned else [("", "")]
        for ancestor in ancestors:
            if ancestor in mentioned:
                names.append(ancestor)
        kind = uid[0]
        return (kind if kind in self.types else None, tuple(names))


def _keys(profile: _Profile) -> dict[Hashable, None]:
    kind, (itself, *above) = profile
    names = above if itself == ("", "") else [itself, *above]
    keys: dict[Hashable, None] = dict.fromkeys([None, *names])
    if itself != ("", ""):
        keys["=", itself] = None
    if kind is not None:
        keys[kind] = None
        keys |= dict.fromkeys((kind, name, "in") for name in names)
    return keys


def _both(indexed: Mapping[Hashable, object], wanted: Mapping[Hashable, object]) -> list[Hashable]:
    """The keys in both, at the cost of the smaller one."""
    fewer, more = (indexed, wanted) if len(indexed) < len(wanted) else (wanted, indexed)
    return [key for key in fewer if key in more]


def _make_room(cache: dict[Hashable, Slice] | dict[tuple[int, ...], Slice]) -> None:
    if len(cache) >= _MOST_SLICES:
        for key in list(cache)[: _MOST_SLICES // 4]:
            cache.pop(key, None)  # type: ignore[arg-type]


def _filled(constraint: Constraint, uid: EntityUid | None) -> Constraint:
    if not constraint.slot or uid is None:
        return constraint
    return constraint._replace(entities=(uid,), slot=False)


def _compiled(
    entries: Sequence[Policy | TemplateLink],
) -> tuple[PolicyHandle | None, tuple[Policy, ...]]:
    if not entries:
        return None, ()
    static = [entry for entry in entries if isinstance(entry, Policy)]
    links = [entry for entry in entries if isinstance(entry, TemplateLink)]
    templates = list({id(link.template): link.template for link in links}.values())
    texts = [policy.text for policy in (*static, *templates)]
    position = {id(template): len(static) + at for at, template in enumerate(templates)}
    filled = [Link(position[id(link.template)], link.values()) for link in links]
    handle = compile_policies(texts, filled)
    return handle, (*static, *templates, *(link.template for link in links))
