"""Patterns that say which subjects a caller may act for."""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from pdp.core.values import EntityUid

EVERYBODY = "*"


class Subjects(NamedTuple):
    """What the patterns of a caller stand for, ready to be asked."""

    everybody: bool
    types: frozenset[str]
    single: frozenset[EntityUid]

    def include(self, subject: EntityUid) -> bool:
        """Whether it is one of these subjects."""
        return self.everybody or subject[0] in self.types or subject in self.single


@lru_cache(maxsize=1024)
def subjects(patterns: tuple[str, ...]) -> Subjects:
    """Read patterns: `*`, `Type::*`, `Type::"id"`, or `Type::id` where the id has no `::`.

    A Cedar type may have `::` in its name and an id may hold anything, so the bare form means the
    last `::`; whatever is not clear must be quoted. A pattern that cannot be read matches nobody.
    """
    types, single = set[str](), set[EntityUid]()
    for pattern in patterns:
        kind, quoted = _split(pattern)
        if quoted == EVERYBODY and not pattern.endswith('"'):
            types.add(kind)
        elif kind:
            single.add((kind, quoted))
    return Subjects(EVERYBODY in patterns, frozenset(types), frozenset(single))


def literal(subject: EntityUid) -> str:
    """The pattern for exactly one subject."""
    return f"{subject[0]}::{json.dumps(subject[1], ensure_ascii=False)}"


def is_pattern(pattern: str) -> bool:
    """Whether `subjects` can read it."""
    return pattern == EVERYBODY or bool(_split(pattern)[0])


def unreadable(patterns: Iterable[str]) -> list[str]:
    """Those patterns that cannot be read."""
    return [pattern for pattern in patterns if not is_pattern(pattern)]


def _split(pattern: str) -> tuple[str, str]:
    if pattern.endswith('"') and '::"' in pattern:
        kind, _, rest = pattern.partition('::"')
        try:
            found = json.loads('"' + rest)
        except ValueError:
            return "", ""
        return (kind, found) if _is_type(kind) else ("", "")
    kind, mark, found = pattern.rpartition("::")
    plain = mark and found and not found.startswith('"')
    return (kind, found) if plain and _is_type(kind) else ("", "")


def _is_type(kind: str) -> bool:
    return all(part.isascii() and part.isidentifier() for part in kind.split("::"))
