"""A stand-in of Stripe beside the stand-in network, for whoever wants the pages to collect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from bridge.sandbox.stripe_server import SandboxStripe

SECRET = "whsec_planbridge_sandbox"  # noqa: S105  (of the stand-in, guards nothing)
_TICK = 0.5  # seconds between looks at what is due


@contextmanager
def stripe_beside(*, port: int, events_to: str) -> Iterator[SandboxStripe]:
    """Serve the stand-in and deliver its signed events; prints how planbridge uses it."""
    with SandboxStripe(account="acct_sandbox", secret=SECRET, tick=_TICK, port=port) as stripe:
        stripe.send_events_to(events_to)
        typer.echo(f"Sandbox Stripe at {stripe.url}; its events go to {events_to}")
        typer.echo("Let planbridge serve with:")
        typer.echo(f"  PLANBRIDGE_STRIPE_URL={stripe.url} planbridge serve")
        typer.echo("and add the network with these as well:")
        typer.echo(
            f"  --stripe-account {stripe.account} --stripe-secret {SECRET} "
            "--stripe-key-file FILE, where FILE holds:"
        )
        typer.echo(f"  {stripe.api_key}")
        yield stripe
