"""``planbridge events``: what Stripe sent, what became of it, and once more."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import orjson
import typer

from bridge.cli.printing import moment, print_json, print_table
from bridge.domain.moments import parse_moment
from bridge.errors import InvalidInput, UnknownEvent
from bridge.store.events import EventFilter, EventRepository
from bridge.store.tables import EventState
from bridge.wiring import App, open_app
from webhooks import event_table

app = typer.Typer(help="Stripe events: list, show, replay, backfill.", no_args_is_help=True)

ALARM = 1
"""Exit code of a pass after which the operator has to do something."""

_DIGITS = 18  # of a row's number at most

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Network = Annotated[str | None, typer.Option(help="Only events of this network.")]
State = Annotated[list[EventState] | None, typer.Option(help="Only in this state; repeatable.")]
Type = Annotated[str | None, typer.Option("--type", help="Only this type, such as invoice.paid.")]
Since = Annotated[str | None, typer.Option(help="Received at this time (UTC) or later.")]
Until = Annotated[str | None, typer.Option(help="Received before this time (UTC).")]


@app.command("list")
def list_events(
    network: Network = None,
    state: State = None,
    event_type: Type = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show events, newest first.

    Example: planbridge events list --state attention --state failed
    """
    planbridge = open_app()
    chosen = _chosen(planbridge, network, state, event_type, since, until)
    with planbridge.engine.connect() as connection:
        events = EventRepository(connection).list(chosen, limit=limit)
    if as_json:
        print_json([asdict(event) for event in events])
        return
    print_table(
        ["row", "event", "type", "received", "state", "change", "reason"],
        [
            (
                event.id,
                event.event_id,
                event.type,
                event.received_at,
                event.state.value,
                event.change_id,
                event.reason,
            )
            for event in events
        ],
    )


@app.command()
def show(
    event: Annotated[str, typer.Argument(help="Stripe's event id (evt_…) or the row.")],
    as_json: AsJson = False,
) -> None:
    """Show one event: what became of it, and what Stripe sent.

    Example: planbridge events show evt_1Pgc76B7WZ01zgkWwyRHS12y
    """
    planbridge = open_app()
    with planbridge.engine.connect() as connection:
        repository = EventRepository(connection)
        found = [repository.get(row.id) for row in repository.list(_named(event))]
    if not found:
        raise UnknownEvent(event=event)
    for row in filter(None, found):
        facts = row.model_dump(exclude={"payload"})
        payload = orjson.loads(row.payload)
        if as_json:
            print_json({**facts, "payload": payload})
        else:
            print_table(["what", "value"], facts.items())
            print_json(payload)


@app.command()
def replay(
    events: Annotated[
        list[str] | None, typer.Argument(help="Event ids or rows; or choose by options.")
    ] = None,
    network: Network = None,
    state: State = None,
    event_type: Type = None,
    since: Since = None,
    until: Until = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let events be handled once more. What one has already done is not done twice.

    Example: planbridge events replay --state failed --since 2026-11-24
    """
    planbridge = open_app()
    chosen = _chosen(planbridge, network, state, event_type, since, until)
    if bool(events) == (chosen != EventFilter()):
        raise InvalidInput(what="replay", why="name events, or choose them by options, not both")
    filters = [_named(event) for event in events] if events else [chosen]
    replayed: dict[str, int] = {}
    with planbridge.engine.begin() as connection:
        repository = EventRepository(connection)
        for label, one in zip(events or ["chosen"], filters, strict=True):
            count = sum(repository.counts(one).values())
            if not count and events:
                raise UnknownEvent(event=label)
            if not dry_run:
                count = repository.replay(one, now=planbridge.clock())
            replayed[label] = count
    total = sum(replayed.values())
    if as_json:
        print_json({"replayed": total, "dry_run": dry_run})
    else:
        said = "Would handle" if dry_run else "The running service handles"
        typer.echo(f"{said} {total} {'event' if total == 1 else 'events'} once more.")


@app.command()
def table(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the page webhooks/EVENTS.md.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show which types of events are acted on, and what follows from each.

    Example: planbridge events table
    """
    if markdown:
        typer.echo(event_table.markdown(), nl=False)
        return
    rows = event_table.rows()
    if as_json:
        names = ("type", "plugin", "planbridge")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print_table(["type", "plugin acts on it", "what planbridge does"], rows)


@app.command()
def backfill(
    network: Annotated[str, typer.Argument(help="Network whose Stripe account is asked.")],
    days: Annotated[int, typer.Option(min=1, max=30, help="How far back.")] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch the events that never arrived. Exit code 1 when an alarm stands.

    Example: planbridge events backfill main --days 7
    """
    planbridge = open_app()
    worker, place = planbridge.backfill(), planbridge.network(network)
    gap = worker.rehearse(place, days=days) if dry_run else worker.run(place, days=days)
    if as_json:
        print_json({**asdict(gap), "dry_run": dry_run})
    else:
        events = "event" if gap.listed == 1 else "events"
        what = "would be fetched" if dry_run else "are handled by the running service"
        typer.echo(
            f"{gap.listed} {events} since {moment(gap.since)}; {gap.missing} were missing and "
            f"{what}."
        )
        if gap.alarm:
            typer.echo(f"Alarm: {gap.alarm}.", err=True)
    if gap.alarm:
        raise typer.Exit(ALARM)


def _named(event: str) -> EventFilter:
    """An event by Stripe's id, or by the number of its row."""
    if event.isdecimal() and len(event) <= _DIGITS:
        return EventFilter(ids=(int(event),))
    return EventFilter(event_id=event)


def _chosen(
    planbridge: App,
    network: str | None,
    state: list[EventState] | None,
    event_type: str | None,
    since: str | None,
    until: str | None,
) -> EventFilter:
    return EventFilter(
        network_id=planbridge.network(network).id if network else None,
        states=tuple(state) if state else None,
        type=event_type,
        since=parse_moment(since) if since else None,
        until=parse_moment(until) if until else None,
    )
