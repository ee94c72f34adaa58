"""The command `pdp`. Each command imports what it needs when it runs, so that `--help` is quick.

Exit status: 0 all is well, 1 what was asked fell short, 2 the call or its files could not be used.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

app = typer.Typer(
    name="pdp",
    help="A Policy Decision Point over Cedar that answers yes, no and not yet.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
clients = typer.Typer(no_args_is_help=True, help="Machine callers and their keys.")
keys = typer.Typer(no_args_is_help=True, help="Signing keys.")
database = typer.Typer(no_args_is_help=True, help="The database.")
app.add_typer(clients, name="client")
app.add_typer(keys, name="keys")
app.add_typer(database, name="db")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file; pdp.toml by default.")
]
DatabaseOption = Annotated[
    str | None, typer.Option("--database", help="sqlite:///FILE or postgresql://USER@HOST/NAME.")
]
PoliciesOption = Annotated[Path | None, typer.Option("--policies", help="The policy folder.")]
SchemasOption = Annotated[Path | None, typer.Option("--schemas", help="The schema folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> None:
    """Run the command line and exit with its status."""
    app()


def fail(message: str, status: int = 2) -> NoReturn:
    """Print one line to standard error and exit."""
    print(message, file=sys.stderr)
    raise typer.Exit(status)


def settings_of(config: Path | None, *, serving: bool = False, **flags: Any) -> Any:
    """The settings, or exit 2 with the one line that says what is wrong with them."""
    from pdp.settings import SettingsError, load_settings

    try:
        given = {
            name: value for name, value in flags.items() if value is not None and value is not False
        }
        return load_settings(config, given, serving=serving)
    except SettingsError as error:
        fail(str(error))


@app.command()
def serve(
    config: ConfigOption = None,
    policies: PoliciesOption = None,
    schemas: SchemasOption = None,
    database: DatabaseOption = None,
    base_url: Annotated[str | None, typer.Option(help="The URL that callers reach.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Demo policies, people and keys.")] = False,
) -> None:
    """Serve the API and the web pages.

    Example: pdp serve --policies policies --schemas schemas --demo
    """
    from pdp.serve import serve as run

    settings = settings_of(
        config,
        serving=True,
        policies=policies,
        schemas=schemas,
        database=database,
        base_url=base_url,
        host=host,
        port=port,
        workers=workers,
        demo=demo,
    )
    raise typer.Exit(run(settings))


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
    _finish(*run_check(*folders, json=as_json))


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

    _finish(*run_fmt(paths or [Path("policies")], check=check_only))


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


def _now() -> datetime:
    return datetime.now(UTC)


def _beside(policies: Path) -> Path | None:
    for candidate in (policies.parent / "schemas", Path("schemas")):
        if candidate.is_dir():
            return candidate
    return None


def _finish(status: int, text: str) -> NoReturn:
    if text:
        print(text)
    raise typer.Exit(status)


@app.command()
def openapi() -> None:
    """Print the OpenAPI 3.1 document.

    Example: pdp openapi > openapi.json
    """
    import json

    from pdp.app import openapi_document

    print(json.dumps(openapi_document(), indent=2))


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
    _finish(*run_explain(raw, *_folders(config, policies, schemas), json=as_json))


@clients.command("add")
def add_client(
    client_id: Annotated[str, typer.Argument(help="Its stable name, also in logs.")],
    role: Annotated[
        list[str], typer.Option("--role", help="pep, as, approver_proxy, admin, auditor.")
    ],
    acts_for: Annotated[
        list[str] | None, typer.Option("--acts-for", help="Subjects it may submit for; all.")
    ] = None,
    config: ConfigOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a machine caller; its key is printed once and kept only as its SHA-256.

    Example: pdp client add as-1 --role as
    """
    from pdp.commands.clients import add_client as run

    settings = settings_of(config, database=database)
    _finish(*run(settings, client_id, role, acts_for or ["*"], now=_now(), json=as_json))


@clients.command("list")
def list_clients(
    config: ConfigOption = None, database: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """List the machine callers.

    Example: pdp client list --json
    """
    from pdp.commands.clients import list_clients as run

    _finish(*run(settings_of(config, database=database), json=as_json))


@clients.command("remove")
def remove_client(
    client_id: Annotated[str, typer.Argument(help="Its name.")],
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Remove a machine caller; its key stops working on every replica within a second.

    Example: pdp client remove as-1
    """
    from pdp.commands.clients import remove_client as run

    _finish(*run(settings_of(config, database=database), client_id))


@keys.command("list")
def list_keys(
    config: ConfigOption = None, database: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """List the signing keys and their states.

    Example: pdp keys list
    """
    from pdp.commands.keys import list_keys as run

    _finish(*run(settings_of(config, database=database), now=_now(), json=as_json))


@keys.command("rotate")
def rotate_keys(
    config: ConfigOption = None, database: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """Sign with the next key from now on; the old one stays published.

    Example: pdp keys rotate
    """
    from pdp.commands.keys import rotate_keys as run

    _finish(*run(settings_of(config, database=database), now=_now(), json=as_json))


@database.command("upgrade")
def upgrade_database(config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Bring the database to this version's schema; `pdp serve` does so by itself.

    Example: pdp db upgrade --database sqlite:///pdp.db
    """
    from pdp.store.engine import Database
    from pdp.store.migrate import upgrade

    settings = settings_of(config, database=database)
    opened = Database.open(settings.database)
    try:
        upgrade(opened)
    finally:
        opened.close()
    print("the database is up to date")


if __name__ == "__main__":
    main()
