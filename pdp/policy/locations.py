"""Where things stand in Cedar text: the engine reports no positions, so a small lexer finds them."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Literal, NamedTuple

TokenKind = Literal["name", "string", "number", "slot", "sign", "bad"]

# Comments and strings first, so that a semicolon inside either ends nothing.
_BOUNDARY = re.compile(r'//[^\n]*|"(?:[^"\\]|\\.)*"|;', re.DOTALL)
_BLANK = re.compile(r"(?:\s+|//[^\n]*)*")
_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r'|(?P<string>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>[0-9]+)"
    r"|(?P<slot>\?(?:principal|resource))"
    r"|(?P<sign>::|==|!=|<=|>=|&&|\|\||[-+*/%!<>=(){}\[\],;:.@|&?])"
    r"|(?P<bad>.)",
    re.DOTALL,
)


class Span(NamedTuple):
    """A stretch of text: offsets of its first character and of the one after its last."""

    start: int
    end: int


class Token(NamedTuple):
    """One lexical element; `kind` is `bad` for a character that Cedar does not know."""

    kind: TokenKind
    text: str
    start: int
    end: int


class Lines:
    """Turns offsets of one text into lines and columns, both counted from 1."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def at(self, offset: int) -> tuple[int, int]:
        """The line and column of the character at `offset`; past the end, the place after it."""
        line = bisect_right(self._starts, min(offset, len(self._text)))
        return line, min(offset, len(self._text)) - self._starts[line - 1] + 1

    def offset(self, line: int, column: int = 1) -> int:
        """The offset of a line and column; beyond the text, its end."""
        if line > len(self._starts):
            return len(self._text)
        return min(self._starts[line - 1] + column - 1, len(self._text))

    def text(self, line: int) -> str:
        """The line without its end; empty beyond the text."""
        if not 0 < line <= len(self._starts):
            return ""
        start = self._starts[line - 1]
        end = self._starts[line] if line < len(self._starts) else len(self._text)
        return self._text[start:end].rstrip("\r\n")


def policy_spans(text: str) -> list[Span]:
    """The policies of a file in order: from each one's first token to the end of its semicolon.

    A last piece without a semicolon is a span too, so that the engine can say what is wrong in it.
    """
    spans: list[Span] = []
    start = _skip_blank(text, 0)
    for match in _BOUNDARY.finditer(text):
        if text[match.start()] == ";":
            spans.append(Span(start, match.end()))
            start = _skip_blank(text, match.end())
    if start < len(text):
        spans.append(Span(start, len(text.rstrip())))
    return spans


def _skip_blank(text: str, offset: int) -> int:
    match = _BLANK.match(text, offset)
    return offset if match is None else match.end()


def tokens(text: str, span: Span | None = None) -> Iterator[Token]:
    """The tokens of the text or of a part of it, without white space and comments."""
    start, end = span or (0, len(text))
    for match in _TOKEN.finditer(text, start, end):
        kind = match.lastgroup
        if kind != "space":
            yield Token(kind, match[0], match.start(), match.end())  # type: ignore[arg-type]


def comments(text: str) -> list[str]:
    """The comments of the text in order, without the slashes and the space around."""
    return [
        match[0].removeprefix("//").strip()
        for match in _BOUNDARY.finditer(text)
        if match[0].startswith("//")
    ]
