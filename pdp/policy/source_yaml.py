"""YAML as configuration needs it: plain values, duplicate keys refused, every value with its place.

Only the types of JSON come out: no dates, no `yes` for true, no base-60 numbers, no tags.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pdp.core.values import JsonObject, JsonValue

Path = tuple[str | int, ...]

# Far above any real file; a file that expands to more by its aliases is refused.
MAX_NODES = 100_000


class YamlFault(ValueError):
    """YAML that cannot be used; `line` and `column` count from 1."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.message = message


@dataclass(frozen=True, slots=True)
class YamlText:
    """A parsed file: its value, and where each member and element stands."""

    value: JsonValue
    places: dict[Path, tuple[int, int]]

    def at(self, path: Path) -> tuple[int, int]:
        """Line and column of a member (its key) or element; of the nearest parent if absent."""
        for length in range(len(path), -1, -1):
            place = self.places.get(path[:length])
            if place is not None:
                return place
        return 1, 1


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]


for _tag, _pattern, _first in (
    ("bool", r"(?:true|True|false|False)$", "tTfF"),
    ("null", r"(?:~|null|Null|)$", ["~", "n", "N", ""]),
    ("int", r"-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$", "-0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def parse_yaml(raw: bytes) -> YamlText:
    """Parse one YAML document; an empty file is null.

    Raises:
        YamlFault: with line and column.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise YamlFault(line, 1, "this is not UTF-8") from None
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YamlFault(line, column, error.problem or "this is not YAML") from None
    except yaml.YAMLError as error:
        raise YamlFault(1, 1, f"this is not YAML: {error}".splitlines()[0]) from None
    except RecursionError:
        raise YamlFault(1, 1, "this file is too deep") from None
    if node is None:
        return YamlText(None, {(): (1, 1)})
    builder = _Builder()
    return YamlText(builder.value(node, ()), builder.places)


class _Builder:
    def __init__(self) -> None:
        self.places: dict[Path, tuple[int, int]] = {}
        self._open: set[int] = set()
        self._left = MAX_NODES

    def value(self, node: Node, path: Path) -> JsonValue:
        self._left -= 1
        if self._left < 0 or len(path) > 64:
            raise _fault(node, "this file is too large or too deep")
        self.places.setdefault(path, _place(node))
        if isinstance(node, ScalarNode):
            return _scalar(node)
        if id(node) in self._open:
            raise _fault(node, "this value contains itself")
        self._open.add(id(node))
        built = self._collection(node, path)
        self._open.discard(id(node))
        return built

    def _collection(self, node: Node, path: Path) -> JsonValue:
        if isinstance(node, SequenceNode):
            _check_tag(node, "seq")
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, MappingNode)
        _check_tag(node, "map")
        members: JsonObject = {}
        for key_node, value_node in node.value:
            key = _key(key_node)
            if key in members:
                raise _fault(key_node, f"`{key}` is given twice")
            self.places[(*path, key)] = _place(key_node)
            members[key] = self.value(value_node, (*path, key))
        return members


def _key(node: Node) -> str:
    if not isinstance(node, ScalarNode):
        raise _fault(node, "a key must be a plain word")
    if node.value == "<<" and node.style is None:
        raise _fault(node, "merge keys are not supported: write the members out")
    return str(node.value)


def _scalar(node: ScalarNode) -> JsonValue:
    kind = node.tag.rpartition(":")[2]
    if not node.tag.startswith("tag:yaml.org,2002:"):
        raise _fault(node, f"the tag `{node.tag}` is not supported")
    if kind == "str":
        return str(node.value)
    readers: dict[str, Any] = {
        "null": lambda _: None,
        "bool": lambda text: text.lower() == "true",
        "int": int,
        "float": float,
    }
    if kind not in readers:
        raise _fault(node, f"the tag `!!{kind}` is not supported")
    try:
        value: JsonValue = readers[kind](node.value)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError
    except ValueError:
        raise _fault(node, f"`{node.value}` is not of the type `{kind}`") from None
    return value


def _check_tag(node: Node, kind: str) -> None:
    if node.tag != f"tag:yaml.org,2002:{kind}":
        raise _fault(node, f"the tag `{node.tag}` is not supported")


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _fault(node: Node, message: str) -> YamlFault:
    line, column = _place(node)
    return YamlFault(line, column, message)
