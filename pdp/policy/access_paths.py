"""What the conditions of a policy read: a static look at its JSON form (EST).

The answer errs on the side of reading more: whatever an evaluation can touch is in it. That is
what makes entity slices sound, and it says which members of the context a decision rests on.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pdp.core.values import EntityUid, JsonObject

Root = str | EntityUid
Path = tuple[Any, ...]
"""A root, `principal`, `resource`, `action`, `context` or a literal entity, then attributes."""

ANY_TAG = "\x00tags"
"""The step to every tag of an entity: which one is only known when it is evaluated."""

Trie = dict[Any, "Trie"]


class AccessPaths(NamedTuple):
    """What a policy may read beyond principal, resource and action themselves.

    Attributes:
        needs: paths that lead to something whose attributes, tags or ancestors are looked at.
        context_members: members of the context that are read.
        whole_context: the context is used as a value, so that any member may matter.
        types: entity types that the conditions name.
    """

    needs: frozenset[Path] = frozenset()
    context_members: frozenset[str] = frozenset()
    whole_context: bool = False
    types: frozenset[str] = frozenset()


NOTHING = AccessPaths()

_VARIABLES = frozenset({"principal", "action", "resource", "context"})


class _Value(NamedTuple):
    """What an expression may denote: a path, or something built from what is at that path."""

    path: Path
    built: bool = False


def access_paths(est: JsonObject) -> AccessPaths:
    """Read a policy's conditions."""
    conditions = est.get("conditions") or []
    if not conditions:
        return NOTHING
    reader = _Reader()
    for condition in conditions:
        reader.read(condition["body"])
    whole = ("context",) in reader.used
    members = frozenset(path[1] for path in reader.used if path[0] == "context" and len(path) > 1)
    needs = frozenset(path for path in reader.needs if len(path) > 1 or path[0] not in _VARIABLES)
    return AccessPaths(needs, members, whole, frozenset(reader.types))


def trie_of(paths: Iterable[Path]) -> Trie:
    """The paths as a tree, for walking along the data."""
    root: Trie = {}
    for path in paths:
        node = root
        for step in path:
            node = node.setdefault(step, {})
    return root


class _Reader:
    """Collects, over one policy, what is looked into (`needs`) and what is mentioned (`used`)."""

    def __init__(self) -> None:
        self.needs: set[Path] = set()
        self.used: set[Path] = set()
        self.types: set[str] = set()

    def read(self, expression: Any) -> set[_Value]:
        """What the expression may denote; notes what it looks into on the way."""
        values = self._read(expression)
        for value in values:
            if value.path[0] == "context" and len(value.path) <= 2:
                self.used.add(value.path)
        return values

    def _read(self, expression: Any) -> set[_Value]:
        if not isinstance(expression, Mapping):
            return set()
        (operator, operand), *more = expression.items()
        if more:
            return self._all(expression.values())
        handler = getattr(self, f"_{_HANDLERS.get(operator, 'other')}")
        result: set[_Value] = handler(operand)
        return result

    def _variable(self, name: str) -> set[_Value]:
        return {_Value((name,))} if name in _VARIABLES else set()

    def _literal(self, value: Any) -> set[_Value]:
        found = list(_entities_in(value))
        self.types.update(kind for kind, _ in found)
        return {_Value((uid,)) for uid in found}

    def _attribute(self, operand: Any) -> set[_Value]:
        return self._step(operand["left"], operand["attr"])

    def _has(self, operand: Any) -> set[_Value]:
        steps = operand["attr"]
        values = self._step(operand["left"], steps[0] if isinstance(steps, list) else steps)
        for step in steps[1:] if isinstance(steps, list) else ():
            values = self._beyond(values, step)
        for value in values:
            if value.path[0] == "context" and len(value.path) == 2:
                self.used.add(value.path)
        return set()

    def _step(self, left: Any, attribute: str) -> set[_Value]:
        return self._beyond(self._read(left), attribute)

    def _beyond(self, values: set[_Value], attribute: str) -> set[_Value]:
        reached: set[_Value] = set()
        for value in values:
            self.needs.add(value.path)
            reached.add(_Value((*value.path, attribute), value.built))
            if value.path[0] == "context" and len(value.path) == 1:
                self.used.add(("context", attribute))
            if value.built:
                reached.add(value)
        return reached

    def _looked_into(self, operand: Any) -> set[_Value]:
        for value in self.read(operand["left"]):
            self.needs.add(value.path)
        self.read(operand.get("right") or operand.get("in"))
        if "entity_type" in operand:
            self.types.add(operand["entity_type"])
        return set()

    def _tag(self, operand: Any) -> set[_Value]:
        self.read(operand["right"])
        return self._step(operand["left"], ANY_TAG)

    def _choice(self, operand: Any) -> set[_Value]:
        self.read(operand["if"])
        return self._read(operand["then"]) | self._read(operand["else"])

    def _record(self, members: Any) -> set[_Value]:
        return {value._replace(built=True) for value in self._all(members.values())}

    def _set(self, elements: Any) -> set[_Value]:
        return {value._replace(built=True) for value in self._all(elements)}

    def _other(self, operand: Any) -> set[_Value]:
        if isinstance(operand, Mapping):
            self._all(operand.values())
        elif isinstance(operand, list):
            self._all(operand)
        return set()

    def _all(self, expressions: Iterable[Any]) -> set[_Value]:
        return {value for expression in expressions for value in self.read(expression)}


_HANDLERS = {
    "Var": "variable",
    "Value": "literal",
    ".": "attribute",
    "has": "has",
    "in": "looked_into",
    "is": "looked_into",
    "hasTag": "looked_into",
    "getTag": "tag",
    "if-then-else": "choice",
    "Record": "record",
    "Set": "set",
}


def _entities_in(value: Any) -> Iterator[EntityUid]:
    if isinstance(value, Mapping):
        inner = value.get("__entity")
        if isinstance(inner, Mapping):
            yield (str(inner["type"]), str(inner["id"]))
        else:
            for member in value.values():
                yield from _entities_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from _entities_in(member)
