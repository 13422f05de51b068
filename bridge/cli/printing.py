"""How commands print: tables for people, JSON for scripts, money in words."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

import orjson
import typer
from babel.numbers import format_currency
from rich.console import Console
from rich.table import Table

from bridge.domain.money import to_major

console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
    typer.echo(orjson.dumps(document, option=options).decode())


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None
) -> None:
    """A table for a person; None is shown as a dash."""
    table = Table(*columns, title=title, title_justify="left", pad_edge=False)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table)


def money(minor: int, currency: str) -> str:
    """``$45.22`` from 4522 minor units."""
    return format_currency(to_major(minor, currency), currency, locale="en_US")


def moment(when: datetime | None) -> str:
    """A time to the minute, in UTC."""
    return "-" if when is None else f"{when:%Y-%m-%d %H:%M} UTC"


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None or value == "" else str(value)
