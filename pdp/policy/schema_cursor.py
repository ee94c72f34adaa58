"""Stepping through the tokens of a schema: what comes next, and what must."""

import re

from pdp.policy.locations import Span, Token, TokenKind, tokens
from pdp.policy.schema_raw import Annotations, SchemaFault

_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F_]{1,8})\}|x([0-7][0-9a-fA-F])|(.))", re.DOTALL)
RESERVED = frozenset({"true", "false", "if", "then", "else", "in", "is", "like", "has"})
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\", "'": "'", '"': '"'}


class Cursor:
    """The tokens not read yet."""

    def __init__(self, text: str) -> None:
        self._tokens = list(tokens(text))
        self._next = 0
        self._end = len(text)
        self.nesting = 0

    def peek(self) -> Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def offset(self) -> int:
        token = self.peek()
        return self._end if token is None else token.start

    def last_end(self) -> int:
        return self._tokens[self._next - 1].end if self._next else 0

    def at(self, sign: str) -> bool:
        token = self.peek()
        return token is not None and token.text == sign

    def take(self, sign: str) -> bool:
        """Step over `sign` if it comes next."""
        if self.at(sign):
            self._next += 1
            return True
        return False

    def need(self, sign: str) -> Token:
        """Step over `sign`, which must come next."""
        token = self.peek()
        if token is None or token.text != sign:
            raise self.fault(f"expected `{sign}`")
        self._next += 1
        return token

    def need_kind(self, kind: TokenKind, wanted: str, *, any_word: bool = False) -> Token:
        """Step over a token of a kind, which must come next and be no reserved word."""
        token = self.peek()
        if token is None or token.kind != kind:
            raise self.fault(f"expected {wanted}")
        if token.text in RESERVED and not any_word:
            raise SchemaFault(f"`{token.text}` is a reserved identifier", Span(*token[2:]))
        self._next += 1
        return token

    def fault(self, wanted: str) -> SchemaFault:
        token = self.peek()
        if token is None:
            return SchemaFault(f"{wanted}, found the end", Span(self._end, self._end))
        return SchemaFault(f"{wanted}, found `{token.text}`", Span(token.start, token.end))


def label(cursor: Cursor) -> tuple[str, Span]:
    """A name or a string, as actions and attributes are called."""
    token = cursor.peek()
    if token is None or token.kind != "string":
        token = cursor.need_kind("name", "a name or a string")
    else:
        cursor.take(token.text)
    name = unescape(token) if token.kind == "string" else token.text
    return name, Span(token.start, token.end)


def annotations_of(cursor: Cursor) -> Annotations:
    found: list[tuple[str, str]] = []
    while cursor.take("@"):
        name = cursor.need_kind("name", "the name of an annotation", any_word=True).text
        value = ""
        if cursor.take("("):
            value = unescape(cursor.need_kind("string", "a string"))
            cursor.need(")")
        found.append((name, value))
    return tuple(found)


def unescape(token: Token) -> str:
    """The value of a string token."""

    def character(match: re.Match[str]) -> str:
        if match[3] is None:
            return chr(int((match[1] or match[2]).replace("_", ""), 16))
        if match[3] not in _SIMPLE:
            raise SchemaFault(
                f"the escape `\\{match[3]}` is not known", Span(token.start, token.end)
            )
        return _SIMPLE[match[3]]

    return _ESCAPE.sub(character, token.text[1:-1])
