"""How far an approval reaches: a structured record, and whether an evaluation is within it."""

from collections.abc import Collection
from typing import NamedTuple

from pdp.core.values import EntityUid, JsonObject
from pdp.core.workflow import SCOPES, ScopeKind


class Scope(NamedTuple):
    """The resources that an approval covers.

    Attributes:
        kind: `exact` is the bound resource; `resource_parent` everything below `parent`;
            `resource_type` every resource of the bound one's type.
        parent: the Cedar entity of a `resource_parent`.
    """

    kind: ScopeKind = "exact"
    parent: EntityUid | None = None

    def covers(
        self, bound: JsonObject, asked: JsonObject, ancestors: Collection[EntityUid]
    ) -> bool:
        """Whether the resource of an evaluation is within a scope wider than `exact`.

        Args:
            bound: the resource that was approved.
            asked: the resource of the evaluation.
            ancestors: the Cedar entities above the latter, which the PDP itself has looked up.
        """
        if self.kind == "resource_type":
            return asked.get("type") == bound.get("type")
        return self.kind == "resource_parent" and self.parent in ancestors

    def to_json(self) -> JsonObject:
        """The scope as it is kept and shown."""
        if self.parent is None:
            return {"kind": self.kind}
        return {"kind": self.kind, "parent": {"type": self.parent[0], "id": self.parent[1]}}


EXACT = Scope()


def scope_from_json(body: JsonObject) -> Scope:
    """Read a scope that `to_json` wrote; raises `ValueError` when it is none."""
    kind = body.get("kind")
    parent = body.get("parent")
    if kind not in SCOPES or (kind == "resource_parent") != isinstance(parent, dict):
        raise ValueError("not the scope of an approval")
    return Scope(kind, (parent["type"], parent["id"]) if parent else None)


def narrowest(scopes: Collection[Scope | None]) -> Scope:
    """What several approvers agree on: the narrowest; who says nothing says `exact`."""
    chosen = [scope or EXACT for scope in scopes]
    first = min(chosen, key=lambda scope: SCOPES.index(scope.kind), default=EXACT)
    at_one = all(scope == first for scope in chosen if scope.kind == first.kind)
    return first if at_one else EXACT
