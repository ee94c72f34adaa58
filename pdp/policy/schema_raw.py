"""Cedar schemas as written: declarations with unresolved names, the same for text and for JSON."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pdp.policy.locations import Span

NameKind = Literal["any", "entity", "common", "primitive", "extension"]
Annotations = tuple[tuple[str, str], ...]
NOWHERE = Span(0, 0)


class SchemaFault(ValueError):
    """A schema that cannot be read; `span` is the place in its text."""

    def __init__(self, message: str, span: Span = NOWHERE) -> None:
        super().__init__(message)
        self.message = message
        self.span = span


class RawName(NamedTuple):
    """A type by name, perhaps qualified; `kind` limits what it may turn out to be."""

    path: str
    kind: NameKind
    span: Span = NOWHERE


class RawSet(NamedTuple):
    """`Set<element>`."""

    element: "RawType"


class RawRecord(NamedTuple):
    """`{name: type, ...}`: name, type and whether it is required."""

    attributes: tuple[tuple[str, "RawType", bool], ...]


RawType = RawName | RawSet | RawRecord


class RawEntity(NamedTuple):
    """One name of an `entity` declaration."""

    name: str
    member_of: tuple[RawName, ...]
    shape: RawType
    tags: RawType | None
    choices: tuple[str, ...]
    annotations: Annotations
    span: Span


class RawGroup(NamedTuple):
    """A group that an action is in: the type of the group, None when not written, and its id."""

    type: str | None
    id: str
    span: Span


class RawAction(NamedTuple):
    """One name of an `action` declaration."""

    name: str
    member_of: tuple[RawGroup, ...]
    principals: tuple[RawName, ...]
    resources: tuple[RawName, ...]
    context: RawType
    annotations: Annotations
    span: Span


class RawCommon(NamedTuple):
    """A `type` declaration."""

    name: str
    type: RawType
    span: Span


@dataclass(slots=True)
class RawNamespace:
    """What one namespace declares; `name` is empty outside of every namespace.

    `block` is the whole of a namespace in its text and `body` what stands between its braces.
    """

    name: str
    entities: list[RawEntity] = field(default_factory=list)
    actions: list[RawAction] = field(default_factory=list)
    commons: list[RawCommon] = field(default_factory=list)
    block: Span = NOWHERE
    body: Span = NOWHERE
