"""From declarations as written to a `Schema`: names are looked up as Cedar looks them up."""

from collections.abc import Iterable
from typing import Any

from pdp.core.values import EntityUid
from pdp.policy.schema_raw import (
    RawAction,
    RawCommon,
    RawEntity,
    RawGroup,
    RawName,
    RawNamespace,
    RawRecord,
    RawSet,
    RawType,
    SchemaFault,
)
from pdp.policy.schema_types import (
    ActionType,
    Attribute,
    EntityRef,
    EntityType,
    Extension,
    Primitive,
    Record,
    Schema,
    SetOf,
    Type,
)

BUILTIN: dict[str, Type] = {
    "String": Primitive("String"),
    "Long": Primitive("Long"),
    "Bool": Primitive("Bool"),
    "decimal": Extension("decimal"),
    "ipaddr": Extension("ipaddr"),
    "datetime": Extension("datetime"),
    "duration": Extension("duration"),
}


def resolve(text: str, namespaces: Iterable[RawNamespace]) -> Schema:
    """Build the schema that the declarations of all files make together.

    Raises:
        SchemaFault: a name that is not declared, or declared twice.
    """
    try:
        return _Resolver(list(namespaces)).schema(text)
    except RecursionError:
        raise SchemaFault("types stand for types too many times over") from None


class _Resolver:
    def __init__(self, namespaces: list[RawNamespace]) -> None:
        self._namespaces = namespaces
        self._entities: dict[str, tuple[str, RawEntity]] = {}
        self._commons: dict[str, tuple[str, RawCommon]] = {}
        self._actions: dict[EntityUid, tuple[str, RawAction]] = {}
        self._done: dict[str, Type] = {}
        self._open: set[str] = set()
        for space in namespaces:
            for entity in space.entities:
                name = _qualify(space.name, entity.name)
                _once(self._entities, name, (space.name, entity), entity)
            for common in space.commons:
                name = _qualify(space.name, common.name)
                _once(self._commons, name, (space.name, common), common)
            for action in space.actions:
                uid = (_qualify(space.name, "Action"), action.name)
                _once(self._actions, uid, (space.name, action), action)

    def schema(self, text: str) -> Schema:
        return Schema(
            text,
            {name: self._entity(name, *found) for name, found in self._entities.items()},
            {uid: self._action(uid, *found) for uid, found in self._actions.items()},
            {name: self._common(name) for name in self._commons},
        )

    def _entity(self, name: str, space: str, raw: RawEntity) -> EntityType:
        return EntityType(
            name,
            tuple(self._entity_name(space, parent) for parent in raw.member_of),
            self._record(space, raw.shape),
            None if raw.tags is None else self._type(space, raw.tags),
            raw.choices,
            raw.annotations,
        )

    def _action(self, uid: EntityUid, space: str, raw: RawAction) -> ActionType:
        return ActionType(
            uid,
            tuple(self._group(space, group) for group in raw.member_of),
            tuple(self._entity_name(space, name) for name in raw.principals),
            tuple(self._entity_name(space, name) for name in raw.resources),
            self._record(space, raw.context),
            raw.annotations,
        )

    def _group(self, space: str, group: RawGroup) -> EntityUid:
        written = group.type or "Action"
        for kind in _candidates(space, written):
            if (kind, group.id) in self._actions:
                return (kind, group.id)
        raise SchemaFault(f"the action `{group.id}` is not declared", group.span)

    def _record(self, space: str, raw: RawType) -> Record:
        found = self._type(space, raw)
        if not isinstance(found, Record):
            place = raw.span if isinstance(raw, RawName) else None
            message = "a record is wanted here"
            raise SchemaFault(message, place) if place else SchemaFault(message)
        return found

    def _type(self, space: str, raw: RawType) -> Type:
        if isinstance(raw, RawSet):
            return SetOf(self._type(space, raw.element))
        if isinstance(raw, RawRecord):
            return Record(
                {
                    name: Attribute(self._type(space, inner), required)
                    for name, inner, required in raw.attributes
                }
            )
        return self._named(space, raw)

    def _named(self, space: str, raw: RawName) -> Type:
        for name in _candidates(space, raw.path):
            if raw.kind in ("any", "common") and name in self._commons:
                return self._common(name)
            if raw.kind in ("any", "entity") and name in self._entities:
                return EntityRef(name)
        builtin = raw.path.removeprefix("__cedar::")
        if raw.kind != "entity" and builtin in BUILTIN:
            return BUILTIN[builtin]
        raise SchemaFault(f"the type `{raw.path}` is not declared", raw.span)

    def _entity_name(self, space: str, raw: RawName) -> str:
        for name in _candidates(space, raw.path):
            if name in self._entities:
                return name
        raise SchemaFault(f"the entity type `{raw.path}` is not declared", raw.span)

    def _common(self, name: str) -> Type:
        if name not in self._done:
            space, raw = self._commons[name]
            if name in self._open:
                raise SchemaFault(f"the type `{raw.name}` contains itself", raw.span)
            self._open.add(name)
            self._done[name] = self._type(space, raw.type)
            self._open.discard(name)
        return self._done[name]


def _qualify(space: str, name: str) -> str:
    return f"{space}::{name}" if space else name


def _candidates(space: str, path: str) -> tuple[str, ...]:
    """What a name may stand for, in Cedar's order: of its own namespace, then of none."""
    if space and "::" not in path:
        return (f"{space}::{path}", path)
    return (path,)


def _once(
    into: dict[Any, Any], key: object, value: object, raw: RawEntity | RawCommon | RawAction
) -> None:
    if key in into:
        raise SchemaFault(f"`{raw.name}` is declared twice", raw.span)
    into[key] = value
