"""``planbridge network subscribe``: have a network tell of its events."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli.printing import print_json, print_table
from bridge.errors import InvalidInput
from bridge.wiring import open_app
from sync.subscriptions import subscribe as subscribe_to
from webhooks.network_events import TAKEN_EVENTS, address


def subscribe(
    name: Annotated[str, typer.Argument(metavar="NETWORK", help="Name of the network.")],
    callback: Annotated[
        str, typer.Option(help="Address of this planbridge as the network reaches it.")
    ],
    event: Annotated[
        list[str] | None,
        typer.Option(help=f"Only this event, may be repeated: {', '.join(TAKEN_EVENTS)}."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be done.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Register the events that a network really fires, so that changes are seen at once.

    Repeating it changes nothing. What a call says is never believed, only read again.

    Example: planbridge network subscribe main --callback https://planbridge.example.com
    """
    for wanted in event or ():
        if wanted not in TAKEN_EVENTS:
            why = f"it never fires or tells nothing; expected one of {', '.join(TAKEN_EVENTS)}"
            raise InvalidInput(what=f"--event {wanted}", why=why)
    planbridge = open_app()
    network = planbridge.network(name)
    tokens = planbridge.network_tokens
    with planbridge.client(network) as client:
        done = subscribe_to(
            client,
            event or TAKEN_EVENTS,
            address=lambda one: address(callback, name, one, tokens),
            dry_run=dry_run,
        )
    rows = [(each.event, each.outcome.value, each.webhook_id) for each in done]
    if as_json:
        facts = [{"event": one, "outcome": what, "webhook": key} for one, what, key in rows]
        print_json({"network": name, "dry_run": dry_run, "subscriptions": facts})
    else:
        print_table(["event", "would be" if dry_run else "is", "webhook"], rows)
