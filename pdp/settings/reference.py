"""The settings reference, rendered from the classes (docs/reference/settings.md)."""

import types
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pdp.settings.environment import PREFIX
from pdp.settings.root import Settings

_HEAD = "| key | environment | type | default | what |\n| --- | --- | --- | --- | --- |"
_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "integer",
    float: "number",
    str: "text",
    Path: "path",
    timedelta: "duration",
    SecretStr: "secret text",
}


def render() -> str:
    """The reference as Markdown: the top-level keys, then one section for each table."""
    plain = {k: f for k, f in Settings.model_fields.items() if _section(f.annotation) is None}
    parts = [_INTRODUCTION, _table(plain, "", PREFIX)]
    for key, field in Settings.model_fields.items():
        section = _section(field.annotation)
        if section is None:
            continue
        many = get_origin(field.annotation) is list
        title = f"[[{key}]]" if many else f"[{key}]"
        prefix = f"{PREFIX}{key.upper()}__" + ("0__" if many else "")
        parts += [f"## `{title}`", section.__doc__ or ""]
        parts.append(_table(section.model_fields, f"{key}.", prefix))
    return "\n\n".join(part.strip() for part in parts) + "\n"


_INTRODUCTION = """
# Settings

One file, `pdp.toml` in the working directory or the one that `--config` names. Every key is also
an environment variable; a flag beats the environment, which beats the file. Lists and tables are
written in the environment as JSON (`PDP_CLIENTS='[{"id": …}]'`) or one by one
(`PDP_CLIENTS__0__ID`). Paths are taken from the working directory. Durations are written `30s`,
`10m`, `4h` or `7d`. An unknown key or a bad value stops the start with one line that says where
and what is wanted.
"""


def _table(fields: dict[str, FieldInfo], prefix: str, variable: str) -> str:
    rows = [
        f"| `{prefix}{key}` | `{variable}{key.upper()}` | {_type(field.annotation)} "
        f"| {_default(field)} | {field.description or ''} |"
        for key, field in fields.items()
    ]
    return "\n".join([_HEAD, *rows])


def _section(annotation: Any) -> type[BaseModel] | None:
    inner = get_args(annotation)[0] if get_origin(annotation) is list else annotation
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def _type(annotation: Any) -> str:
    kind, inner = get_origin(annotation), get_args(annotation)
    if kind is Annotated:
        return _type(inner[0])
    if kind is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in inner)
    if kind in (Union, types.UnionType):
        return " or ".join(_type(part) for part in inner if part is not type(None))
    if kind is list:
        return f"list of {_type(inner[0])}"
    if kind is dict:
        return f"table of {_type(inner[1])}"
    return _NAMES[annotation]


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.is_required() or value is PydanticUndefined:
        return "needed"
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, timedelta):
        return f"`{value.days}d`" if value.days else f"`{value.seconds}s`"
    return f"`{value}`"
