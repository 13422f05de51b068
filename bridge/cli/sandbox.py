"""``planbridge sandbox``: a stand-in network on a real socket, to try planbridge against."""

from __future__ import annotations

import secrets as random
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import requests
import typer

from bridge.cli.printing import print_table
from bridge.cli.sandbox_stripe import stripe_beside
from bridge.errors import Conflict
from bridge.payments.amounts import to_stripe
from bridge.payments.metadata import reference_for
from bridge.sandbox.certificates import server_context
from bridge.sandbox.named_faults import EXPIRED_CERTIFICATE, NAMED, named
from bridge.sandbox.releases import Release
from bridge.sandbox.server import SandboxNetwork, system_clock
from bridge.sandbox.stripe_events import ApiShape, StripeEvents
from bridge.sandbox.stripe_signing import sign
from bridge.store.networks import NetworkRepository
from bridge.store.quotes import QuoteRepository
from bridge.wiring import open_app

_HELP = """Run a stand-in network until Ctrl-C; prints how to add it.

Example: planbridge sandbox --memberships 1000
"""

app = typer.Typer(help=_HELP)


@app.callback(invoke_without_command=True)
def sandbox(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    release: Annotated[
        Release, typer.Option(help="Which release of the plugin to answer like.")
    ] = Release.HEAD,
    memberships: Annotated[
        int, typer.Option(min=0, help="Made-up memberships to add to the example.")
    ] = 0,
    state: Annotated[
        Path | None,
        typer.Option(help="Keep the network in this file, so that it survives a restart."),
    ] = None,
    latency_ms: Annotated[
        int, typer.Option(min=0, help="Milliseconds that every answer takes.")
    ] = 0,
    faults: Annotated[
        str,
        typer.Option(
            metavar="NAME[,NAME…]", help="What goes wrong on every request; `list` shows all."
        ),
    ] = "",
    xmlrpc: Annotated[bool, typer.Option(help="Whether its sites take XML-RPC calls.")] = True,
    stripe: Annotated[
        bool, typer.Option("--stripe", help="Stand in for Stripe as well, payment page included.")
    ] = False,
    stripe_port: Annotated[int, typer.Option(help="Its port; 0 takes a free one.")] = 0,
    events_to: Annotated[
        str, typer.Option(help="Where its signed events go.")
    ] = "http://127.0.0.1:8000/webhooks/stripe/sandbox",
) -> None:
    """Run a stand-in network until Ctrl-C; prints how to add it."""
    if context.invoked_subcommand is not None:
        return
    if faults == "list":
        told = {name: each.story for name, each in NAMED.items()}
        told[EXPIRED_CERTIFICATE] = "TLS with a certificate that has ended."
        print_table(["name", "what happens"], told.items())
        return
    names = [each.strip() for each in faults.split(",") if each.strip()]
    tls = None
    if EXPIRED_CERTIFICATE in names:
        tls = server_context("127.0.0.1", ends=system_clock() - timedelta(days=1))
    network = SandboxNetwork(
        faults=named(names),
        tls=tls,
        port=port,
        release=release,
        memberships=memberships,
        state_file=state,
        latency=latency_ms / 1000,
        xmlrpc=xmlrpc,
    )
    typer.echo(f"Sandbox network at {network.url}, like release {release.value}")
    typer.echo(f"  API key     {network.api_key}")
    typer.echo(f"  API secret  {network.api_secret}")
    if names:
        typer.echo(f"  Faults      {', '.join(names)}")
    typer.echo("Add it with:")
    typer.echo(
        f"  planbridge network add sandbox --url {network.url} --api-key {network.api_key} "
        f"--api-secret {network.api_secret}"
    )
    typer.echo("and, for customers' e-mail addresses and facts of single sites, with:")
    typer.echo(
        f"  echo '{network.wp_password}' | planbridge network rotate sandbox "
        f"--wp-user {network.wp_username} --wp-password-file -"
    )
    with ExitStack() as stack:
        if stripe:
            stack.enter_context(stripe_beside(port=stripe_port, events_to=events_to))
        typer.echo("Ctrl-C stops it.")
        with suppress(KeyboardInterrupt):
            network.serve()
    network.stop()


class EventType(StrEnum):
    """The events that say that a quote was paid."""

    INVOICE = "invoice.paid"
    SESSION = "checkout.session.completed"
    INTENT = "payment_intent.succeeded"


@app.command()
def event(
    network: Annotated[str, typer.Argument(help="Name of the network.")],
    quote: Annotated[str, typer.Argument(help="Id of the quote (qt_…) that is to be paid.")],
    type: Annotated[EventType, typer.Option(help="Which event to send.")] = EventType.INVOICE,
    shape: Annotated[
        ApiShape, typer.Option(help="Stripe's API version that shapes it.")
    ] = ApiShape.CURRENT,
    amount: Annotated[
        int | None, typer.Option(help="Minor units paid; what is due unless given.")
    ] = None,
    to: Annotated[str, typer.Option(help="Address of the service.")] = "http://127.0.0.1:8000",
) -> None:
    """Send the service a signed event that says a quote was paid, as Stripe would.

    Nothing is charged: it is for trying out a network before Stripe is connected, and works
    only with a network that takes test events.

    Example: planbridge sandbox event main qt_… --type invoice.paid
    """
    planbridge = open_app()
    place = planbridge.network(network)
    if place.livemode:
        raise Conflict(what="A made-up payment", why=f"{network} takes live events")
    with planbridge.session() as session:
        given = QuoteRepository(session, planbridge.quote_key).get(place.key, quote)
        secrets = NetworkRepository(session, planbridge.seal).stripe_secrets(place)
    if not secrets:
        raise Conflict(what="A made-up payment", why=f"{network} has no Stripe signing secret")
    events = StripeEvents(
        clock=planbridge.clock,
        shape=shape,
        account=place.stripe_account or None,
        ids=lambda prefix: f"{prefix}_{random.token_hex(12)}",
    )
    builders: dict[EventType, Callable[..., bytes]] = {
        EventType.INVOICE: events.invoice_paid,
        EventType.SESSION: events.checkout_session_completed,
        EventType.INTENT: events.payment_intent_succeeded,
    }
    currency = given.quote.currency
    payload = builders[type](
        amount=to_stripe(given.quote.due_now if amount is None else amount, currency),
        currency=currency,
        metadata=reference_for(
            network=network, membership_id=given.membership_id, quote_id=quote
        ).to_metadata(),
    )
    signature = sign(payload, secrets[0], timestamp=int(planbridge.clock().timestamp()))
    try:
        answer = requests.post(
            f"{to.rstrip('/')}/webhooks/stripe/{network}",
            data=payload,
            headers={"Stripe-Signature": signature, "Content-Type": "application/json"},
            timeout=30,
        )
    except requests.RequestException:
        raise Conflict(what="Sending the event", why=f"nobody answers at {to}") from None
    typer.echo(f"{answer.status_code} {answer.text}")
    if not answer.ok:
        raise typer.Exit(1)
