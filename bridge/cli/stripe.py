"""``planbridge stripe``: what Stripe says to what planbridge quotes."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli.printing import console, money, print_json, print_table
from bridge.domain.periods import Period
from bridge.payments.comparison import Comparison
from bridge.upgrades.comparing import compare_choice
from bridge.upgrades.quoting import Choice
from bridge.wiring import open_app

app = typer.Typer(help="Stripe: compare sums with its own.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Stripe: compare sums with its own."""


@app.command()
def compare(
    network: Annotated[str, typer.Argument(help="Name of the network.")],
    membership: Annotated[int, typer.Argument(help="Id of the membership on the network.")],
    product: Annotated[
        list[str], typer.Option("--product", help="Id or slug; repeat for several.")
    ],
    period: Annotated[str | None, typer.Option(help="Such as 1-year.")] = None,
    code: Annotated[str | None, typer.Option(help="Discount code.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Put what is due now beside Stripe's own preview of the same change, and explain.

    Nothing is charged. Exit code 1 when Stripe would not charge what planbridge asks it for.

    Example: planbridge stripe compare main 12 --product premium
    """
    planbridge = open_app()
    found = compare_choice(
        planbridge.collecting().orders,
        planbridge.network(network),
        membership,
        Choice(
            products=tuple(product),
            period=Period.parse(period) if period else None,
            discount_code=code,
        ),
    )
    if as_json:
        print_json(_document(found))
    else:
        _show(found)
    if found.asked not in (None, found.ours):
        raise typer.Exit(1)


def _document(found: Comparison) -> dict[str, object]:
    return {
        "currency": found.currency,
        "due_now": found.ours,
        "stripe_preview": found.stripes,
        "difference": found.difference,
        "as_asked": found.asked,
        "parts": [
            {
                "part": part.name,
                "due_now": part.ours,
                "stripe_preview": part.stripes,
                "difference": part.difference,
                "why": part.why,
            }
            for part in found.parts
        ],
    }


def _show(found: Comparison) -> None:
    def words(minor: int) -> str:
        return money(minor, found.currency)

    rows = [
        (part.name, words(part.ours), words(part.stripes), words(part.difference))
        for part in found.parts
    ]
    rows.append(("sum", words(found.ours), words(found.stripes), words(found.difference)))
    print_table(["part", "planbridge", "Stripe by its own rules", "difference"], rows)
    for part in found.parts:
        if part.difference:
            console.print(f"{part.name}: {part.why}", markup=False)
    if found.asked is not None:
        console.print(f"Stripe charges for what planbridge asks: {words(found.asked)}")
