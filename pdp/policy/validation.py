"""Policies against the schema: what the engine's validator says, with the place and a way out."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial

from pdp.policy import engine
from pdp.policy.finding import Report
from pdp.policy.locate import locate, plain
from pdp.policy.locations import Span
from pdp.policy.schema_types import Record, Schema
from pdp.policy.source_files import Pace
from pdp.policy.source_policies import Placed

# Validating takes about 0.05 ms a policy.
PIECE = 100
# Beyond this many, faults are reported at the start of their policy: finding the place costs time.
PLACED_EXACTLY = 200

# A term that is ill-typed wherever it is reached: where it draws no complaint, it never is.
_PROBE = ' when { 1 < "" };'
_NO_ACTION = "unable to find an applicable action"
_UNKNOWN = ("unrecognized action", "unrecognized entity type")
_QUOTED = re.compile(r"`([^`]+)`")


def validate_policies(loaded: Sequence[Placed], schema: Schema, report: Report, pace: Pace) -> None:
    """Report every policy that does not fit the schema or that can never match under it."""
    for at in range(0, len(loaded), PIECE):
        pace()
        piece = loaded[at : at + PIECE]
        faulty = _complaints([each.policy.text for each in piece], schema)
        for index, messages in faulty.items():
            _report(piece[index], messages, schema, report)
        sound = [each for index, each in enumerate(piece) if index not in faulty]
        pace()
        _probe(sound, schema, report)


def _complaints(texts: Sequence[str], schema: Schema) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for index, message in engine.validate("\n".join(texts), schema.text):
        messages = found.setdefault(index, [])
        if plain(message) not in messages:
            messages.append(plain(message))
    return found


def _report(placed: Placed, messages: Sequence[str], schema: Schema, report: Report) -> None:
    unknown = any(message.startswith(_UNKNOWN) for message in messages)
    for message in messages:
        if unknown and message.startswith(_NO_ACTION):
            # It follows from the unknown name, which is reported.
            continue
        place = Span(0, 1)
        if len(report) < PLACED_EXACTLY:
            place = locate(placed.policy.text, message, partial(_alone, schema))
        at = Span(placed.span.start + place.start, placed.span.start + place.end)
        never = message.startswith((_NO_ACTION, _UNKNOWN[0]))
        lint = "never-matches" if never else "invalid-policy"
        report.add(lint, "error", placed.source, at, message, _fix(message, schema))


def _alone(schema: Schema, text: str) -> list[str]:
    return _complaints([text], schema).get(0, [])


def _probe(sound: Sequence[Placed], schema: Schema, report: Report) -> None:
    drawn = _complaints([each.policy.text[:-1] + _PROBE for each in sound], schema)
    for index, placed in enumerate(sound):
        if index not in drawn:
            place = Span(placed.span.start, placed.span.start + 1)
            message = "this policy can never match under the schema"
            report.add("never-matches", "warning", placed.source, place, message)


def _fix(message: str, schema: Schema) -> str:
    quoted = _QUOTED.findall(message)
    if "optional" in message and quoted:
        return f"ask first whether it is there: `... has {quoted[0]} && ...`"
    if message.startswith("unrecognized action"):
        known = [f'{kind}::"{name}"' for kind, name in schema.actions]
        return _nearest(quoted, known, "declare the action in the schema")
    if message.startswith("unrecognized entity type"):
        return _nearest(quoted, list(schema.entity_types), "declare the type in the schema")
    if message.startswith("attribute"):
        return _nearest(quoted, _attributes(schema), "declare the attribute in the schema")
    if message.startswith(_NO_ACTION):
        return "make principal, action and resource fit one `appliesTo` of the schema"
    return ""


def _nearest(quoted: Sequence[str], known: Sequence[str], otherwise: str) -> str:
    close = get_close_matches(quoted[0], known, 1, 0.6) if quoted else []
    return f"did you mean `{close[0]}`?" if close else otherwise


def _attributes(schema: Schema) -> list[str]:
    names: set[str] = set()
    records: list[Record] = [kind.shape for kind in schema.entity_types.values()]
    records += [action.context for action in schema.actions.values()]
    while records:
        for name, attribute in records.pop().attributes.items():
            names.add(name)
            if isinstance(attribute.type, Record):
                records.append(attribute.type)
    return sorted(names)
