"""``planbridge serve``, ``migrate`` and ``token``: running the service."""

from __future__ import annotations

from typing import Annotated, Any

import typer
import uvicorn

from bridge.cli.printing import print_table
from bridge.settings import PREFIX, Settings, load_settings
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.web.pauses import shorten_pauses
from bridge.wiring import open_app, web_app


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Run the service: webhooks, JSON API and the upgrade engine, until Ctrl-C.

    Example: planbridge serve --port 8000
    """
    given: dict[str, Any] = {"host": host, "port": port}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    planbridge = open_app(settings)
    app = web_app(planbridge)
    shorten_pauses()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        server_header=False,
    )


def migrate(
    revision: Annotated[
        str, typer.Option(help="Where to go, up or down; `base` empties the database.")
    ] = "head",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say where it stands.")] = False,
) -> None:
    """Bring the database to the tables this version needs.

    Example: planbridge migrate
    """
    engine = make_engine(load_settings().store_url)
    before = schema.current(engine)
    if dry_run:
        typer.echo(f"The database is at {before or 'nothing'}, the newest is {schema.head()}.")
        return
    schema.move(engine, revision)
    after = schema.current(engine) or "nothing"
    if after == (before or "nothing"):
        typer.echo(f"The database is at {after}; nothing to do.")
    else:
        typer.echo(f"The database went from {before or 'nothing'} to {after}.")


def token() -> None:
    """Show the operator's bearer token for /v1.

    Example: curl -H "Authorization: Bearer $(planbridge token)" http://127.0.0.1:8000/v1/networks
    """
    typer.echo(load_settings().operator_token())


def show_settings() -> None:
    """List every setting, its environment variable and its default.

    Example: planbridge settings
    """
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default
        rows.append((f"{PREFIX}{name.upper()}", default, field.description))
    print_table(["variable", "default", "what it is"], rows)
