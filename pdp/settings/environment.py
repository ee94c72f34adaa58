"""The environment over the file: `PDP_SECTION__KEY`, lists as JSON or `PDP_CLIENTS__0__ID`."""

import json
import re
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from pdp.settings.fault import SettingsError
from pdp.settings.root import Settings

PREFIX = "PDP_"

# Read by other parts of this software, so not settings.
_NOT_SETTINGS = frozenset({"PDP_WORKER_SOCKET", "PDP_URL", "PDP_KEY"})

# Kubernetes writes these into every container beside a service that is called `pdp`.
_SERVICE_LINK = re.compile(r"PDP_SERVICE_(HOST|PORT)(_\w+)?|PDP_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?")


def overlay(values: dict[str, Any], environment: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Lay the environment over `values`, in place; gives which variable set which path.

    Raises:
        SettingsError: a variable names no key, or is not the JSON that it must be.
    """
    origin: dict[tuple[str, ...], str] = {}
    for name in sorted(environment, key=_natural):
        if _is_setting(name, environment[name]):
            path = name.removeprefix(PREFIX).lower().split("__")
            _put(values, path, environment[name], name)
            origin[tuple(path)] = name
    return origin


def _is_setting(name: str, text: str) -> bool:
    if not name.startswith(PREFIX) or name in _NOT_SETTINGS or _SERVICE_LINK.fullmatch(name):
        return False
    return not (name == "PDP_PORT" and text.startswith(("tcp://", "udp://")))


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part) if part.isdigit() else -1, part) for part in name.split("__")]


def _put(values: dict[str, Any], path: list[str], text: str, name: str) -> None:
    holder: Any = values
    annotation: Any = Settings
    for depth, key in enumerate(path):
        annotation = _member(annotation, key)
        if annotation is None:
            raise SettingsError(f"{name}: there is no key `{'.'.join(path)}`")
        if depth == len(path) - 1:
            _set(holder, key, _from_text(text, annotation, name), name)
        else:
            holder = _child(holder, key, annotation, name)


def _member(annotation: Any, key: str) -> Any:
    """The annotation of a member of a section, list or dictionary; None when it has none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(key)
        return None if field is None else field.annotation
    if get_origin(annotation) is list and key.isdecimal():
        return get_args(annotation)[0]
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    return None


def _set(holder: Any, key: str, value: Any, name: str) -> None:
    if isinstance(holder, dict):
        holder[key] = value
    elif isinstance(holder, list) and int(key) < len(holder):
        holder[int(key)] = value
    elif isinstance(holder, list) and int(key) == len(holder):
        holder.append(value)
    else:
        raise SettingsError(f"{name}: there is nothing before position {key}")


def _child(holder: Any, key: str, annotation: Any, name: str) -> Any:
    empty: Any = [] if get_origin(annotation) is list else {}
    if isinstance(holder, dict):
        inner = holder.setdefault(key, empty)
    else:
        if int(key) >= len(holder):
            _set(holder, key, empty, name)
        inner = holder[int(key)]
    if type(inner) is not type(empty):
        raise SettingsError(f"{name}: `{key}` is something else in the file")
    return inner


def _from_text(text: str, annotation: Any, name: str) -> Any:
    if not _is_structure(annotation):
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise SettingsError(f"{name}: must be JSON") from None


def _is_structure(annotation: Any) -> bool:
    kind = get_origin(annotation)
    if kind in (Union, types.UnionType):
        return any(_is_structure(part) for part in get_args(annotation))
    section = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return section or kind in (list, dict)
