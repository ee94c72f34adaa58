"""One Cedar policy as the rest of this software sees it: small, immutable, with its place."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from pdp.core.values import EntityUid, JsonObject

if TYPE_CHECKING:
    from pdp.policy.access_paths import AccessPaths

APPROVAL_ANNOTATION = "approval"
ID_ANNOTATION = "id"

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


def scope_of(est: JsonObject) -> Scope:
    """Read the head of a policy from the engine's JSON form (EST)."""
    return Scope(
        _constraint(est["principal"]), _constraint(est["action"]), _constraint(est["resource"])
    )


def _constraint(part: JsonObject) -> Constraint:
    op = part["op"]
    if op == "All":
        return ANY
    if op == "is":
        inner = part.get("in")
        kind = _interned(part["entity_type"])
        if inner is None:
            return Constraint("is", (), kind)
        return Constraint("is in", _entities(inner), kind, "slot" in inner)
    return Constraint("==" if op == "==" else "in", _entities(part), None, "slot" in part)


def _entities(part: JsonObject) -> tuple[EntityUid, ...]:
    if "entities" in part:
        return tuple(_uid(entity) for entity in part["entities"])
    entity = part.get("entity")
    return () if entity is None else (_uid(entity),)


def _uid(entity: JsonObject) -> EntityUid:
    entity = entity.get("__entity", entity)
    return (_interned(entity["type"]), _interned(entity["id"]))


def _interned(text: str) -> str:
    # Thousands of policies name the same few types, actions and groups: keep each text once.
    return sys.intern(text)
