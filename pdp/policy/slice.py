"""Some policies of a set, compiled together, with what they read."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pdp.core.values import EntityUid
from pdp.policy.access_paths import merged
from pdp.policy.engine import EngineAnswer, Link, PolicyHandle, compile_policies
from pdp.policy.policy import Constraint, Policy, Scope
from pdp.policy.reach import Want


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


Entry = Policy | TemplateLink
Targets = frozenset[EntityUid] | None


class Cut:
    """What the engine is given of an entity; the same object wherever it is the same.

    Attributes:
        want: its attributes and tags.
        targets: which of its ancestors; None for all.
    """

    __slots__ = ("targets", "want")

    def __init__(self, want: Want, targets: Targets) -> None:
        self.want = want
        self.targets = targets


_cuts: dict[tuple[Want, Targets], Cut] = {}
_MOST_CUTS = 4096


_DENIED = EngineAnswer(False, (), ())


def _cut(want: Want, targets: Targets) -> Cut:
    if len(_cuts) >= _MOST_CUTS:
        _cuts.clear()
    return _cuts.setdefault((want, targets), Cut(want, targets))


class Slice:
    """The policies that can decide some request, ready to be evaluated together.

    Attributes:
        policies: what may determine a decision, by the engine's position.
        templates: workflow templates that its permits name, in the order of the workflows.
        access: what its conditions read.
        targets: the entities that its heads and conditions look for among ancestors; None when
            data says which.
        context_members: members of the context that its conditions read; None for all.
        cuts: what is given of principal, action and resource.
        is_fixed: whether its answer is the same for all requests that it is the slice of: its heads
            match, and its conditions mention nothing of a request.
        fixed: that answer, once it is known.
        walks: whether its conditions look at entities other than the request's own three, from
            these or from ones that they name.
        walks_context: whether they would look at entities that the context refers to.
        reads_now: whether they look at `context.now`.
        reads_caller: whether they look at `context.caller`.
        reads_request: whether they look at `context.request`.
        reads_approval: whether they look at `context.approval`.
        approval_members: what of it they look at; None for all.
        reads_reserved: whether they look at any of these.
    """

    __slots__ = (
        "_entries",
        "_handle",
        "access",
        "approval_members",
        "context_members",
        "cuts",
        "fixed",
        "is_fixed",
        "policies",
        "reads_approval",
        "reads_caller",
        "reads_now",
        "reads_request",
        "reads_reserved",
        "targets",
        "templates",
        "walks",
        "walks_context",
    )

    def __init__(self, entries: Sequence[Entry], workflow_order: Mapping[str, int]) -> None:
        self._entries = entries
        self._handle: PolicyHandle | None = None
        self.fixed: EngineAnswer | None = None if entries else _DENIED
        static, templates, links = _sorted(entries)
        deciding = (*static, *(link.template for link in links))
        self.policies = (*static, *templates, *(link.template for link in links))
        named = {each.template for each in deciding if each.template and each.effect == "permit"}
        last = len(workflow_order)
        order = sorted(named, key=lambda name: (workflow_order.get(name, last), name))
        self.templates = tuple(order)
        self.access = access = merged(policy.access for policy in deciding)
        self.targets = _targets(entries, access.targets)
        self.context_members = access.members
        roots = (access.principal, access.action, access.resource)
        self.cuts = tuple(_cut(reach.want(), self.targets) for reach in roots)
        self.is_fixed = access.constant
        self.walks = bool(access.literals) or any(reach.onward() for reach in roots)
        self.walks_context = access.context.onward()
        self.reads_now = access.reads("now")
        self.reads_caller = access.reads("caller")
        self.reads_request = access.reads("request")
        self.reads_approval = access.reads("approval")
        self.approval_members = access.approval
        self.reads_reserved = (
            self.reads_now or self.reads_caller or self.reads_request or self.reads_approval
        )

    @property
    def texts(self) -> tuple[str, ...]:
        """The sources of its policies, which together are its identity."""
        return tuple(policy.text for policy in self.policies)

    @property
    def handle(self) -> PolicyHandle:
        """Its policies, compiled when first asked for."""
        if self._handle is None:
            self._handle = _compiled(self._entries)
        return self._handle

    def take_handle(self, handle: PolicyHandle) -> None:
        """Use what was compiled from the very same sources."""
        self._handle = handle

    @property
    def compiled(self) -> PolicyHandle | None:
        """The compiled policies, if they have been asked for."""
        return self._handle

    @property
    def has_links(self) -> bool:
        """Whether some of it is a filled template, which its sources do not show."""
        return any(isinstance(entry, TemplateLink) for entry in self._entries)


def _sorted(
    entries: Sequence[Entry],
) -> tuple[list[Policy], list[Policy], list[TemplateLink]]:
    """Policies, the templates that links fill (each once), and the links."""
    static = [entry for entry in entries if isinstance(entry, Policy)]
    links = [entry for entry in entries if isinstance(entry, TemplateLink)]
    return static, list(dict.fromkeys(link.template for link in links)), links


def _compiled(entries: Sequence[Entry]) -> PolicyHandle:
    static, templates, links = _sorted(entries)
    first = {template: len(static) + index for index, template in enumerate(templates)}
    filled = [Link(first[link.template], link.principal, link.resource) for link in links]
    return compile_policies([policy.text for policy in (*static, *templates)], filled)


def _targets(entries: Sequence[Entry], asked: Targets) -> Targets:
    if asked is None:
        return None
    scopes = [
        entry.scope() if isinstance(entry, TemplateLink) else entry.scope for entry in entries
    ]
    return asked.union(
        uid
        for scope in scopes
        for constraint in scope
        if constraint.form in ("in", "is in")
        for uid in constraint.entities
    )


def _filled(constraint: Constraint, uid: EntityUid | None) -> Constraint:
    if not constraint.slot or uid is None:
        return constraint
    return constraint._replace(entities=(uid,), slot=False)
