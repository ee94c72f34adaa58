"""Names of entity types and actions: those of AuthZEN, which may be any text, and Cedar's."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pdp.core.rar import NO_RULES, Rules
from pdp.core.values import EntityUid

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_RESERVED = frozenset(["true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"])
_WORDS = re.compile(r"[A-Za-z0-9]+(?:[-_./ ][A-Za-z0-9]+)*", re.ASCII)
_BETWEEN_WORDS = re.compile(r"[-_./ ]", re.ASCII)
_NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ESCAPED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0", "\\": "\\\\", '"': '\\"'}
_TO_ESCAPE = re.compile(r'[\x00-\x1f\x7f\\"]')


class NameMap(NamedTuple):
    """What `mapping.yaml` says: AuthZEN types and actions to Cedar's, OAuth's to AuthZEN's."""

    types: Mapping[str, str]
    actions: Mapping[str, EntityUid]
    oauth: Rules = NO_RULES


NO_NAMES = NameMap({}, {})


def is_cedar_type(name: str) -> bool:
    """Whether Cedar can name an entity type so."""
    return _NAME.fullmatch(name) is not None and _RESERVED.isdisjoint(name.split("::"))


def pascal_case(name: str) -> str:
    """`access_request` as `AccessRequest`; of a qualified name only the last part changes.

    A text that is not words with a single sign between them is given back as it is, so that
    nothing strange comes to mean a type that it only resembles.
    """
    space, sign, last = name.rpartition("::")
    if _WORDS.fullmatch(last) is None:
        return name
    words = _BETWEEN_WORDS.split(last)
    return space + sign + "".join([word[:1].upper() + word[1:] for word in words])


def snake_case(name: str) -> str:
    """`Bank::AccessRequest` as `access_request`."""
    return _NEW_WORD.sub("_", name.rpartition("::")[2]).lower()


def cedar_literal(uid: EntityUid) -> str:
    """An entity as Cedar writes it: `User::"alice"`."""
    return f'{uid[0]}::"{_TO_ESCAPE.sub(_escape, uid[1])}"'


def _escape(match: re.Match[str]) -> str:
    sign = match[0]
    return _ESCAPED.get(sign) or f"\\u{{{ord(sign):x}}}"


def by_last_part(types: Iterable[str]) -> dict[str, str]:
    """Qualified types by their last part, where only one namespace has it."""
    found: dict[str, list[str]] = {}
    for name in types:
        space, _, last = name.rpartition("::")
        if space:
            found.setdefault(last, []).append(name)
    return {last: names[0] for last, names in found.items() if len(names) == 1}


def by_id(actions: Iterable[EntityUid]) -> dict[str, EntityUid]:
    """Actions by id: that of no namespace, else that of the only namespace that has it."""
    found: dict[str, list[EntityUid]] = {}
    for uid in actions:
        found.setdefault(uid[1], []).append(uid)
    plain = {uid[1]: uid for uid in actions if uid[0] == "Action"}
    return {name: uids[0] for name, uids in found.items() if len(uids) == 1} | plain
