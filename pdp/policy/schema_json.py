"""A reader of Cedar's JSON schema form, into the same declarations as the text form."""

from typing import Any

from pdp.core.values import JsonObject
from pdp.policy.schema_raw import (
    NOWHERE,
    Annotations,
    NameKind,
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

NO_ATTRIBUTES = RawRecord(())
_PRIMITIVES = {"String": "String", "Long": "Long", "Boolean": "Bool", "Bool": "Bool"}
_NAMED: dict[str, NameKind] = {
    "Entity": "entity",
    "EntityOrCommon": "any",
    "Extension": "extension",
}


def parse_schema_json(document: JsonObject) -> list[RawNamespace]:
    """Read the namespaces of a JSON schema.

    Raises:
        SchemaFault: naming the member that is missing or of the wrong type.
    """
    try:
        return [_namespace(name, body) for name, body in document.items()]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, SchemaFault):
            raise
        raise SchemaFault(f"this is not a Cedar schema in JSON: {error!r}") from None


def _namespace(name: str, body: JsonObject) -> RawNamespace:
    namespace = RawNamespace(name)
    for common, kind in body.get("commonTypes", {}).items():
        namespace.commons.append(RawCommon(common, _type(kind), NOWHERE))
    for entity, raw in body.get("entityTypes", {}).items():
        namespace.entities.append(_entity(entity, raw))
    for action, raw in body.get("actions", {}).items():
        namespace.actions.append(_action(action, raw))
    return namespace


def _entity(name: str, raw: JsonObject) -> RawEntity:
    tags = raw.get("tags")
    return RawEntity(
        name,
        tuple(RawName(parent, "entity") for parent in raw.get("memberOfTypes", ())),
        _type(raw["shape"]) if "shape" in raw else NO_ATTRIBUTES,
        None if tags is None else _type(tags),
        tuple(raw.get("enum", ())),
        _annotations(raw),
        NOWHERE,
    )


def _action(name: str, raw: JsonObject) -> RawAction:
    applies: JsonObject = raw.get("appliesTo") or {}
    context = applies.get("context")
    return RawAction(
        name,
        tuple(RawGroup(g.get("type"), g["id"], NOWHERE) for g in raw.get("memberOf") or ()),
        tuple(RawName(each, "entity") for each in applies.get("principalTypes", ())),
        tuple(RawName(each, "entity") for each in applies.get("resourceTypes", ())),
        NO_ATTRIBUTES if context is None else _type(context),
        _annotations(raw),
        NOWHERE,
    )


def _type(raw: JsonObject) -> RawType:
    kind = raw["type"]
    if kind == "Set":
        return RawSet(_type(raw["element"]))
    if kind == "Record":
        members: dict[str, Any] = raw.get("attributes", {})
        return RawRecord(
            tuple((key, _type(each), each.get("required", True)) for key, each in members.items())
        )
    if kind in _PRIMITIVES:
        return RawName("__cedar::" + _PRIMITIVES[kind], "primitive")
    if kind in _NAMED:
        return RawName(raw["name"], _NAMED[kind])
    return RawName(kind, "common")


def _annotations(raw: JsonObject) -> Annotations:
    return tuple((key, value or "") for key, value in raw.get("annotations", {}).items())
