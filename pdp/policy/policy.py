"""One Cedar policy as the rest of this software sees it: small, immutable, with its place."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from pdp.core.values import EntityUid, JsonObject

if TYPE_CHECKING:
    from pdp.policy.access_paths import AccessPaths

APPROVAL_ANNOTATION = "approval"
ID_ANNOTATION = "id"

T = TypeVar("T", bound=Hashable)

Effect = Literal["permit", "forbid"]
ScopeForm = Literal["any", "==", "in", "is", "is in"]


class Constraint(NamedTuple):
    """What one line of a policy's head asks of principal, action or resource.

    `entities` are those compared with: several only for `action in [...]`, none for `any`, for `is`
    and for a template's slot. `type` is the entity type of `is` and `is in`.
    """

    form: ScopeForm = "any"
    entities: tuple[EntityUid, ...] = ()
    type: str | None = None
    slot: bool = False


ANY = Constraint()


class Scope(NamedTuple):
    """The head of a policy: which requests it can match at all."""

    principal: Constraint
    action: Constraint
    resource: Constraint


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A policy of a bundle; two are equal only when they are the same object.

    Attributes:
        id: the `@id` annotation, else `<path without suffix>#<n>`, n counted from 1 in its file.
        text: the policy's own source, from its first annotation to its semicolon.
        file: the path below the policy folder, with `/` between its parts.
        line: of the first character, from 1.
        column: of the first character, from 1.
        annotations: pairs of name and value, sorted by name.
        template: the value of `@approval`: the workflow template that may lift a denial.
        is_template: a Cedar template (with a slot), which decides nothing by itself.
        access: what its conditions read.
    """

    id: str
    text: str
    effect: Effect
    file: str
    line: int
    column: int
    annotations: tuple[tuple[str, str], ...]
    scope: Scope
    template: str | None
    is_template: bool
    access: "AccessPaths"

    def annotation(self, name: str) -> str | None:
        """The value of the annotation `name`, or None."""
        return next((value for key, value in self.annotations if key == name), None)


class Shared:
    """Keeps one of several equal values: thousands of policies say the same few things."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}

    def __call__(self, value: T) -> T:
        """The first value that was equal to this one."""
        found: T = self._known.setdefault(value, value)
        return found


def scope_of(est: JsonObject, shared: Shared) -> Scope:
    """Read the head of a policy from the engine's JSON form (EST)."""
    return shared(
        Scope(
            _constraint(est["principal"], shared),
            _constraint(est["action"], shared),
            _constraint(est["resource"], shared),
        )
    )


def _constraint(part: JsonObject, shared: Shared) -> Constraint:
    op = part["op"]
    if op == "All":
        return ANY
    if op == "is":
        inner = part.get("in")
        kind = shared(part["entity_type"])
        if inner is None:
            return shared(Constraint("is", (), kind))
        return shared(Constraint("is in", _entities(inner, shared), kind, "slot" in inner))
    form: ScopeForm = "==" if op == "==" else "in"
    return shared(Constraint(form, _entities(part, shared), None, "slot" in part))


def _entities(part: JsonObject, shared: Shared) -> tuple[EntityUid, ...]:
    if "entities" in part:
        return shared(tuple(_uid(entity, shared) for entity in part["entities"]))
    entity = part.get("entity")
    return () if entity is None else shared((_uid(entity, shared),))


def _uid(entity: JsonObject, shared: Shared) -> EntityUid:
    entity = entity.get("__entity", entity)
    return shared((shared(entity["type"]), shared(entity["id"])))
