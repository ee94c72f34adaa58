"""Reading Cedar schemas, in their human-readable and in their JSON form, from one or more files."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from pdp.core.values import InvalidJson, JsonObject, parse_json
from pdp.policy.locations import Span
from pdp.policy.schema_json import parse_schema_json
from pdp.policy.schema_raw import RawNamespace, SchemaFault
from pdp.policy.schema_resolve import resolve
from pdp.policy.schema_text import parse_schema_text
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
    "SchemaFault",
    "SchemaFile",
    "SetOf",
    "Type",
    "parse_schema",
]


class SchemaFile(NamedTuple):
    """One schema file: its text, and whether it is in the JSON form."""

    text: str
    is_json: bool = False


class FileFault(SchemaFault):
    """A fault in one of several files; `index` says in which."""

    def __init__(self, index: int, fault: SchemaFault) -> None:
        super().__init__(fault.message, fault.span)
        self.index = index


def parse_schema(*files: SchemaFile | str) -> Schema:
    """Read one schema from all its files; the same namespace may go on in another file.

    Raises:
        SchemaFault: a syntax fault or a name without declaration; a `FileFault` where the file
            is known.
    """
    given = [SchemaFile(file) if isinstance(file, str) else file for file in files]
    forms = {file.is_json for file in given}
    if len(forms) > 1:
        raise SchemaFault("the schema is partly in Cedar syntax and partly in JSON")
    if forms == {True}:
        documents = [_json(index, file.text) for index, file in enumerate(given)]
        text = given[0].text if len(given) == 1 else json.dumps(_merged(documents))
        return resolve(text, [space for doc in documents for space in parse_schema_json(doc)])
    parsed = [_text(index, file.text) for index, file in enumerate(given)]
    spaces = [space for of_file in parsed for space in of_file]
    return resolve(_joined([file.text for file in given], parsed), spaces)


def _text(index: int, text: str) -> list[RawNamespace]:
    try:
        return parse_schema_text(text)
    except SchemaFault as fault:
        raise FileFault(index, fault) from None


def _json(index: int, text: str) -> JsonObject:
    try:
        document = parse_json(text.encode())
    except InvalidJson as error:
        raise FileFault(index, SchemaFault(str(error))) from None
    if not isinstance(document, dict):
        raise FileFault(index, SchemaFault("a schema in JSON is an object"))
    return document


def _joined(texts: Sequence[str], parsed: Sequence[list[RawNamespace]]) -> str:
    """One text for the engine, in which each namespace stands once."""
    if len(texts) == 1:
        return texts[0]
    pieces: list[str] = []
    bodies: dict[str, list[str]] = {}
    for text, spaces in zip(texts, parsed, strict=True):
        at = 0
        for space in spaces[1:]:
            pieces.append(text[at : space.block.start])
            bodies.setdefault(space.name, []).append(_cut(text, space.body))
            at = space.block.end
        pieces.append(text[at:])
    for name, parts in bodies.items():
        pieces.append(f"namespace {name} {{\n" + "\n".join(parts) + "\n}")
    return "\n".join(piece for piece in pieces if piece.strip())


def _cut(text: str, span: Span) -> str:
    return text[span.start : span.end]


def _merged(documents: Sequence[JsonObject]) -> JsonObject:
    merged: JsonObject = {}
    for document in documents:
        for name, body in document.items():
            space = merged.setdefault(name, {"entityTypes": {}, "actions": {}})
            for part, members in body.items():
                into = space.setdefault(part, {})
                for member in members:
                    if member in into:
                        raise SchemaFault(f"`{member}` is declared twice")
                into.update(members)
    return merged
