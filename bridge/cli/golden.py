"""``planbridge golden``: our quotes, offers and dates against the plugin's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.golden_cases import compare
from bridge.cli.golden_limits import limits
from bridge.domain.golden import expiration_mismatches, offer_mismatches, quote_mismatches

app = typer.Typer(
    help="Compare our results with those that the plugin computed itself.",
    no_args_is_help=True,
)
app.command("limits")(limits)
Files = Annotated[list[Path], typer.Argument(help="Files of cases, plain or .gz.")]


@app.command()
def quotes(files: Files) -> None:
    """Quote golden cases by the plugin's rules and compare every line, total and date.

    Example: planbridge golden quotes carts-usd-none.jsonl.gz
    """
    compare(files, quote_mismatches)


@app.command()
def offers(files: Files) -> None:
    """List the offers of golden cases and compare plans, periods and add-ons.

    Example: planbridge golden offers offers.jsonl.gz
    """
    compare(files, offer_mismatches)


@app.command()
def expirations(files: Files) -> None:
    """Renew the memberships of golden cases and compare their new expiration.

    Example: planbridge golden expirations expirations.jsonl.gz
    """
    compare(files, expiration_mismatches)
