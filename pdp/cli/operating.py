"""`pdp client`, `pdp keys`, `pdp audit`, `pdp outbox`."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from pdp.cli.frame import (
    ConfigOption,
    DatabaseOption,
    JsonOption,
    finish,
    group,
    now,
    settings_of,
)

clients = group("client", "Machine callers and their keys.")
keys = group("keys", "Signing keys.")
audit = group("audit", "What happened, in a chain that shows every change.")
outbox = group("outbox", "What waits to be told or done, and what was given up.")

_MOMENT = ["%Y-%m-%dT%H:%M:%S%z"]
SinceOption = Annotated[datetime | None, typer.Option(help="From this moment on.", formats=_MOMENT)]
UntilOption = Annotated[datetime | None, typer.Option(help="Before this moment.", formats=_MOMENT)]


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
    finish(*run(settings, client_id, role, acts_for or ["*"], now=now(), json=as_json))


@clients.command("list")
def list_clients(
    config: ConfigOption = None, database: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """List the machine callers.

    Example: pdp client list --json
    """
    from pdp.commands.clients import list_clients as run

    finish(*run(settings_of(config, database=database), json=as_json))


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

    finish(*run(settings_of(config, database=database), client_id))


@clients.command("callback-secret")
def callback_secret(
    client_id: Annotated[str, typer.Argument(help="Its name, or that of a token's caller.")],
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Print the secret that signs a caller's callbacks when none is configured for it.

    Example: pdp client callback-secret as-1
    """
    from pdp.commands.clients import callback_secret as run

    finish(*run(settings_of(config, database=database), client_id, now=now()))


@keys.command("list")
def list_keys(
    config: ConfigOption = None, database: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """List the signing keys and their states.

    Example: pdp keys list
    """
    from pdp.commands.keys import list_keys as run

    finish(*run(settings_of(config, database=database), now=now(), json=as_json))


@keys.command("rotate")
def rotate_keys(
    config: ConfigOption = None, database: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """Sign with the next key from now on; the old one stays published.

    Example: pdp keys rotate
    """
    from pdp.commands.keys import rotate_keys as run

    finish(*run(settings_of(config, database=database), now=now(), json=as_json))


@audit.command("verify")
def verify_audit(
    head: Annotated[
        Path | None, typer.Option(help="A signed head kept elsewhere, to show a lost tail.")
    ] = None,
    config: ConfigOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that no event of the audit was changed, added, moved or lost.

    Exit status: 0 the chain is whole, 1 it is not, 2 it could not be read.

    Example: pdp audit verify --head head.json
    """
    from pdp.commands.audit import verify_audit as run

    finish(*run(settings_of(config, database=database), now=now(), head=head, json=as_json))


@audit.command("export")
def export_audit(
    style: Annotated[
        Literal["jsonl", "csv"], typer.Option("--format", help="jsonl or csv.")
    ] = "jsonl",
    since: SinceOption = None,
    until: UntilOption = None,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write the audit to standard output, oldest event first.

    Example: pdp audit export --format csv > audit.csv
    """
    from pdp.commands.audit import export_audit as run

    settings = settings_of(config, database=database)
    finish(*run(settings, sys.stdout.write, style=style, since=since, until=until))


@audit.command("head")
def audit_head(config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Print the chain's end, signed; keep it elsewhere.

    Example: pdp audit head > head.json
    """
    from pdp.commands.audit import audit_head as run

    finish(*run(settings_of(config, database=database), now=now()))


@outbox.command("list")
def list_outbox(
    dead: Annotated[bool, typer.Option(help="Those that were given up.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    config: ConfigOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the jobs that wait, or those that were given up.

    Example: pdp outbox list --dead
    """
    from pdp.commands.outbox import list_outbox as run

    settings = settings_of(config, database=database)
    finish(*run(settings, dead=dead, limit=limit, json=as_json))


@outbox.command("replay")
def replay_outbox(
    seqs: Annotated[list[int] | None, typer.Argument(help="Their numbers.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every one that was given up.")] = False,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Have jobs that were given up run again.

    Example: pdp outbox replay 4815
    """
    from pdp.commands.outbox import replay_outbox as run

    settings = settings_of(config, database=database)
    finish(*run(settings, seqs or [], now=now(), everything=everything))
