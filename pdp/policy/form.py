"""The form of a template: the JSON Schema (2020-12) of what a submission must add (ARAP,
Machine-Readable Forms).

An author writes either the schema of `requested_access` alone, the usual case, or, when its only
properties are `context` and `requested_access`, that of both. What is published is always the
latter: an instance of it, merged into a submission, is what the submission lacked.
"""

from typing import Any, NamedTuple

import jsonschema_rs

from pdp.core.values import JsonObject, pointer

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PARTS = ("context", "requested_access")
MOST_FAULTS = 20

_WISHES: JsonObject = {
    "requested_until": {
        "title": "Until when?",
        "type": "string",
        "format": "date-time",
        "description": "An RFC 3339 moment; a wish that the workflow and the approver may shorten.",
    },
    "emergency": {
        "title": "Is this an emergency?",
        "type": "boolean",
        "description": "Takes the expedited path of the workflow, where it has one.",
    },
}


class FormFault(NamedTuple):
    """What is wrong with a submission's additions, and where; `at` is a JSON Pointer."""

    at: str
    detail: str


class Form:
    """A form, compiled.

    Attributes:
        schema: the published JSON Schema.
        fields: the schema of `requested_access`, for a page.
    """

    def __init__(self, document: JsonObject, name: str) -> None:
        """Compile a form; raises `ValueError` when it is not a usable JSON Schema."""
        _compiled(document)
        self.schema = published(document, name)
        self.fields: JsonObject = self.schema["properties"].get("requested_access", {})
        self._validator = _compiled(self.schema)

    def faults(self, context: JsonObject, requested_access: JsonObject) -> list[FormFault]:
        """What a submission's additions lack or have wrong; a missing member at its own place."""
        instance = {"context": context, "requested_access": requested_access}
        found: list[FormFault] = []
        for error in self._validator.iter_errors(instance):
            found.extend(_told(error))
            if len(found) >= MOST_FAULTS:
                break
        return found[:MOST_FAULTS]


def published(document: JsonObject, name: str) -> JsonObject:
    """The schema of what a submission adds, from what the author wrote."""
    properties = document.get("properties")
    if isinstance(properties, dict) and properties and set(properties) <= set(PARTS):
        return document
    inner = {member: value for member, value in document.items() if member != "$schema"}
    # References within the author's schema stay within it.
    inner.setdefault("$id", f"urn:authzen-pdp:form:{name}")
    own = properties if isinstance(properties, dict) else {}
    inner["properties"] = own | {name: each for name, each in _WISHES.items() if name not in own}
    return {
        "$schema": DIALECT,
        **({"title": inner["title"]} if "title" in inner else {}),
        "type": "object",
        "properties": {"requested_access": inner},
        "required": ["requested_access"],
    }


def _compiled(schema: JsonObject) -> jsonschema_rs.Draft202012Validator:
    """A validator that never fetches anything and whose patterns take linear time."""
    try:
        return jsonschema_rs.Draft202012Validator(
            schema,
            offline=True,
            validate_formats=True,
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        text = str(error).splitlines()
        raise ValueError(text[0] if text else "this is not a JSON Schema") from None


def _told(error: Any) -> list[FormFault]:
    path = list(error.instance_path)
    kind = error.kind
    if kind.name == "required":
        return [FormFault(pointer(*path, kind.property), "is required")]
    if kind.name in ("additionalProperties", "unevaluatedProperties"):
        return [FormFault(pointer(*path, name), "is not a member of this form")
                for name in kind.unexpected]  # fmt: skip
    return [FormFault(pointer(*path), error.message)]
