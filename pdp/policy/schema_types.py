"""What a Cedar schema says, fully resolved: every name qualified, every common type replaced."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pdp.core.values import EntityUid

PrimitiveName = Literal["String", "Long", "Bool"]
ExtensionName = Literal["decimal", "ipaddr", "datetime", "duration"]


@dataclass(frozen=True, slots=True)
class Primitive:
    """`String`, `Long` or `Bool`."""

    name: PrimitiveName


@dataclass(frozen=True, slots=True)
class Extension:
    """`decimal`, `ipaddr`, `datetime` or `duration`: written in JSON as a string."""

    name: ExtensionName


@dataclass(frozen=True, slots=True)
class EntityRef:
    """A reference to an entity of type `name`, which is qualified."""

    name: str


@dataclass(frozen=True, slots=True)
class SetOf:
    """A set whose elements all have the type `element`."""

    element: "Type"


class Attribute(NamedTuple):
    """One attribute of a record or an entity type."""

    type: "Type"
    required: bool


@dataclass(frozen=True, slots=True)
class Record:
    """A closed record: no attributes but these."""

    attributes: Mapping[str, Attribute]


Type = Primitive | Extension | EntityRef | SetOf | Record

EMPTY_RECORD = Record({})


@dataclass(frozen=True, slots=True)
class EntityType:
    """One entity type.

    Attributes:
        name: qualified by its namespace, as in `Bank::Account`.
        member_of: qualified types that may be its parents.
        shape: its attributes.
        tags: the type of its tags, or None when it may have none.
        choices: the only ids of an enumerated type; empty for every other type.
        annotations: pairs of name and value, as `doc`.
    """

    name: str
    member_of: tuple[str, ...] = ()
    shape: Record = EMPTY_RECORD
    tags: Type | None = None
    choices: tuple[str, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ActionType:
    """One action or group of actions.

    Attributes:
        uid: its entity uid, as `("Bank::Action", "read")`.
        member_of: the groups that it is directly in.
        principals: qualified entity types that may do it; empty for a mere group.
        resources: qualified entity types that it may be done to; empty for a mere group.
        context: what the context of a request for it may hold.
        annotations: pairs of name and value.
    """

    uid: EntityUid
    member_of: tuple[EntityUid, ...] = ()
    principals: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    context: Record = EMPTY_RECORD
    annotations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """A whole schema, from one or several files.

    Attributes:
        text: what the engine is given: Cedar schema syntax, or its JSON form.
        entity_types: by qualified name.
        actions: by uid.
        common_types: by qualified name, resolved.
    """

    text: str
    entity_types: Mapping[str, EntityType] = field(default_factory=dict)
    actions: Mapping[EntityUid, ActionType] = field(default_factory=dict)
    common_types: Mapping[str, Type] = field(default_factory=dict)

    def shape(self, entity_type: str) -> Record | None:
        """The attributes of a qualified entity type, or None when the schema does not know it."""
        known = self.entity_types.get(entity_type)
        return None if known is None else known.shape

    def context(self, action: EntityUid) -> Record | None:
        """The context type of an action, or None when the schema does not know it."""
        known = self.actions.get(action)
        return None if known is None else known.context

    def action_ancestors(self, action: EntityUid) -> frozenset[EntityUid]:
        """Every group that the action is in, directly or through other groups."""
        found: set[EntityUid] = set()
        waiting = [action]
        while waiting:
            known = self.actions.get(waiting.pop())
            for group in () if known is None else known.member_of:
                if group not in found:
                    found.add(group)
                    waiting.append(group)
        return frozenset(found)
