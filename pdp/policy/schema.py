"""Reading Cedar schemas, in their human-readable and in their JSON form."""

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

__all__ = [
    "ActionType",
    "Attribute",
    "EntityRef",
    "EntityType",
    "Extension",
    "Primitive",
    "Record",
    "Schema",
    "SetOf",
    "Type",
]
