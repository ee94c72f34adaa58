"""Reads the members of an object that a person wrote, and collects every fault instead of one."""

import difflib
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

from pdp.core.duration import parse_duration
from pdp.core.values import JsonObject, pointer
from pdp.core.workflow import Texts

Path = tuple[str | int, ...]
T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*\Z")
_LONGEST_TEXT = 2_000


class Fault(NamedTuple):
    """One thing wrong with a definition: where, as the path of its members, and what."""

    path: Path
    message: str

    @property
    def pointer(self) -> str:
        """The place as a JSON Pointer (RFC 6901)."""
        return pointer(*self.path)


class Members:
    """The members of one object; what is never asked for is reported as unknown by `done`."""

    def __init__(self, value: Any, path: Path, faults: list[Fault]) -> None:
        self.path = path
        self.faults = faults
        self.known: set[str] = set()
        if not isinstance(value, dict):
            self.fault("must be an object")
        self.data: JsonObject = value if isinstance(value, dict) else {}
        self.usable = isinstance(value, dict)

    def fault(self, message: str, *at: str | int) -> None:
        """Report something wrong with the object, or with what is below it at `at`."""
        self.faults.append(Fault((*self.path, *at), message))

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        self.known.add(name)
        return self.data.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """A text that is not empty."""
        return self._read(name, default, _text)

    def optional_text(self, name: str) -> str | None:
        """A text, or None."""
        return self.text(name) or None

    def name(self, name: str, default: str = "") -> str:
        """A name: letters, digits, `_`, `.`, `-`."""
        return self._read(name, default, _name)

    def optional_name(self, name: str) -> str | None:
        """A name, or None."""
        return self.name(name) or None

    def flag(self, name: str, default: bool) -> bool:
        """A boolean."""
        return self._read(name, default, _flag)

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number between two bounds."""

        def read(value: Any) -> int:
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"must be a whole number from {least} to {most}")
            return value

        return self._read(name, default, read)

    def choice(self, name: str, default: T, choices: tuple[T, ...]) -> T:
        """One of a few words."""

        def read(value: Any) -> T:
            for choice in choices:
                if value == choice:
                    return choice
            raise ValueError(f"must be {_one_of(choices)}, not {_shown(value)}")

        return self._read(name, default, read)

    def duration(self, name: str, default: timedelta) -> timedelta:
        """A duration."""
        return self._read(name, default, _duration)

    def optional_duration(self, name: str) -> timedelta | None:
        """A duration, or None."""
        if not self.has(name):
            return None
        unread = timedelta(0)
        return self.duration(name, unread) or None

    def texts(self, name: str) -> Texts:
        """One text, or an object of texts by language."""
        return self._read(name, (), _texts)

    def inner(self, name: str) -> "Members":
        """The object that a member holds."""
        self.known.add(name)
        return Members(self.data.get(name), (*self.path, name), self.faults)

    def elements(self, name: str, most: int) -> Iterator[tuple[int, Any]]:
        """The elements of an array that must not be empty."""
        value = self.data.get(name)
        if not self.has(name):
            return
        if not isinstance(value, list) or not value:
            self.fault("must be a list that is not empty", name)
        elif len(value) > most:
            self.fault(f"must not have more than {most} elements", name)
        else:
            yield from enumerate(value)

    def done(self, also: str = "") -> None:
        """Report the members that nobody asked for; `also` is said of each of them."""
        for name in self.data:
            if name not in self.known:
                near = difflib.get_close_matches(str(name), self.known, 1)
                hint = f": did you mean `{near[0]}`?" if near else ""
                self.fault(f"`{name}` is not known{also}{hint}", name)

    def _read(self, name: str, default: T, read: Callable[[Any], T]) -> T:
        if not self.has(name):
            return default
        try:
            return read(self.data[name])
        except ValueError as error:
            self.fault(str(error), name)
            return default


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text that is not empty")
    if len(value) > _LONGEST_TEXT:
        raise ValueError(f"must not be longer than {_LONGEST_TEXT} characters")
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.match(value):
        raise ValueError("must be a name of letters, digits, `_`, `.` and `-`, at most 64 long")
    return value


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"must be true or false, not {_shown(value)}")


def _duration(value: Any) -> timedelta:
    return parse_duration(value if isinstance(value, str) else str(value))


def _texts(value: Any) -> Texts:
    if isinstance(value, str):
        return (("*", _text(value)),)
    if not isinstance(value, dict) or not value:
        raise ValueError("must be a text, or an object of texts by language")
    for tag in value:
        if tag != "*" and not _LANGUAGE.match(str(tag)):
            raise ValueError(f"`{tag}` is not a language such as `en` or `de-CH`")
    return tuple((str(tag), _text(text)) for tag, text in value.items())


def _one_of(choices: tuple[Any, ...]) -> str:
    words = [f"`{choice}`" for choice in choices]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _shown(value: Any) -> str:
    return f"`{str(value)[:60]}`"
