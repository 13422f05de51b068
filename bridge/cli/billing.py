"""``planbridge billing``: how memberships stand, and why."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bridge.cli.printing import print_json, print_table
from bridge.errors import UnknownMembership
from bridge.store.billings import BillingRepository
from bridge.store.tables import Billing, StripeSeen
from bridge.wiring import open_app

app = typer.Typer(help="Billing of memberships: list, show, retry.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Network = Annotated[str, typer.Argument(help="Name of the network.")]
Membership = Annotated[int, typer.Argument(help="Id of the membership on the network.")]


@app.command("list")
def list_billings(
    network: Annotated[str | None, typer.Option(help="Only of this network.")] = None,
    attention: Annotated[
        bool, typer.Option("--attention", help="Only those that wait for the operator.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show how the memberships stand that Stripe bills.

    Example: planbridge billing list --attention
    """
    planbridge = open_app()
    chosen = planbridge.network(network).key if network else None
    names = {one.key: one.name for one in planbridge.networks()}
    with planbridge.session() as session:
        found = BillingRepository(session).list(
            network_id=chosen, needs_operator=True if attention else None
        )
    if as_json:
        print_json([{"network": names[row.network_id], **_facts(row)} for row in found])
        return
    print_table(
        ["network", "membership", "stands", "operator", "looked at again", "why"],
        [
            (
                names[row.network_id],
                row.membership_id,
                row.standing,
                row.needs_operator,
                row.due_at,
                row.reason,
            )
            for row in found
        ],
    )


@app.command()
def show(network: Network, membership: Membership, as_json: AsJson = False) -> None:
    """Show one membership's billing with everything that was seen of it at Stripe.

    Example: planbridge billing show main 7
    """
    planbridge = open_app()
    place = planbridge.network(network)
    with planbridge.session() as session:
        repository = BillingRepository(session)
        billing = repository.find(place.key, membership)
        if billing is None:
            raise UnknownMembership(network=network, membership=membership)
        objects = [_seen(row) for row in repository.objects(place.key, membership)]
    if as_json:
        print_json({**_facts(billing), "objects": objects})
        return
    print_table(["what", "value"], _facts(billing).items())
    print_table(
        ["object", "id", "as of", "state", "carried out"],
        [
            (row["kind"], row["id"], row["seen_at"], row["facts"].get("status"), row["settled"])
            for row in objects
        ],
    )


@app.command()
def retry(network: Network, membership: Membership) -> None:
    """Let the running service look at a membership's billing now.

    Example: planbridge billing retry main 7
    """
    planbridge = open_app()
    place = planbridge.network(network)
    with planbridge.session() as session:
        repository = BillingRepository(session)
        if repository.find(place.key, membership) is None:
            raise UnknownMembership(network=network, membership=membership)
        repository.touch(place.key, membership, now=planbridge.clock())
    typer.echo("The running service looks at it now.")


def _facts(row: Billing) -> dict[str, object]:
    return row.model_dump(exclude={"network_id", "seen", "held_until"})


def _seen(row: StripeSeen) -> dict[str, Any]:
    return row.model_dump(include={"kind", "id", "seen_at", "facts", "settled"})
