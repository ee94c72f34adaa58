"""Texts in the reader's language (RFC 9110, `Accept-Language`; RFC 4647, lookup)."""

import re
from collections.abc import Sequence
from functools import lru_cache

from pdp.core.values import JsonObject
from pdp.core.workflow import Texts, Workflow

_RANGE = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*[qQ]=([01](?:\.[0-9]{0,3})?))?\s*\Z"
)
_MOST = 20


@lru_cache(maxsize=256)
def preferred(accept_language: str | None) -> tuple[str, ...]:
    """The languages of an `Accept-Language` header, most wanted first; what is malformed is none."""
    ranked = []
    for place, part in enumerate((accept_language or "").split(",")[:_MOST]):
        match = _RANGE.match(part)
        weight = float(match[2] or 1) if match else 0.0
        if match and weight > 0:
            ranked.append((-weight, place, match[1].lower()))
    return tuple(tag for _, _, tag in sorted(ranked))


def chosen(texts: Texts, languages: Sequence[str]) -> str | None:
    """The text for somebody who reads these languages, best first; else that for everybody."""
    by_tag = {tag.lower(): text for tag, text in texts}
    for language in languages:
        tag = language
        while tag:
            if tag in by_tag and tag != "*":
                return by_tag[tag]
            tag = tag.rpartition("-")[0]
    return by_tag.get("*") or (texts[0][1] if texts else None)


def display_of(workflow: Workflow, languages: Sequence[str] = ()) -> JsonObject:
    """The `display` of a requestable denial: what the author wrote; empty if nothing."""
    texts = {
        "title": chosen(workflow.title, languages),
        "description": chosen(workflow.description, languages),
        "call_to_action": chosen(workflow.call_to_action, languages),
    }
    return {name: text for name, text in texts.items() if text}
