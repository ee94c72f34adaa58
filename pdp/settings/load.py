"""Reading the settings: flags beat the environment, which beats the file."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pdp.settings.environment import overlay
from pdp.settings.fault import SettingsError
from pdp.settings.root import NOT_SERVING, Settings

DEFAULT_FILE = Path("pdp.toml")

Origin = dict[tuple[str, ...], str]


def load_settings(
    file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    serving: bool = True,
) -> Settings:
    """Read the settings.

    Args:
        file: the configuration file; `pdp.toml` in this folder, if there is one, by default.
        flags: top-level keys given on the command line.
        environment: the environment variables; this process's by default.
        serving: False for a command that does not listen, and so needs no `base_url`.

    Raises:
        SettingsError: one line naming the source, the key and what is wanted.
    """
    if file is None and DEFAULT_FILE.is_file():
        file = DEFAULT_FILE
    values = _read(file) if file is not None else {}
    origin = overlay(values, os.environ if environment is None else environment)
    for key, value in (flags or {}).items():
        values[key] = value
        origin = {path: name for path, name in origin.items() if path[0] != key}
        origin[(key,)] = f"--{key.replace('_', '-')}"
    try:
        return Settings.model_validate(values, context=None if serving else NOT_SERVING)
    except ValidationError as error:
        raise SettingsError(_one_line(error, origin, str(file or "pdp.toml (absent)"))) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file}: is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: is not TOML: {str(error).lower()}") from None


def _one_line(error: ValidationError, origin: Origin, file: str) -> str:
    fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = tuple(str(part) for part in fault["loc"] if part != "[key]")
    message = fault["msg"].removeprefix("Value error, ").replace("\n", " ")
    if fault["type"] == "extra_forbidden":
        message = "there is no such key"
    elif fault["type"] == "missing":
        message = "is needed"
    elif fault["type"] != "value_error":
        message = message[:1].lower() + message[1:]
    if where:
        return f"{_source(where, origin, file)}: `{'.'.join(where)}`: {message}"
    named = tuple(message.partition("`")[2].partition("`")[0].split("."))
    return f"{_source(named, origin, file)}: {message}"


def _source(where: tuple[str, ...], origin: Origin, file: str) -> str:
    """What set the key at `where`: the nearest of what was set above, at or below it."""
    for size in range(len(where), 0, -1):
        if where[:size] in origin:
            return origin[where[:size]]
    below = [name for path, name in origin.items() if path[: len(where)] == where]
    return below[0] if below else file
