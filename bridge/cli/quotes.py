"""``planbridge offers`` and ``planbridge quote``: what may be chosen, and what it costs."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import BaseModel

from bridge.cli.printing import console, moment, money, print_json, print_table
from bridge.domain.catalogue import Product
from bridge.domain.moments import parse_moment
from bridge.domain.offers import offers as offered_to
from bridge.domain.periods import Period
from bridge.store.quotes import GivenQuote
from bridge.store.readers import load_catalogue, load_membership
from bridge.upgrades.quoting import Choice, give_quote
from bridge.web.api.views import product_view, quote_view
from bridge.wiring import open_app

Network = Annotated[str, typer.Argument(help="Name of the network.")]
Membership = Annotated[int, typer.Argument(help="Id of the membership on the network.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def offers(network: Network, membership: Membership, as_json: AsJson = False) -> None:
    """Show what a membership may change to: plans of its group, add-ons of its plan.

    Example: planbridge offers main 12
    """
    planbridge = open_app()
    place = planbridge.network(network)
    with planbridge.session() as session:
        member = load_membership(session, place.key, membership)
        offered = offered_to(member, load_catalogue(session, place.key))
    if as_json:
        plans: list[BaseModel] = [
            product_view(plan, current=plan.id == member.plan_id) for plan in offered.plans
        ]
        addons = [product_view(addon) for addon in offered.addons]
        print_json(
            {
                "plans": [one.model_dump(mode="json") for one in plans],
                "addons": [one.model_dump(mode="json") for one in addons],
                "periods": [period.key for period in offered.periods],
            }
        )
        return
    rows = [_row(one, member.plan_id) for one in (*offered.plans, *offered.addons)]
    print_table(["id", "slug", "name", "type", "price", ""], rows)


def quote(
    network: Network,
    membership: Membership,
    product: Annotated[
        list[str], typer.Option("--product", help="Id or slug; repeat for several.")
    ],
    period: Annotated[str | None, typer.Option(help="Such as 1-year.")] = None,
    code: Annotated[str | None, typer.Option(help="Discount code.")] = None,
    at: Annotated[
        str | None, typer.Option(help="Price it as of this time (UTC), such as 2026-03-01T12:00.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Price a change: every line, what is due now and next, and how it is computed.

    Exit code 0 when the change is possible, 1 when it changes nothing or is not possible.

    Example: planbridge quote main 12 --product premium --period 1-year
    """
    planbridge = open_app()
    place = planbridge.network(network)
    choice = Choice(
        products=tuple(product),
        period=Period.parse(period) if period else None,
        discount_code=code,
    )
    with planbridge.session() as session:
        given = give_quote(
            session,
            place,
            membership,
            choice,
            now=parse_moment(at) if at else planbridge.clock(),
            key=planbridge.quote_key,
            minutes=planbridge.settings.quote_minutes,
        )
    if as_json:
        print_json(quote_view(given).model_dump(mode="json"))
    else:
        show_quote(given)
    if not given.quote.possible:
        raise typer.Exit(1)


def show_quote(given: GivenQuote) -> None:
    """Print a quote for a person."""
    answer = given.quote
    if not answer.possible:
        for error in answer.errors:
            console.print(f"Not possible: {error.message} ({error.code})", markup=False)
        return
    lines = [
        (line.title, line.quantity, money(line.total, answer.currency)) for line in answer.lines
    ]
    print_table(["line", "quantity", "total"], lines, title=f"{answer.kind} ({given.id})")
    console.print(f"Due now: {money(answer.due_now, answer.currency)}")
    if answer.next_billing_at is None:
        console.print("Next billing: none")
    else:
        amount = money(answer.next_billing_amount, answer.currency)
        console.print(f"Next billing: {amount} on {moment(answer.next_billing_at)}")
    console.print(f"Holds until {moment(given.expires_at)}")
    console.print("How it is computed:")
    for step in answer.explanation:
        amount = "" if step.amount is None else f"  {money(step.amount, answer.currency)}"
        console.print(f"  {step.text}{amount}", markup=False)


def _row(product: Product, current: int) -> tuple[object, ...]:
    price = money(product.amount, product.currency)
    per = f"{price} / {product.period.key}" if product.recurring else price
    mark = "current" if product.id == current else ""
    return (product.id, product.slug, product.name, product.type.value, per, mark)
