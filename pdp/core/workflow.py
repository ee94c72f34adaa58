"""What happens when a denial is requestable: the workflows of `workflows.yaml`, as frozen values.

A workflow is frozen onto each task that follows it (`Workflow.to_json`), so that a change of the
file touches no request that is under way. Nothing here can say that a time-out approves.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from pdp.core.values import EntityUid

StepKind = Literal["human", "policy", "external", "interaction"]
ScopeKind = Literal["exact", "resource_parent", "resource_type"]
TimeoutAction = Literal["escalate", "deny"]

SCOPES: tuple[ScopeKind, ...] = ("exact", "resource_parent", "resource_type")
"""The scopes of an approval, narrowest first."""

Texts = tuple[tuple[str, str], ...]
"""One text in several languages, as (BCP 47 tag, text); the tag `*` is for every other language."""


@dataclass(frozen=True, slots=True)
class External:
    """A third party that is asked and answers later.

    Attributes:
        url: where the signed call goes; None calls nobody and waits for the answer.
        secret: the name of the configured secret that signs the call and checks the answer.
    """

    url: str | None = None
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Interaction:
    """A page that the subject must visit; `url` None is the built-in page of confirmation."""

    url: str | None = None
    ttl: timedelta | None = None
    title: Texts = ()
    description: Texts = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A step, or a group of steps that are under way at the same time.

    Attributes:
        name: unique within the workflow; what `progress.step_name` and Cedar's `step` show.
        kind: who decides a leaf; meaningless for a group.
        approvals: how many people must approve a `human` step.
        queue: where it waits; by default the workflow's own name.
        remind_after: first reminder, counted from the step's beginning; the wait doubles each time.
        escalate_after: when the queue `escalate_to` is added.
        timeout: when `on_timeout` happens; None never, save for the end of the task.
        any_of: of a group: one of these is enough.
        all_of: of a group: all of these are needed.
    """

    name: str
    kind: StepKind = "human"
    title: Texts = ()
    approvals: int = 1
    queue: str = ""
    remind_after: timedelta | None = None
    remind_times: int = 3
    escalate_after: timedelta | None = None
    escalate_to: str | None = None
    timeout: timedelta | None = None
    on_timeout: TimeoutAction = "deny"
    external: External | None = None
    interaction: Interaction | None = None
    any_of: tuple["Step", ...] = ()
    all_of: tuple["Step", ...] = ()

    @property
    def parts(self) -> tuple["Step", ...]:
        """The steps of a group; none for a leaf."""
        return self.any_of or self.all_of

    def leaves(self) -> Iterator["Step"]:
        """The step itself, or the leaves below a group, in the order written."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


@dataclass(frozen=True, slots=True)
class Emergency:
    """The expedited path.

    Attributes:
        approvers: the people who may approve on it; nobody else may.
        ttl: the longest life of such an approval.
        review_within: until when its use must be reviewed.
        justification: the shortest justification accepted, in characters; 0 asks for none.
        queue: where such a request waits.
        notify: queues whose people are told, besides all the approvers that are skipped.
    """

    approvers: tuple[EntityUid, ...]
    ttl: timedelta
    review_within: timedelta
    justification: int
    queue: str
    notify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogField:
    """A form field whose values come from a catalog (ARAP, Catalogs Document).

    Attributes:
        pointer: JSON Pointer into the form data.
        name: of the catalog, part of its URL.
        entity_type: the Cedar type whose entities are the items; None when `items` lists them.
        action: the Cedar action that the subject must be permitted on an item to see it.
        label: the attribute that is shown; the id where it is missing.
        items: `(value, label)` pairs written in the workflow itself.
        scope_params: `(query parameter, JSON Pointer of its source field)`; an item passes when its
            attribute of the parameter's name equals the value.
    """

    pointer: str
    name: str
    entity_type: str | None = None
    action: str | None = None
    label: str = "label"
    items: tuple[tuple[str, str], ...] = ()
    search_param: str = "q"
    scope_params: tuple[tuple[str, str], ...] = ()
    value_path: str = "/value"
    label_path: str = "/label"


@dataclass(frozen=True, slots=True)
class Workflow:
    """One template of `workflows.yaml` with every default filled in.

    Attributes:
        reason: `context.reason` of the denial.
        denial_ttl: life of the requestable-denial hint.
        task_ttl: after which an undecided request expires.
        approval_ttl: life of the approval when nobody asks for or chooses another.
        approval_ttl_max: the longest life that an approver may choose.
        scope: the widest scope that an approver may choose; what nobody widens is `exact`.
        single_use: one evaluation spends the approval.
        standing: later evaluations find the approval although they do not present it; one of a
            scope wider than `exact` is always found.
        narrowing: approvers may approve for less (shorter, fewer items).
        distinct_approvers: nobody may decide more than one step of a request.
        form: path of the submission's JSON Schema below the schema folder.
        hide_payload: the binding token is encrypted, its claims hidden from the PEP.
        provisioning: an approval counts once it is reported that what it stands for is in place.
        callbacks: a submission may ask to be called back.
        version: SHA-256 in hex over the whole definition, defaults included.
        flat: what `leaves` gives.
        spans: the numbers of the leaves of each step.
    """

    name: str
    steps: tuple[Step, ...]
    title: Texts = ()
    description: Texts = ()
    call_to_action: Texts = ()
    reason: str = "approval_required"
    denial_ttl: timedelta = timedelta(minutes=10)
    task_ttl: timedelta = timedelta(days=3)
    approval_ttl: timedelta = timedelta(hours=4)
    approval_ttl_max: timedelta = timedelta(days=7)
    scope: ScopeKind = "exact"
    single_use: bool = False
    standing: bool = False
    narrowing: bool = True
    distinct_approvers: bool = True
    form: str | None = None
    catalogs: tuple[CatalogField, ...] = ()
    hide_payload: bool = False
    provisioning: bool = False
    callbacks: bool = True
    emergency: Emergency | None = None
    version: str = ""
    flat: tuple[Step, ...] = field(init=False, repr=False, compare=False)
    spans: tuple[range, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        leaves: list[Step] = []
        spans = []
        for step in self.steps:
            first = len(leaves)
            leaves.extend(step.leaves())
            spans.append(range(first, len(leaves)))
        # Both follow from `steps`, and are asked for again and again.
        object.__setattr__(self, "flat", tuple(leaves))
        object.__setattr__(self, "spans", tuple(spans))

    def leaves(self) -> tuple[Step, ...]:
        """Every step that is not a group, in the order written; a leaf's number is its place."""
        return self.flat

    def queues(self) -> frozenset[str]:
        """Every queue in which a request of this workflow can ever wait."""
        names = {leaf.queue for leaf in self.flat}
        names.update(leaf.escalate_to for leaf in self.flat if leaf.escalate_to)
        if self.emergency is not None:
            names.add(self.emergency.queue)
        return frozenset(names)


@dataclass(frozen=True, slots=True)
class Workflows:
    """All workflows of a policy folder, in the order of the file, which decides between several."""

    by_name: Mapping[str, Workflow] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Workflow]:
        return iter(self.by_name.values())

    def __len__(self) -> int:
        return len(self.by_name)

    def __contains__(self, name: object) -> bool:
        return name in self.by_name

    @property
    def names(self) -> tuple[str, ...]:
        """The template names, in order."""
        return tuple(self.by_name)

    def get(self, name: str) -> Workflow | None:
        """The workflow of that template name."""
        return self.by_name.get(name)


NO_WORKFLOWS = Workflows()
