"""`entities.json`: strict JSON, each entity once, all of them fit for the schema."""

import json
import re
from collections.abc import Sequence

from pdp.core.values import InvalidJson, JsonObject, JsonValue, parse_json
from pdp.policy import engine
from pdp.policy.finding import Report, SourceText
from pdp.policy.locations import Span
from pdp.policy.schema_types import Schema
from pdp.policy.source_files import SourceFile
from pdp.policy.source_policies import source_text

# More entities than this are not searched one by one for the faulty one.
_SEARCHED = 20_000
_PLACE = re.compile(r"line (\d+) column (\d+)")


def load_entities(
    files: Sequence[SourceFile], schema: Schema | None, report: Report
) -> tuple[JsonObject, ...]:
    """Read the entities of the folder; what is wrong with them becomes findings."""
    source = source_text(files[0], report) if files else None
    if source is None:
        return ()
    value = parse_source_json(files[0].content, source, report)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        message = "the entities must be an array of objects"
        report.add("invalid-entity", "error", source, Span(0, 1), message, _SHAPE)
        return ()
    if _distinct(value, source, report):
        _check(value, source, schema, report)
    return tuple(value)


_SHAPE = 'write `[{"uid": {"type": "User", "id": "alice"}, "attrs": {}, "parents": []}]`'


def parse_source_json(raw: bytes, source: SourceText, report: Report) -> JsonValue:
    """Parse a JSON file strictly; None and a finding when it is not JSON."""
    try:
        value = parse_json(raw)
        if value is None:
            report.add("syntax", "error", source, Span(0, 1), "the file holds nothing but `null`")
        return value
    except InvalidJson as error:
        found = _PLACE.search(str(error))
        offset = source.lines.offset(int(found[1]), max(int(found[2]), 1)) if found else 0
        message = _PLACE.sub("", str(error)).removesuffix(" at ")
        message = message[:1].lower() + message[1:]
        report.add("syntax", "error", source, Span(offset, offset + 1), message)
        return None


def _distinct(entities: list[JsonObject], source: SourceText, report: Report) -> bool:
    first: dict[tuple[str, str], int] = {}
    sound = True
    for index, entity in enumerate(entities):
        uid = entity.get("uid")
        inner = uid.get("__entity", uid) if isinstance(uid, dict) else None
        if not isinstance(inner, dict) or not isinstance(inner.get("type"), str):
            message = "an entity needs `uid` with strings `type` and `id`"
            report.add("invalid-entity", "error", source, _span(source, index), message, _SHAPE)
            sound = False
            continue
        key = (inner["type"], str(inner.get("id")))
        if first.setdefault(key, index) != index:
            line, _ = source.lines.at(_span(source, first[key]).start)
            message = f'the entity `{key[0]}::"{key[1]}"` is given twice, first in line {line}'
            report.add("duplicate-entity", "error", source, _span(source, index), message)
            sound = False
    return sound


def _check(
    entities: list[JsonObject], source: SourceText, schema: Schema | None, report: Report
) -> None:
    text = None if schema is None else schema.text
    try:
        engine.check_entities(entities, text)
        return
    except engine.EntityFault as fault:
        whole = str(fault)
    found = False
    for index, entity in enumerate(entities[:_SEARCHED]):
        try:
            engine.check_entities([entity], text)
        except engine.EntityFault as fault:
            found = True
            report.add("invalid-entity", "error", source, _span(source, index), str(fault))
    if not found:
        report.add("invalid-entity", "error", source, Span(0, 1), whole)


def _span(source: SourceText, index: int) -> Span:
    """The place of an element of the array that the text is."""
    decoder = json.JSONDecoder()
    text = source.text
    at = text.index("[") + 1
    for _ in range(index + 1):
        start = re.compile(r"[\s,]*").match(text, at)
        begin = start.end() if start else at
        _, at = decoder.raw_decode(text, begin)
    return Span(begin, begin + 1)
