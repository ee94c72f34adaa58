"""What a policy's conditions read, found without evaluating them.

The engine is given only what the policies of a slice can look at. What is said here is never less
than what an evaluation reads; it may be more.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.reach import ALL, NOTHING, Place, Reach, union

__all__ = ["ALL", "NONE", "NOTHING", "AccessPaths", "Reach", "access_paths", "merged"]


class AccessPaths(NamedTuple):
    """What the conditions of one policy, or of several, read.

    Attributes:
        principal: what is read of the principal.
        action: what is read of the action.
        resource: what is read of the resource.
        context: what is read of the context.
        literals: what is read of entities that the conditions name.
        targets: the entities that `in` compares ancestors with; None when data says which.
        members: members of the context that are read; None when all are.
        approval: members of `context.approval` that are read; None when all are.
        types: entity types that the conditions name.
        constant: whether the conditions mention nothing of the request, or there are none.
    """

    principal: Reach = NOTHING
    action: Reach = NOTHING
    resource: Reach = NOTHING
    context: Reach = NOTHING
    literals: tuple[tuple[EntityUid, Reach], ...] = ()
    targets: frozenset[EntityUid] | None = frozenset()
    members: frozenset[str] | None = frozenset()
    approval: frozenset[str] | None = frozenset()
    types: frozenset[str] = frozenset()
    constant: bool = True

    def reads(self, member: str) -> bool:
        """Whether `context.<member>` may be looked at."""
        return self.members is None or member in self.members


NONE = AccessPaths()

# Thousands of policies share a few shapes of conditions: each is kept once.
_known: dict[AccessPaths, AccessPaths] = {NONE: NONE}
_MOST_KNOWN = 20_000


def access_paths(est: JsonObject) -> AccessPaths:
    """What the conditions of a policy in the engine's JSON form (EST) read."""
    conditions = est.get("conditions")
    if not conditions:
        return NONE
    reader = _Reader()
    try:
        for condition in conditions:
            reader.used(reader.read(condition["body"]))
    except RecursionError:
        reader.give_up(conditions)
    found = reader.found()
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    return _known.setdefault(found, found)


def merged(several: Iterable[AccessPaths]) -> AccessPaths:
    """What several policies read together."""
    distinct = list(dict.fromkeys(several))
    if len(distinct) <= 1:
        return distinct[0] if distinct else NONE
    literals: dict[EntityUid, Reach] = {}
    for paths in distinct:
        for uid, reach in paths.literals:
            literals[uid] = union([literals.get(uid, NOTHING), reach])
    targets = [paths.targets for paths in distinct]
    members = [paths.members for paths in distinct]
    return AccessPaths(
        union([paths.principal for paths in distinct]),
        union([paths.action for paths in distinct]),
        union([paths.resource for paths in distinct]),
        union([paths.context for paths in distinct]),
        tuple(sorted(literals.items())),
        _either(targets),
        _either(members),
        _either([paths.approval for paths in distinct]),
        frozenset[str]().union(*[paths.types for paths in distinct]),
        all(paths.constant for paths in distinct),
    )


def _either(several: list[Any]) -> Any:
    return None if None in several else frozenset().union(*several)


class _Fields(NamedTuple):
    """A record written in the policy: its values by name."""

    members: dict[str, "_Value"]


# What an expression may stand for, as far as data can be read through it.
_Value = tuple["Place | _Fields", ...]
_PLAIN: _Value = ()

_BINARY = frozenset(
    ("==", "!=", "<", "<=", ">", ">=", "+", "-", "*")
    + ("&&", "||", "contains", "containsAll", "containsAny")
)
_UNARY = frozenset(("!", "neg", "isEmpty"))
_FUNCTIONS = frozenset(
    ("ip", "decimal", "datetime", "duration", "isIpv4", "isIpv6", "isLoopback", "isMulticast")
    + ("isInRange", "lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual", "offset")
    + ("durationSince", "toDate", "toTime", "toMilliseconds", "toSeconds", "toMinutes", "toHours")
    + ("toDays",)
)


class _Reader:
    """Walks expressions; every place of the data that they look at is noted on the way."""

    def __init__(self) -> None:
        self._roots = {name: Place() for name in ("principal", "action", "resource", "context")}
        self._literals: dict[EntityUid, Place] = {}
        self._targets: set[EntityUid] = set()
        self._any_target = False
        self._types: set[str] = set()
        self._varies = False
        self._everything = False

    def give_up(self, node: Any) -> None:
        """Take it that an expression may read all that can be got at, from whatever it names."""
        self._everything = True
        waiting = [node]
        while waiting:
            at = waiting.pop()
            if isinstance(at, list):
                waiting += at
            elif isinstance(at, dict):
                waiting += at.values()
                self._literal(at)

    def found(self) -> AccessPaths:
        """What was noted."""
        if self._everything:
            literals = tuple((uid, ALL) for uid in sorted(self._literals))
            types = frozenset(self._types)
            return AccessPaths(ALL, ALL, ALL, ALL, literals, None, None, None, types, False)
        context = self._roots["context"]
        approval = context.attrs.get("approval", Place())
        return AccessPaths(
            **{name: place.reach() for name, place in self._roots.items()},
            literals=self._read_literals(),
            targets=None if self._any_target else frozenset(self._targets),
            members=None if context.used else frozenset(context.attrs),
            approval=None if context.used or approval.used else frozenset(approval.attrs),
            types=frozenset(self._types),
            constant=not self._varies,
        )

    def _read_literals(self) -> tuple[tuple[EntityUid, Reach], ...]:
        read = ((uid, place.reach()) for uid, place in self._literals.items())
        return tuple(sorted((uid, reach) for uid, reach in read if reach != NOTHING))

    def used(self, value: _Value) -> None:
        """Note that a value is compared or otherwise taken as a whole."""
        for each in value:
            if isinstance(each, _Fields):
                for inner in each.members.values():
                    self.used(inner)
            else:
                each.used = True

    def read(self, node: JsonObject) -> _Value:
        """Note what an expression reads; gives what it may stand for."""
        ((op, body),) = node.items()
        match op:
            case "Value":
                return self._literal(body)
            case "Var":
                self._varies = True
                return (self._roots[body],)
            case "." | "has":
                return self._attribute(self.read(body["left"]), body["attr"], op == "has")
            case "getTag" | "hasTag":
                return self._tag(self.read(body["left"]), body["right"], op == "hasTag")
            case "in":
                self._in(self.read(body["left"]), body["right"])
            case "is":
                self._is(body)
            case "like":
                self.used(self.read(body["left"]))
            case "if-then-else":
                self.used(self.read(body["if"]))
                return self.read(body["then"]) + self.read(body["else"])
            case "Set":
                for inner in body:
                    self.used(self.read(inner))
            case "Record":
                return (_Fields({name: self.read(inner) for name, inner in body.items()}),)
            case _:
                return self._operator(op, body)
        return _PLAIN

    def _operator(self, op: str, body: Any) -> _Value:
        if op in _BINARY:
            self._binary(body)
        elif op in _UNARY:
            self.used(self.read(body["arg"]))
        elif op in _FUNCTIONS:
            for inner in body:
                self.used(self.read(inner))
        else:
            # A later engine may know more than is known here.
            self.give_up(body)
        return _PLAIN

    def _binary(self, body: JsonObject) -> None:
        # Long chains of `||` lean to the left: they are walked without descending.
        while True:
            self.used(self.read(body["right"]))
            ((op, inner),) = body["left"].items()
            if op not in _BINARY:
                break
            body = inner
        self.used(self.read(body["left"]))

    def _literal(self, value: Any) -> _Value:
        uid = _entity(value)
        if uid is None:
            return _PLAIN
        self._types.add(uid[0])
        # Entities are of the data: they may change while the request does not.
        self._varies = True
        return (self._literals.setdefault(uid, Place()),)

    def _attribute(self, value: _Value, name: str, only_asked: bool) -> _Value:
        found: _Value = ()
        for each in value:
            if isinstance(each, _Fields):
                found += each.members.get(name, ())
            else:
                found += (each.attribute(name),)
        return _PLAIN if only_asked else found

    def _tag(self, value: _Value, key: JsonObject, only_asked: bool) -> _Value:
        self.used(self.read(key))
        name = key.get("Value")
        found: _Value = ()
        for each in value:
            if isinstance(each, Place):
                found += (each.tag(name if isinstance(name, str) else None),)
        return _PLAIN if only_asked else found

    def _in(self, members: _Value, groups: JsonObject) -> None:
        for each in members:
            if isinstance(each, Place):
                each.member = True
        options = groups.get("Set", [groups])
        for option in options:
            uid = _entity(option.get("Value"))
            if uid is None:
                self._any_target = True
                self.used(self.read(option))
            else:
                self._targets.add(uid)
                self._types.add(uid[0])

    def _is(self, body: JsonObject) -> None:
        self._types.add(body["entity_type"])
        value = self.read(body["left"])
        if "in" in body:
            self._in(value, body["in"])
        else:
            self.used(value)


def _entity(value: Any) -> EntityUid | None:
    if isinstance(value, dict) and "__entity" in value:
        entity = value["__entity"]
        return (entity["type"], entity["id"])
    return None
