"""The command line. One module per noun; errors become one line and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import bridge
from bridge.cli.commands import Commands
from bridge.errors import PlanbridgeError

app = typer.Typer(
    cls=Commands,
    name="planbridge",
    help="Plan changes, payments and limits for WordPress multisite networks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"planbridge {bridge.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Plan changes, payments and limits for WordPress multisite networks."""


def main() -> None:
    """Run the command line; the exit code is the error's own (see `bridge.errors`)."""
    try:
        app()
    except PlanbridgeError as error:
        typer.echo(f"planbridge: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("planbridge: interrupted", err=True)
        sys.exit(130)
