"""Finding the place that a complaint of the engine is about, by asking the engine about less."""

import re
from collections.abc import Callable, Iterator

from pdp.policy.locations import Span, Token, tokens
from pdp.policy.outline import Outline, outline

Complaints = Callable[[str], list[str]]
"""What the engine says about the text of one policy; empty when all is well."""

# No schema declares such an attribute, so that the validator complains wherever it gets to it.
REACHED = "pdp:reached"
UNREACHED = f' when {{ context["{REACHED}"] }}'

_QUOTED = re.compile(r"`([^`]+)`|'([^']+)'|: ([A-Za-z_][A-Za-z0-9_]*)$")
_PREFIX = re.compile(r"^for policy `[^`]*`, ")
_UNFINISHED = "unexpected end of input"
_OF_THE_GRAMMAR = ("unexpected token", "invalid token")


def plain(message: str) -> str:
    """The complaint without the engine's own number of the policy."""
    return _PREFIX.sub("", message)


def locate_syntax(text: str, complaints: Complaints) -> Span:
    """The place of a syntax fault in one policy.

    The engine's parser accepts every prefix that can still become a policy with the complaint that
    the input ends too soon; the first token after which it says otherwise is the culprit.
    """
    found = list(tokens(text))
    bad = next((token for token in found if token.kind == "bad"), None)
    if bad is not None:
        return Span(bad.start, bad.end)
    message = next(iter(complaints(text)), "")
    if message.startswith(_UNFINISHED) or not found:
        return Span(len(text), len(text))
    if not message.startswith(_OF_THE_GRAMMAR):
        return locate(text, message, complaints)
    low, high = 0, len(found) - 1
    while low < high:
        middle = (low + high) // 2
        said = complaints(text[: found[middle].end])
        if not said or said[0].startswith(_UNFINISHED):
            low = middle + 1
        else:
            high = middle
    # Where the parser recovers it notices one token late; the complaint names the token itself.
    named = [token for token in found[: low + 1] if f"`{token.text}`" in message]
    culprit = named[-1] if named else found[low]
    return Span(culprit.start, culprit.end)


def locate(text: str, message: str, complaints: Complaints) -> Span:
    """The place in one policy that `message` is about: a name, a term, or the head."""
    parts = outline(text)
    narrow, wide = _guilty(text, parts, plain(message), complaints)
    return _named(text, narrow, plain(message)) or _named(text, wide, plain(message)) or narrow


def locate_impossible(text: str, complaints: Complaints) -> Span:
    """The first term or condition of a policy after which nothing is reached any more.

    A term that is complained about wherever it is reached draws none where it never is.
    """
    parts = outline(text)
    if not complaints(text[: parts.head.end] + UNREACHED + ";"):
        return parts.head
    for condition in parts.conditions:
        for term in condition.terms if condition.kind == "when" else ():
            if not complaints(text[: term.end] + f' && context["{REACHED}"] }};'):
                return term
        if not complaints(text[: condition.span.end] + UNREACHED + ";"):
            return condition.span
    return parts.head


def _guilty(text: str, parts: Outline, message: str, complaints: Complaints) -> tuple[Span, Span]:
    """The smallest part that draws the complaint, given all before it; and what it is part of."""
    whole = Span(0, len(text))

    def complains(variant: str) -> bool:
        return any(plain(said) == message for said in complaints(variant))

    if complains(text[: parts.head.end] + ";"):
        return parts.head, whole
    for condition in parts.conditions:
        if complains(text[: condition.span.end] + ";"):
            for term in condition.terms[:-1]:
                if complains(text[: term.end] + " };"):
                    return term, condition.span
            last = condition.terms[-1] if condition.terms else condition.span
            return last, condition.span
    return parts.head, whole


def _named(text: str, stretch: Span, message: str) -> Span | None:
    """The first place in the stretch where something that the message quotes is written."""
    found = list(tokens(text, stretch))
    for quoted in _quotations(message):
        wanted = [token.text for token in tokens(quoted)]
        for at in range(len(found) - len(wanted) + 1):
            if _same(found[at : at + len(wanted)], wanted):
                return Span(found[at].start, found[at + len(wanted) - 1].end)
        for token in found:
            if token.kind == "string" and quoted in token.text:
                return Span(token.start, token.end)
    return None


def _same(found: list[Token], wanted: list[str]) -> bool:
    texts = [token.text for token in found]
    # An attribute `x y` is written as a string where it is no name.
    return bool(wanted) and (texts == wanted or texts == [f'"{" ".join(wanted)}"'])


def _quotations(message: str) -> Iterator[str]:
    for match in _QUOTED.finditer(message):
        yield match[1] or match[2] or match[3]
