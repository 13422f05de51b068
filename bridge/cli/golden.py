"""``planbridge golden``: our quotes, offers and dates against the plugin's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from bridge.cli.golden_cases import Difference, InvalidCases, read_cases, report
from bridge.domain.golden import (
    InvalidCase,
    expiration_mismatches,
    offer_mismatches,
    quote_mismatches,
)

app = typer.Typer(
    help="Compare our results with those that the plugin computed itself.",
    no_args_is_help=True,
)
Files = Annotated[list[Path], typer.Argument(help="Files of cases, plain or .gz.")]


@app.command()
def quotes(files: Files) -> None:
    """Quote golden cases by the plugin's rules and compare every line, total and date.

    Example: planbridge golden quotes carts-usd-none.jsonl.gz
    """
    _compare(files, quote_mismatches)


@app.command()
def offers(files: Files) -> None:
    """List the offers of golden cases and compare plans, periods and add-ons.

    Example: planbridge golden offers offers.jsonl.gz
    """
    _compare(files, offer_mismatches)


@app.command()
def expirations(files: Files) -> None:
    """Renew the memberships of golden cases and compare their new expiration.

    Example: planbridge golden expirations expirations.jsonl.gz
    """
    _compare(files, expiration_mismatches)


def _compare(files: list[Path], mismatches: Callable[[dict[str, Any]], list[str]]) -> None:
    total = 0
    differences: list[Difference] = []
    for path in files:
        for number, case in enumerate(read_cases(path), start=1):
            total += 1
            try:
                details = mismatches(case)
            except InvalidCase as error:
                why = f"case {number}: {error.fields['why']}"
                raise InvalidCases(path=path, why=why) from error
            if details:
                inputs = {name: value for name, value in case.items() if name != "expected"}
                details.append(orjson.dumps(inputs).decode())
                differences.append(Difference(f"{path}, case {number}", details))
    if total == 0:
        raise InvalidCases(path=", ".join(map(str, files)), why="there is no case in it")
    report(total - len(differences), total, differences)
