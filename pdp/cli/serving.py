"""`pdp serve`, `pdp openapi`, `pdp db`."""

from typing import Annotated

import typer

from pdp.cli.frame import (
    ConfigOption,
    DatabaseOption,
    PoliciesOption,
    SchemasOption,
    app,
    finish,
    group,
    settings_of,
)

_database = group("db", "The database.")


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
def openapi() -> None:
    """Print the OpenAPI 3.1 document.

    Example: pdp openapi > openapi.json
    """
    import json

    from pdp.app import openapi_document

    print(json.dumps(openapi_document(), indent=2))


@_database.command("upgrade")
def upgrade_database(config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Bring the database to this version's schema; `pdp serve` does so by itself.

    Example: pdp db upgrade --database sqlite:///pdp.db
    """
    from pdp.commands.opened import with_database

    settings = settings_of(config, database=database)
    finish(*with_database(settings, lambda opened: (0, "the database is up to date")))
