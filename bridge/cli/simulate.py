"""``planbridge simulate``: what becomes of a membership, months ahead in a moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from bridge.cli.printing import console, money, print_json, print_table
from bridge.domain.moments import parse_moment
from bridge.errors import InvalidInput
from bridge.settings import load_settings
from bridge.simulation.script import Script, Wish
from bridge.simulation.stage import simulate as run
from bridge.simulation.timeline import ASSUMED, Timeline
from bridge.wiring import open_app


def simulate(
    network: Annotated[str, typer.Argument(help="Name of the network.")],
    membership: Annotated[int, typer.Argument(help="Id of the membership on the network.")],
    months: Annotated[int, typer.Option(min=1, max=120, help="How far ahead.")] = 24,
    product: Annotated[
        list[str] | None,
        typer.Option(
            help="A change to these products, ids or slugs separated by commas; with --at. "
            "Repeat both for several changes."
        ),
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option(help="When the customer asks for it, such as 2026-03-01.")
    ] = None,
    fail: Annotated[
        list[int] | None,
        typer.Option(
            metavar="MONTH",
            help="In this month (the first is 1) the first attempt to collect fails, the next "
            "succeeds; may be repeated.",
        ),
    ] = None,
    unpaid: Annotated[
        int | None,
        typer.Option(metavar="MONTH", help="From this month on nothing can be collected."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what becomes of a membership: renewals, changes and failures, with every amount.

    The service itself runs on a clock that jumps ahead, on a copy of the membership with
    stand-ins of its network and of Stripe. Your database, network and Stripe are not touched.

    Example: planbridge simulate main 12 --months 24 --product basic --at 2026-03-01 --fail 5
    """
    planbridge = open_app(load_settings(log_level="error"))
    script = Script(
        begins=planbridge.clock().replace(microsecond=0),
        months=months,
        wishes=_wishes(product or [], at or []),
        fail_in=frozenset(fail or []),
        unpaid_from=unpaid,
    )
    timeline = run(planbridge, planbridge.network(network), membership, script)
    if as_json:
        print_json(timeline.as_json())
    else:
        _print(timeline)


def _wishes(products: Sequence[str], times: Sequence[str]) -> tuple[Wish, ...]:
    if len(products) != len(times):
        why = f"{len(products)} --product and {len(times)} --at were given; each needs the other"
        raise InvalidInput(what="the change", why=why)
    return tuple(
        Wish(parse_moment(time), tuple(name.strip() for name in names.split(",")))
        for names, time in zip(products, times, strict=True)
    )


def _print(timeline: Timeline) -> None:
    currency = timeline.currency
    print_table(
        ["when", "what", "amount", "status", "expires", "plan", "next billing"],
        (
            (
                entry.at,
                entry.what,
                None if entry.amount is None else money(entry.amount, currency),
                entry.status,
                entry.expiration,
                entry.plan,
                entry.next_billing,
            )
            for entry in timeline.entries
        ),
    )
    console.print(f"Collected: {money(timeline.collected, currency)}")
    console.print(f"Assumed: {ASSUMED}")
