"""``planbridge limits``: where a site's limits come from, and what is odd about products'."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from bridge.cli.printing import console, print_json, print_table
from bridge.domain.catalogue import Catalogue
from bridge.domain.limit_diff import differences
from bridge.domain.limit_linter import Severity, lint
from bridge.domain.limit_words import words
from bridge.domain.limits import LimitOrigin, Source, compose, explain
from bridge.network.capabilities import Capabilities
from bridge.store.limits import LimitsOwner, effective_limits, load_limits
from bridge.store.readers import load_catalogue, load_membership, load_site
from bridge.wiring import open_app

app = typer.Typer(help="Limits: where they come from.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Limits: where they come from."""


@app.command("explain")
def explain_limits(
    network: Annotated[str, typer.Argument(help="Name of the network.")],
    site: Annotated[int, typer.Argument(help="Blog id of the site.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show for each limit of a site which product or override it comes from.

    Exit code 1 when the network shows something else than the products come to.

    Example: planbridge limits explain main 12
    """
    planbridge = open_app()
    place = planbridge.network(network)
    with planbridge.session() as session:
        record = load_site(session, place.key, site)
        if not record.membership_id:
            console.print(f"Site {site} belongs to no membership that the network shows.")
            raise typer.Exit(1)
        member = load_membership(session, place.key, record.membership_id)
        catalogue = load_catalogue(session, place.key)
        shown = effective_limits(session, place.key, site)
        overrides = [
            load_limits(session, place.key, owner, "own")
            for owner in (LimitsOwner("membership", member.id), LimitsOwner("site", site))
        ]
    rules = Capabilities.from_json(place.capabilities).limit_rules
    products = [(catalogue.get(one), count) for one, count in member.addons.items()]
    plan = catalogue.get(member.plan_id)
    known = [one for one in (plan, *(product for product, _ in products)) if one is not None]
    unknown = [one.name for one in known if one.limits_row is None]
    if unknown or plan is None:
        names = ", ".join(unknown) or f"product {member.plan_id}"
        console.print(
            f"The limits of {names} are unknown. `planbridge catalogue learn {network}` or "
            f"`planbridge catalogue import {network} FILE` makes them known."
        )
        raise typer.Exit(1)
    addons = [
        Source(product.name, product.limits or {}, count)
        for product, count in products
        if product is not None
    ]
    membership_row, site_row = (row.limits if row else None for row in overrides)
    origins = explain(
        plan=Source(plan.name, plan.limits or {}),
        addons=addons,
        membership=membership_row,
        site=site_row,
        release=rules,
    )
    composed = compose(
        plan=plan.limits,
        addons=[(source.row, source.quantity) for source in addons],
        membership=membership_row,
        site=site_row,
        release=rules,
    )
    differing = differences(composed, shown) if shown is not None else ()
    if as_json:
        print_json(
            {
                "site": site,
                "membership": member.id,
                "limits": [_facts(origin) for origin in origins],
                "differences": [one.sentence for one in differing],
            }
        )
    else:
        rows = [(_name(origin), str(origin.value), origin.sentence) for origin in origins]
        print_table(["limit", "value", "comes from"], rows)
        for module, limit in composed.items():
            console.print(f"{module}: {words(module, limit)}", markup=False)
        for one in differing:
            console.print(f"Differs: {one.sentence}", markup=False)
    if differing:
        raise typer.Exit(1)


@app.command("lint")
def lint_limits(
    network: Annotated[str, typer.Argument(help="Name of the network.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find products whose limits do something else than they seem to.

    Exit code 1 when a finding takes something from customers who paid.

    Example: planbridge limits lint main
    """
    planbridge = open_app()
    place = planbridge.network(network)
    with planbridge.session() as session:
        catalogue = load_catalogue(session, place.key)
    rules = Capabilities.from_json(place.capabilities).limit_rules
    findings = lint(catalogue.products.values(), release=rules)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    elif not findings:
        console.print("Nothing to say about the limits of the products.")
    else:
        rows = [
            (one.severity.value, _slug(catalogue, one.product_id), one.message, one.advice)
            for one in findings
        ]
        print_table(["", "product", "finding", "what to do"], rows)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise typer.Exit(1)


def _slug(catalogue: Catalogue, product_id: int) -> str:
    product = catalogue.get(product_id)
    return product.slug if product else str(product_id)


def _name(origin: LimitOrigin) -> str:
    return ".".join((origin.module, *origin.path))


def _facts(origin: LimitOrigin) -> dict[str, object]:
    return {"limit": _name(origin), "value": origin.value, "comes_from": origin.sentence}
