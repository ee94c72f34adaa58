"""The frame of the command line: the program, common options, exit statuses.

Each command imports what it needs when it runs, so that `--help` is quick. Exit status: 0 all is
well, 1 what was asked fell short, 2 the call or its files could not be used.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from pdp.settings import Settings

app = typer.Typer(
    name="pdp",
    help="A Policy Decision Point over Cedar that answers yes, no and not yet.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file; pdp.toml by default.")
]
DatabaseOption = Annotated[
    str | None, typer.Option("--database", help="sqlite:///FILE or postgresql://USER@HOST/NAME.")
]
PoliciesOption = Annotated[Path | None, typer.Option("--policies", help="The policy folder.")]
SchemasOption = Annotated[Path | None, typer.Option("--schemas", help="The schema folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def group(name: str, text: str) -> typer.Typer:
    """A group of commands below `pdp NAME`."""
    commands = typer.Typer(no_args_is_help=True, help=text)
    app.add_typer(commands, name=name)
    return commands


def main() -> None:
    """Run the command line and exit with its status."""
    app()


def fail(message: str, status: int = 2) -> NoReturn:
    """Print one line to standard error and exit."""
    print(message, file=sys.stderr)
    raise typer.Exit(status)


def finish(status: int, text: str) -> NoReturn:
    """Print what came of a command and exit; what could not be tried goes to standard error."""
    if text:
        print(text, file=sys.stderr if status == 2 else sys.stdout)
    raise typer.Exit(status)


def settings_of(config: Path | None, *, serving: bool = False, **flags: Any) -> "Settings":
    """The settings, or exit 2 with the one line that says what is wrong with them."""
    from pdp.settings import SettingsError, load_settings

    given = {
        name: value for name, value in flags.items() if value is not None and value is not False
    }
    try:
        return load_settings(config, given, serving=serving)
    except SettingsError as error:
        fail(str(error))


def now() -> datetime:
    """The present time."""
    return datetime.now(UTC)
