"""How far expressions look into the data below one value: a small immutable tree."""

from collections.abc import Iterable
from typing import NamedTuple


class Want(NamedTuple):
    """What is wanted of one entity: attributes by name (None: all), and whether its tags."""

    names: frozenset[str] | None
    tags: bool

    def along_with(self, other: "Want") -> "Want":
        """What both want."""
        if self == other:
            return self
        both = None if self.names is None or other.names is None else self.names | other.names
        return Want(both, self.tags or other.tags)


class Reach(NamedTuple):
    """What is read below one value, which may be an entity or a record.

    Attributes:
        attrs: attributes that are read or asked for, by name, with what is read below them.
        tags: tags that are read or asked for by a name the policy states.
        any_tag: what is read below tags whose name comes from data; None when there is no such.
        member: whether its ancestors matter, as it stands left of an `in`.
        everything: whether all that can be got at from here may be read.
    """

    attrs: tuple[tuple[str, "Reach"], ...] = ()
    tags: tuple[tuple[str, "Reach"], ...] = ()
    any_tag: "Reach | None" = None
    member: bool = False
    everything: bool = False

    def want(self) -> Want:
        """What must be there of an entity that is read like this."""
        tags = bool(self.tags or self.any_tag is not None or self.everything)
        return Want(None if self.everything else frozenset(name for name, _ in self.attrs), tags)

    def onward(self) -> bool:
        """Whether reading goes on through what its attributes or tags refer to."""
        below = [reach for _, reach in (*self.attrs, *self.tags)]
        if self.any_tag is not None:
            below.append(self.any_tag)
        return self.everything or any(each != NOTHING for each in below)


NOTHING = Reach()
ALL = Reach(everything=True)


def union(several: Iterable[Reach]) -> Reach:
    """What all of them read together."""
    distinct = [reach for reach in dict.fromkeys(several) if reach != NOTHING]
    if len(distinct) <= 1:
        return distinct[0] if distinct else NOTHING
    if any(reach.everything for reach in distinct):
        return ALL
    any_tags = [reach.any_tag for reach in distinct if reach.any_tag is not None]
    return Reach(
        _union_of_members([reach.attrs for reach in distinct]),
        _union_of_members([reach.tags for reach in distinct]),
        union(any_tags) if any_tags else None,
        any(reach.member for reach in distinct),
    )


def _union_of_members(
    several: list[tuple[tuple[str, Reach], ...]],
) -> tuple[tuple[str, Reach], ...]:
    together: dict[str, list[Reach]] = {}
    for members in several:
        for name, reach in members:
            together.setdefault(name, []).append(reach)
    return tuple((name, union(together[name])) for name in sorted(together))


class Place:
    """A value of the data while expressions are walked; becomes a `Reach` at the end."""

    __slots__ = ("any_tag", "attrs", "member", "tags", "used")

    def __init__(self) -> None:
        self.attrs: dict[str, Place] = {}
        self.tags: dict[str, Place] = {}
        self.any_tag: Place | None = None
        self.member = False
        self.used = False

    def attribute(self, name: str) -> "Place":
        """The place of an attribute."""
        return self.attrs.setdefault(name, Place())

    def tag(self, name: str | None) -> "Place":
        """The place of a tag; None for one whose name comes from data."""
        if name is not None:
            return self.tags.setdefault(name, Place())
        if self.any_tag is None:
            self.any_tag = Place()
        return self.any_tag

    def reach(self) -> Reach:
        """What was noted here and below."""
        return Reach(
            tuple((name, self.attrs[name].reach()) for name in sorted(self.attrs)),
            tuple((name, self.tags[name].reach()) for name in sorted(self.tags)),
            None if self.any_tag is None else self.any_tag.reach(),
            self.member,
        )
