"""The command line. One module per noun; errors become one line and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

import bridge
from bridge.cli.commands import Commands
from bridge.errors import InvalidInput, PlanbridgeError

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
    if sys.stdout is None:  # closed by the caller, as `>&-` does
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    try:
        app()
    except KeyboardInterrupt:
        _end("interrupted", 130)
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        _end(*told)


def _told(error: Exception) -> tuple[str, int] | None:
    """The sentence and the exit code for an error that is not a fault of planbridge."""
    if isinstance(error, PlanbridgeError):
        return str(error), error.exit_code
    if isinstance(error, OSError) and error.errno is not None:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}", 1
    if isinstance(error, OverflowError) and "SQLite INTEGER" in str(error):
        return "A number that was given is beyond 64 bits; no id is.", InvalidInput.exit_code
    return _database_told(error)


def _database_told(error: Exception) -> tuple[str, int] | None:
    if "sqlalchemy" not in sys.modules:  # a command without a database does not wait for it
        return None
    from sqlalchemy.exc import InterfaceError, OperationalError

    from bridge.store.engine import trouble

    if not isinstance(error, OperationalError | InterfaceError):
        return None
    told = trouble(error)
    return str(told), told.exit_code


def _end(sentence: str, exit_code: int) -> NoReturn:
    typer.echo(f"planbridge: {sentence}", err=True)
    try:
        sys.stdout.flush()
    except OSError:  # what is left cannot be written, and must not be tried again at the exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(exit_code)
