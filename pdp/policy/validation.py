"""Policies against the schema: what the engine's validator says, with the place and a way out."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial

from pdp.policy import engine
from pdp.policy.finding import Report
from pdp.policy.locate import REACHED, UNREACHED, locate, locate_impossible, plain
from pdp.policy.locations import Span
from pdp.policy.pace import Pace
from pdp.policy.schema_types import Record, Schema
from pdp.policy.source_policies import Placed

# Policies validated at once, in a hurry or not: each takes about 0.05 ms.
PIECES = (20, 100)
# Beyond this many, faults are reported at the start of their policy: finding the place costs time.
PLACED_EXACTLY = 200

_NO_ACTION = "unable to find an applicable action"
_UNKNOWN = ("unrecognized action", "unrecognized entity type")
_QUOTED = re.compile(r"`([^`]+)`")


def validate_policies(loaded: Sequence[Placed], schema: Schema, report: Report, pace: Pace) -> None:
    """Report every policy that does not fit the schema or that can never match under it.

    One pass tells both: each policy is given a last condition that is complained about wherever it
    can be reached. Only what draws other complaints, or none, is looked at again.
    """
    size = pace.piece(*PIECES)
    for at in range(0, len(loaded), size):
        pace()
        piece = loaded[at : at + size]
        drawn = _complaints([each.policy.text[:-1] + UNREACHED + ";" for each in piece], schema)
        for index, placed in enumerate(piece):
            messages = drawn.get(index, [])
            if not messages:
                _report_unreached(placed, schema, report)
            elif any(REACHED not in message for message in messages):
                _report(placed, _alone(schema, placed.policy.text), schema, report)


def _complaints(texts: Sequence[str], schema: Schema) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for index, message in engine.validate("\n".join(texts), schema.text):
        messages = found.setdefault(index or 0, [])
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


def _report_unreached(placed: Placed, schema: Schema, report: Report) -> None:
    place = locate_impossible(placed.policy.text, partial(_alone, schema))
    at = Span(placed.span.start + place.start, placed.span.start + place.end)
    message = "this policy can never match: under the schema this is never true"
    fix = "remove the policy, or say what was meant"
    report.add("never-matches", "warning", placed.source, at, message, fix)


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
    others = [name for name in known if name not in quoted]
    close = get_close_matches(quoted[0], others, 1, 0.6) if quoted else []
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
