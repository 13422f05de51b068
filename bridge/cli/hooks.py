"""``planbridge hooks``: events to the operator's own systems."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from bridge.cli.auditing import write_down
from bridge.cli.printing import console, print_json, print_table
from bridge.domain.moments import parse_moment
from bridge.domain.outgoing import MEANINGS, EventType, markdown
from bridge.errors import PlanbridgeError
from bridge.hooks.signing import key_of, new_secret
from bridge.hooks.targets import check_url
from bridge.messaging import Messaging
from bridge.store.hooks import HookRepository
from bridge.store.networks import NetworkRepository
from bridge.store.outgoing import Fact, tell_one
from bridge.store.tables import DeliveryState, HookDelivery, HookEndpoint, OutgoingEvent
from bridge.wiring import App, open_app

app = typer.Typer(help="Hooks: signed events to your own systems.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Endpoint = Annotated[str, typer.Argument(metavar="ENDPOINT", help="Id of the endpoint (hook_…).")]


_PATIENCE = 30.0


class TestNotTaken(PlanbridgeError):
    """The endpoint did not take the test: {reason} {answer}"""


@app.command()
def add(
    network: Annotated[str, typer.Argument(help="Name of the network.")],
    url: Annotated[str, typer.Argument(help="Address of the receiver.")],
    event: Annotated[
        list[str] | None, typer.Option(help="Only these events, such as `change.*`; repeatable.")
    ] = None,
    secret_file: Annotated[
        Path | None, typer.Option(help="File with the secret (whsec_…); else one is made.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Have a network's events sent somewhere. Prints the secret that verifies them.

    Example: planbridge hooks add main https://example.com/hooks --event 'change.*'
    """
    planbridge = open_app()
    place = planbridge.network(network)
    check_url(url, private=planbridge.settings.hooks_private)
    secret = secret_file.read_text("utf-8").strip() if secret_file else new_secret()
    key_of(secret)
    with planbridge.session() as session:
        endpoint = HookRepository(session).add(
            place.key,
            url,
            types=event or (),
            secret=secret,
            seal=planbridge.seal,
            now=planbridge.clock(),
        )
        detail = {"url": url, "events": list(endpoint.types)}
        _audit(planbridge, session, "hook.add", endpoint, detail)
    if as_json:
        print_json({**_facts(network, endpoint), "secret": secret})
        return
    console.print(f"{endpoint.id} gets {', '.join(endpoint.types)} of {network}.", markup=False)
    console.print(f"Secret: {secret}", markup=False)
    console.print(f"Try it: planbridge hooks test {endpoint.id}", markup=False)


@app.command("list")
def list_endpoints(
    network: Annotated[str | None, typer.Option(help="Only of this network.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show where events are sent.

    Example: planbridge hooks list
    """
    planbridge = open_app()
    chosen = planbridge.network(network).key if network else None
    names = {one.key: one.name for one in planbridge.networks()}
    with planbridge.session() as session:
        found = HookRepository(session).list(chosen)
    facts = [_facts(names[row.network_id], row) for row in found]
    if as_json:
        print_json(facts)
        return
    shown = ("endpoint", "network", "url", "events", "on", "failing_since", "disabled_why")
    print_table(shown, [[each[name] for name in shown] for each in facts])


@app.command()
def show(
    endpoint: Endpoint,
    secret: Annotated[bool, typer.Option("--secret", help="Show the secret as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show an endpoint and what was sent to it last.

    Example: planbridge hooks show hook_0123456789abcdef
    """
    planbridge = open_app()
    names = {one.key: one.name for one in planbridge.networks()}
    with planbridge.session() as session:
        hooks = HookRepository(session)
        found = hooks.get(endpoint)
        sent = hooks.deliveries(endpoint_id=endpoint, limit=20)
        if secret:
            _audit(planbridge, session, "hook.secret", found)
    facts = _facts(names[found.network_id], found)
    if secret:
        facts["secret"] = planbridge.seal.open(found.sealed_secret)
    if as_json:
        print_json({**facts, "deliveries": [_sent(*row) for row in sent]})
        return
    print_table(["what", "value"], facts.items())
    _print_deliveries([_sent(*row) for row in sent])


@app.command()
def remove(endpoint: Endpoint) -> None:
    """Send nothing there any more, and forget what was sent.

    Example: planbridge hooks remove hook_0123456789abcdef
    """
    planbridge = open_app()
    with planbridge.session() as session:
        hooks = HookRepository(session)
        found = hooks.get(endpoint)
        _audit(planbridge, session, "hook.remove", found, {"url": found.url})
        hooks.remove(found)
    console.print(f"{endpoint} is gone.", markup=False)


@app.command()
def enable(endpoint: Endpoint) -> None:
    """Switch an endpoint on again that was switched off because it failed.

    What came meanwhile is held: `planbridge hooks replay ENDPOINT --state held` sends it.

    Example: planbridge hooks enable hook_0123456789abcdef
    """
    planbridge = open_app()
    with planbridge.session() as session:
        hooks = HookRepository(session)
        found = hooks.get(endpoint)
        hooks.enable(found, now=planbridge.clock())
        _audit(planbridge, session, "hook.enable", found)
    console.print(f"{endpoint} is on.", markup=False)


@app.command("test")
def try_out(endpoint: Endpoint) -> None:
    """Send a test event here and now. Exit code 1 when it is not taken.

    Example: planbridge hooks test hook_0123456789abcdef
    """
    planbridge = open_app()
    now = planbridge.clock()
    with planbridge.session() as session:
        found = HookRepository(session).get(endpoint)
        fact = Fact(
            EventType.TEST,
            f"{endpoint}:{now.isoformat()}",
            data={"message": "This is a test of planbridge."},
        )
        event_id = tell_one(session.connection(), endpoint, found.network_id, fact, now=now)
        _audit(planbridge, session, "hook.test", found, {"event": event_id})
    messaging = Messaging(planbridge)
    with planbridge.session() as session:
        sent = HookRepository(session).delivery_of(endpoint, event_id)
    result = messaging.hooks.deliver_once(sent)
    give_up = time.monotonic() + _PATIENCE
    while result.state is DeliveryState.WAITING and not result.reason:
        if time.monotonic() > give_up:
            break
        time.sleep(0.2)  # the running service was faster and has it in hand
        result = messaging.hooks.deliver_once(sent)
    if result.state is not DeliveryState.DELIVERED:
        raise TestNotTaken(reason=f"{result.reason}.", answer=result.answer)
    console.print(f"{endpoint} has taken {event_id} ({result.status_code}).", markup=False)


@app.command()
def deliveries(
    endpoint: Annotated[str | None, typer.Option(help="Only to this endpoint.")] = None,
    network: Annotated[str | None, typer.Option(help="Only of this network.")] = None,
    state: Annotated[list[DeliveryState] | None, typer.Option(help="Only in these states.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what was sent, what waits and what was given up, newest first.

    Example: planbridge hooks deliveries --state failed
    """
    planbridge = open_app()
    chosen = planbridge.network(network).key if network else None
    with planbridge.session() as session:
        found = HookRepository(session).deliveries(
            network_id=chosen, endpoint_id=endpoint, states=state, limit=limit
        )
    rows = [_sent(*row) for row in found]
    if as_json:
        print_json(rows)
    else:
        _print_deliveries(rows)


@app.command()
def replay(
    endpoint: Endpoint,
    event: Annotated[list[str] | None, typer.Option(help="Id of an event; repeatable.")] = None,
    since: Annotated[str | None, typer.Option(help="Events from this time on (UTC).")] = None,
    until: Annotated[str | None, typer.Option(help="Events before this time (UTC).")] = None,
    state: Annotated[
        list[DeliveryState] | None, typer.Option(help="Only what is in these states.")
    ] = None,
) -> None:
    """Send events again, with the ids they had. They are kept for 30 days.

    Example: planbridge hooks replay hook_0123456789abcdef --since 2026-11-24 --state failed
    """
    if not event and since is None and state is None:
        raise typer.BadParameter("Say which: --event, --since or --state.")
    planbridge = open_app()
    with planbridge.session() as session:
        hooks = HookRepository(session)
        found = hooks.get(endpoint)
        count = hooks.replay(
            found,
            now=planbridge.clock(),
            event_ids=event or (),
            since=parse_moment(since) if since else None,
            until=parse_moment(until) if until else None,
            states=state,
        )
        asked = {
            "event": event,
            "since": since,
            "until": until,
            "state": [one.value for one in state or ()],
        }
        detail = {name: value for name, value in asked.items() if value}
        _audit(planbridge, session, "hook.replay", found, {**detail, "count": count})
    console.print(f"{count} events are sent again by the running service.")


@app.command()
def events(
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the page bridge/hooks/EVENTS.md.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List every event, what it means and what it carries.

    Example: planbridge hooks events
    """
    if as_markdown:
        typer.echo(markdown(), nl=False)
    elif as_json:
        print_json(
            [
                {"type": kind.value, "meaning": meaning, "data": fields}
                for kind, (meaning, fields) in MEANINGS.items()
            ]
        )
    else:
        print_table(
            ["event", "what has happened", "data"],
            [(kind.value, meaning, fields) for kind, (meaning, fields) in MEANINGS.items()],
        )


def _audit(
    planbridge: App,
    session: Session,
    action: str,
    endpoint: HookEndpoint,
    detail: Mapping[str, Any] | None = None,
) -> None:
    network = NetworkRepository(session, planbridge.seal).by_id(endpoint.network_id).name
    write_down(planbridge, session, action, network=network, subject=endpoint.id, detail=detail)


def _facts(network: str, row: HookEndpoint) -> dict[str, Any]:
    return {
        "endpoint": row.id,
        "network": network,
        "url": row.url,
        "events": ", ".join(row.types),
        "on": row.enabled,
        "failing_since": row.failing_since,
        "disabled_why": row.disabled_why,
        "created_at": row.created_at,
    }


def _sent(row: HookDelivery, event: OutgoingEvent) -> dict[str, Any]:
    return {
        "event": event.id,
        "type": event.type,
        "happened_at": event.created_at,
        "endpoint": row.endpoint_id,
        "state": row.state.value,
        "attempts": row.attempts,
        "next": row.due_at if row.state is DeliveryState.WAITING else None,
        "status": row.status_code,
        "reason": row.reason,
        "answer": row.answer,
        "data": event.data,
    }


def _print_deliveries(rows: list[dict[str, Any]]) -> None:
    shown = ("event", "type", "happened_at", "endpoint", "state", "attempts", "status", "reason")
    print_table(shown, [[each[name] for name in shown] for each in rows])
