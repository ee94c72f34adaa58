"""Random policies, entities and requests that have much to do with one another.

Everything is drawn from few names, so that policies match and paths lead somewhere: by habit `a`
and `b` are entities, `c` is a record and `odd name` is anything. Now and then the habit is broken,
so that conditions fail in every way that they can.
"""

import json
from random import Random
from typing import Any, NamedTuple

import cedarpy
import cedarpy._internal as cedar

from pdp.policy.mapping import CedarRequest

Uid = tuple[str, str]

TYPES = ["User", "Group", "Doc", "N::Folder"]
PLACES: list[Uid] = [(kind, name) for kind in TYPES for name in ("a", "b", 'c "\n\\é')]
ACTIONS: list[Uid] = [("Action", name) for name in ("read", "write", "any", "all")]
STRANGERS: list[Uid] = [("User", "nobody"), ("Strange", "x"), ("Doc", "")]
NAMES = ["a", "b", "c", "odd name"]
TAGS = ["t", "u"]
MEMBERS = ["p", "q", "now", "caller"]


class Link(NamedTuple):
    """A template by its position, and what fills its slots."""

    template: int
    principal: Uid | None
    resource: Uid | None


class World(NamedTuple):
    """A whole policy set and all entities, before anything is sliced."""

    texts: list[str]
    links: list[Link]
    entities: list[dict[str, Any]]


class Verdict(NamedTuple):
    """What was decided; policies by position, a link counted as its template."""

    allowed: bool
    reasons: list[int]
    errors: list[tuple[int, str]]


def literal(uid: Uid) -> str:
    """An entity in a policy."""
    return f"{uid[0]}::{json.dumps(uid[1], ensure_ascii=False)}"


class Maker:
    """Draws worlds and requests."""

    def __init__(self, random: Random, size: int) -> None:
        self._random = random
        self._size = size

    def world(self) -> World:
        """Policies, links of its templates, and entities."""
        texts = [self.policy() for _ in range(self._size)]
        links = [
            self._link(position, text)
            for position, text in enumerate(texts)
            for _ in range(self._random.randrange(3))
            if "?" in text.split("when")[0]
        ]
        return World(texts, links, self.entities())

    def policy(self) -> str:
        """A policy or a template."""
        r = self._random
        effect = r.choice(["permit", "permit", "forbid"])
        slots = r.random() < 0.15
        head = ", ".join(
            (
                self._side("principal", slots),
                self._action(),
                self._side("resource", slots and r.random() < 0.5),
            )
        )
        text = f"{effect} ({head})"
        for _ in range(r.choice([0, 1, 1, 1, 2])):
            text += f" {r.choice(['when', 'when', 'unless'])} {{ {self.condition(3)} }}"
        return text + ";"

    def entities(self) -> list[dict[str, Any]]:
        """Some of the places, in a hierarchy that is deep, wide, or full of diamonds."""
        r = self._random
        order = r.sample(PLACES, len(PLACES))
        most = r.choice([1, 1, 2, 4])
        found = []
        for index, uid in enumerate(order):
            if r.random() < 0.15:
                continue
            above = order[index + 1 :] + ([("Group", "missing")] if r.random() < 0.1 else [])
            if r.random() < 0.5:
                above = above[:2]
            found.append(self._entity(uid, r.sample(above, min(len(above), r.randint(0, most)))))
        for uid in ACTIONS[:3]:
            if r.random() < 0.7:
                above = ACTIONS[ACTIONS.index(uid) + 1 :]
                found.append(self._entity(uid, r.sample(above, min(len(above), r.randint(0, 2)))))
        return found

    def request(self) -> CedarRequest:
        """A request, sometimes about strangers, sometimes with attributes of its own."""
        r = self._random
        principal, resource = (
            r.choice(STRANGERS) if r.random() < 0.1 else r.choice(PLACES) for _ in range(2)
        )
        if r.random() < 0.15:
            resource = r.choice([principal, principal, r.choice(ACTIONS)])
        action = ("Action", "unknown") if r.random() < 0.05 else r.choice(ACTIONS)
        overlays = {
            uid: self._record(2) for uid in (principal, resource) if self._random.random() < 0.3
        }
        context = {}
        if r.random() < 0.8:
            context["p"] = r.choice([*TAGS, self.value(2)])
        if r.random() < 0.8:
            context["q"] = r.choice([_reference(r.choice(PLACES)), self._record(1), self.value(2)])
        return CedarRequest(principal, action, resource, context, overlays)

    def value(self, depth: int) -> Any:
        """A value in Cedar's JSON form."""
        r = self._random
        kind = r.randrange(10 if depth else 7)
        if kind < 4:
            return _reference(r.choice(PLACES + STRANGERS))
        if kind < 7:
            return r.choice(["t", "x", 1, 7, True, False])
        if kind < 9:
            return self._record(depth - 1)
        return [self.value(0) for _ in range(r.randint(0, 3))]

    def condition(self, depth: int) -> str:
        """An expression that is mostly true or false."""
        r = self._random
        inner = depth - 1
        if depth == 0:
            return r.choice(["true", "false", f"{self.path()} == {self.path()}"])
        match r.randrange(15):
            case 0:
                return f"({self.condition(inner)} && {self.condition(inner)})"
            case 1:
                return f"({self.condition(inner)} || {self.condition(inner)})"
            case 2:
                return f"!({self.condition(inner)})"
            case 3 | 4:
                return f"{self.expression(inner)} {r.choice(['==', '!='])} {self.expression(inner)}"
            case 5:
                return f"{self.expression(inner)} in {self._group(inner)}"
            case 12 | 13:
                root = r.choice(["principal", "resource", "context.q", "principal.b"])
                return f"{root}{r.choice(['', '.a', '.b'])} in {self._group(0)}"
            case 14:
                return f"{self.path()}.getTag({self._key()}).{r.choice(NAMES[:2])} == {self.path()}"
            case 6:
                tail = f" in {self._group(0)}" if r.random() < 0.4 else ""
                return f"({self.path()} is {r.choice(TYPES)}{tail})"
            case 7:
                path, name = self.path(), r.choice(NAMES[:3])
                return f"({path} has {name} && {path}.{name} == {self.expression(inner)})"
            case 8:
                return f"{self.path()} has {r.choice(NAMES[:3])}.{r.choice(NAMES[:3])}"
            case 9:
                return f"{self.path()}.hasTag({self._key()})"
            case 10:
                return f"[{self.path()}, {self.path()}].contains({self.expression(inner)})"
            case _:
                return f"{self.expression(inner)} == {self.path()}"

    def expression(self, depth: int) -> str:
        """An expression for any value."""
        r = self._random
        if depth <= 0:
            return self.path()
        match r.randrange(8):
            case 0:
                picked = f"if {self.condition(depth - 1)} then {self.path()} else {self.path()}"
                return f"({picked}).{r.choice(NAMES[:3])}"
            case 1:
                record = f'{{"a": {self.expression(depth - 1)}, "b": {self.path()}}}'
                return f"{record}.{r.choice(NAMES[:2])}" + r.choice(["", ".a"])
            case 2:
                return f"{self.path()}.getTag({self._key()})" + r.choice(["", ".a", ".b"])
            case 3:
                return r.choice(['"t"', "1", "true", "context", "[]"])
            case _:
                return self.path()

    def path(self) -> str:
        """A chain of attributes from something."""
        r = self._random
        roots = ["principal", "resource", "context", "action", literal(r.choice(PLACES[:4]))]
        root = r.choices(roots, [4, 4, 2, 1, 2])[0]
        steps = r.choices(NAMES, [4, 4, 2, 1], k=r.choice([0, 1, 1, 2, 3]))
        if root == "context":
            steps = [r.choice(MEMBERS), *steps]
        written = [f'["{step}"]' if " " in step else f".{step}" for step in steps]
        return root + "".join(written)

    def _key(self) -> str:
        return self._random.choice(['"t"', '"u"', "context.p", "context.p"])

    def _group(self, depth: int) -> str:
        r = self._random
        one = literal(r.choice(PLACES))
        several = f"[{one}, {literal(r.choice(PLACES + ACTIONS))}]"
        root = r.choice(["principal", "resource", "principal.a", "resource.a", "context.q"])
        return r.choice([one, several, f"[{root}, {one}]", root, self.expression(depth)])

    def _side(self, name: str, slot: bool) -> str:
        r = self._random
        uid = r.choice(PLACES)
        if not slot and r.random() < 0.4:
            return name
        target = f"?{name}" if slot else literal(uid)
        forms = [f"{name} == {target}", f"{name} in {target}"]
        forms.append(f"{name} is {r.choice(TYPES)} in {target}")
        if slot:
            return r.choice(forms)
        return r.choice([f"{name} is {uid[0]}", *forms, forms[1], forms[1]])

    def _action(self) -> str:
        r = self._random
        several = ", ".join(literal(uid) for uid in r.sample(ACTIONS, r.randint(0, 3)))
        one = literal(r.choice(ACTIONS))
        return r.choice(
            ["action", "action", f"action == {one}", f"action in {one}", f"action in [{several}]"]
        )

    def _link(self, position: int, text: str) -> Link:
        r = self._random
        return Link(
            position,
            r.choice(PLACES) if "?principal" in text else None,
            r.choice(PLACES) if "?resource" in text else None,
        )

    def _entity(self, uid: Uid, parents: list[Uid]) -> dict[str, Any]:
        r = self._random
        found: dict[str, Any] = {
            "uid": _uid(uid),
            "attrs": self._record(2),
            "parents": [_uid(parent) for parent in parents],
        }
        if r.random() < 0.7:
            values = [_reference(r.choice(PLACES)), self.value(1)]
            found["tags"] = {tag: r.choice(values) for tag in TAGS if r.random() < 0.8}
        return found

    def _record(self, depth: int) -> dict[str, Any]:
        r = self._random
        found = {name: _reference(r.choice(PLACES)) for name in NAMES[:2] if r.random() < 0.85}
        if depth and r.random() < 0.7:
            found["c"] = self._record(depth - 1)
        for name in NAMES:
            if r.random() < 0.15:
                found[name] = self.value(depth)
        return found


def whole(world: World, request: CedarRequest, context: dict[str, Any]) -> Verdict:
    """One call of the engine over every policy and every entity."""
    handle = cedar.PolicySet.from_str("\n".join(world.texts))
    links = [
        {
            "template_id": f"policy{link.template}",
            "new_id": f"policy{len(world.texts) + index}",
            "values": {
                f"?{slot}": _uid(uid)
                for slot, uid in (("principal", link.principal), ("resource", link.resource))
                if uid
            },
        }
        for index, link in enumerate(world.links)
    ]
    entities = {_of(each["uid"]): each for each in world.entities}
    for uid, overlay in request.overlays.items():
        known = entities.get(uid, {"uid": _uid(uid), "attrs": {}, "parents": []})
        entities[uid] = {**known, "attrs": {**known["attrs"], **overlay}}
    result = cedarpy.is_authorized(
        {
            "principal": _uid(request.principal_uid),
            "action": _uid(request.action_uid),
            "resource": _uid(request.resource_uid),
            "context": context,
        },
        handle.with_linked_batch(links) if links else handle,
        list(entities.values()),
    )
    assert result.decision is not cedarpy.Decision.NoDecision, result.diagnostics.errors

    def position(name: str) -> int:
        at = int(name.removeprefix("policy"))
        return at if at < len(world.texts) else world.links[at - len(world.texts)].template

    def error(text: str) -> tuple[int, str]:
        name, _, message = text.removeprefix("error while evaluating policy `").partition("`: ")
        return position(name), message

    return Verdict(
        result.allowed,
        sorted(position(reason) for reason in result.diagnostics.reasons),
        sorted(error(text) for text in result.diagnostics.errors),
    )


def _uid(uid: Uid) -> dict[str, str]:
    return {"type": uid[0], "id": uid[1]}


def _of(value: dict[str, str]) -> Uid:
    return (value["type"], value["id"])


def _reference(uid: Uid) -> dict[str, Any]:
    return {"__entity": _uid(uid)}
