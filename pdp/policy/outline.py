"""The parts of one policy with their places: annotations, head, conditions, terms of conditions."""

from collections.abc import Sequence
from dataclasses import dataclass

from pdp.policy.locations import Span, Token, tokens

_OPENING = {"(": ")", "[": "]", "{": "}"}
_CLOSING = frozenset(_OPENING.values())


@dataclass(frozen=True, slots=True)
class Annotation:
    """An annotation: the place of its name with the `@`, and of its whole text."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Condition:
    """A `when` or `unless` with its braces; `terms` are what `&&` joins at its top."""

    kind: str
    span: Span
    terms: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """The parts of a policy; offsets count from the start of the text that was given.

    `head` runs from the effect to the closing parenthesis; `scope` are its three lines.
    """

    annotations: tuple[Annotation, ...]
    head: Span
    scope: tuple[Span, ...]
    conditions: tuple[Condition, ...]

    def annotation(self, name: str) -> Span:
        """The place of an annotation; that of the head when there is none of this name."""
        return next((each.span for each in self.annotations if each.name == name), self.head)


def outline(text: str) -> Outline:
    """Read the parts of one syntactically valid policy; of a broken one, as far as they go."""
    found = list(tokens(text))
    annotations, at = _annotations(found)
    head_end = _closing(found, _next(found, at, "("))
    opening = _next(found, at, "(")
    scope = _split(found, opening + 1, head_end, ",")
    head = _span(found, at, head_end + 1, text)
    return Outline(annotations, head, tuple(scope), tuple(_conditions(found, head_end + 1)))


def _annotations(found: Sequence[Token]) -> tuple[tuple[Annotation, ...], int]:
    annotations: list[Annotation] = []
    at = 0
    while at + 1 < len(found) and found[at].text == "@":
        name, start = found[at + 1].text, found[at].start
        at += 2
        if at < len(found) and found[at].text == "(":
            at = _closing(found, at) + 1
        annotations.append(Annotation(name, Span(start, found[min(at, len(found)) - 1].end)))
    return tuple(annotations), at


def _conditions(found: Sequence[Token], at: int) -> list[Condition]:
    conditions: list[Condition] = []
    while at + 1 < len(found) and found[at + 1].text == "{":
        close = _closing(found, at + 1)
        if close >= len(found):
            break
        body = _split(found, at + 2, close, "&&")
        whole = Span(found[at].start, found[close].end)
        conditions.append(Condition(found[at].text, whole, tuple(body)))
        at = close + 1
    return conditions


def _split(found: Sequence[Token], start: int, end: int, separator: str) -> list[Span]:
    """The pieces between separators that stand outside of every bracket."""
    pieces: list[Span] = []
    first = at = start
    loose = separator == "&&" and _binds_looser(found, start, end)
    while at < min(end, len(found)):
        if found[at].text in _OPENING:
            at = _closing(found, at)
        elif found[at].text == separator and not loose:
            pieces.append(Span(found[first].start, found[at - 1].end))
            first = at + 1
        at += 1
    if first < min(end, len(found)):
        pieces.append(Span(found[first].start, found[min(end, len(found)) - 1].end))
    return pieces


def _binds_looser(found: Sequence[Token], start: int, end: int) -> bool:
    """Whether an `||` or `if` stands at the top, so that `&&` does not split the whole."""
    at = start
    while at < min(end, len(found)):
        if found[at].text in _OPENING:
            at = _closing(found, at)
        elif found[at].text in ("||", "if"):
            return True
        at += 1
    return False


def _closing(found: Sequence[Token], opening: int) -> int:
    """The index of the bracket that closes `opening`; beyond the end when there is none."""
    depth = 0
    for at in range(opening, len(found)):
        if found[at].text in _OPENING:
            depth += 1
        elif found[at].text in _CLOSING:
            depth -= 1
            if depth == 0:
                return at
    return len(found)


def _next(found: Sequence[Token], at: int, text: str) -> int:
    return next((i for i in range(at, len(found)) if found[i].text == text), len(found))


def _span(found: Sequence[Token], start: int, end: int, text: str) -> Span:
    if start >= len(found):
        return Span(0, len(text))
    return Span(found[start].start, found[min(end, len(found)) - 1].end)
