"""`pdp check`, `pdp fmt`, `pdp explain`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pdp.cli.frame import (
    ConfigOption,
    JsonOption,
    PoliciesOption,
    SchemasOption,
    app,
    fail,
    finish,
    settings_of,
)


@app.command()
def check(
    config: ConfigOption = None,
    policies: PoliciesOption = None,
    schemas: SchemasOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a policy folder and say everything that is wrong with it, where, and the way out.

    Exit status: 0 fit to be served, 1 errors were found, 2 the folder cannot be read.

    Example: pdp check --policies policies --schemas schemas
    """
    from pdp.authoring.check import run_check

    folders = _folders(config, policies, schemas)
    finish(*run_check(*folders, json=as_json))


@app.command()
def fmt(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; ./policies.")
    ] = None,
    check_only: Annotated[bool, typer.Option("--check", help="Change nothing.")] = False,
) -> None:
    """Put Cedar files into the conventional form.

    Exit status: 0 all is well, 1 with --check when a file would change, 2 a file is not Cedar.

    Example: pdp fmt --check policies
    """
    from pdp.authoring.fmt import run_fmt

    finish(*run_fmt(paths or [Path("policies")], check=check_only))


@app.command()
def explain(
    request: Annotated[
        Path | None, typer.Argument(help="A file with an AuthZEN request; standard input if `-`.")
    ] = None,
    config: ConfigOption = None,
    policies: PoliciesOption = None,
    schemas: SchemasOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a request is permitted or denied: the policies that decided or almost applied.

    Exit status: 0 permitted, 1 denied, 2 the request or the folder cannot be read.

    Example: echo '{"subject": …}' | pdp explain - --policies policies
    """
    from pdp.authoring.explain import run_explain

    raw = sys.stdin.buffer.read() if request in (None, Path("-")) else _read(request)
    finish(*run_explain(raw, *_folders(config, policies, schemas), json=as_json))


def _folders(
    config: Path | None, policies: Path | None, schemas: Path | None
) -> tuple[Path, Path | None]:
    """The two folders: flags first, then the configuration if there is one, then the defaults."""
    from pdp.settings.load import DEFAULT_FILE

    if policies is None and (config is not None or DEFAULT_FILE.is_file()):
        settings = settings_of(config)
        return settings.policies, schemas or settings.schemas
    folder = policies or Path("policies")
    return folder, schemas or _beside(folder)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{file}: cannot be read: {error.strerror}")


def _beside(policies: Path) -> Path | None:
    for candidate in (policies.parent / "schemas", Path("schemas")):
        if candidate.is_dir():
            return candidate
    return None
