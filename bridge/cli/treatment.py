"""``planbridge network set``: how a network is to be treated."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import available_timezones

import typer

from bridge.cli.printing import print_json, print_table
from bridge.errors import InvalidInput
from bridge.settings import Settings
from bridge.store.networks import NetworkRepository, network_terms, save_terms
from bridge.store.options import options_of, save_options
from bridge.store.tables import Network
from bridge.wiring import open_app


class Option(StrEnum):
    """What can be left to the installation again."""

    RATE = "rate"
    CONCURRENCY = "concurrency"
    NIGHT = "night"
    GRACE_DAYS = "grace-days"
    HOLD_DAYS = "hold-days"

    @property
    def field(self) -> str:
        """Its name in `bridge.store.options.NetworkOptions`."""
        return self.value.replace("-", "_")


class UnknownTimeZone(InvalidInput):
    """{zone!r} is no time zone."""

    hint = "Expected a name such as Europe/Paris or America/New_York."


def set_options(
    name: Annotated[str, typer.Argument(help="Short name of the network, such as `main`.")],
    rate: Annotated[
        float | None, typer.Option(help="Requests a second at most, by one process; 0: no limit.")
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(help="Requests at the same time at most, by one process; 0: no limit."),
    ] = None,
    night: Annotated[
        str | None,
        typer.Option(
            metavar="HH:MM-HH:MM",
            help="When everything may be read and compared by itself, in the network's time zone.",
        ),
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Time zone of the main site: Europe/Paris.")
    ] = None,
    grace_days: Annotated[
        int | None, typer.Option(help="Days an unpaid renewal changes nothing but its notice.")
    ] = None,
    hold_days: Annotated[
        int | None, typer.Option(help="Days an unpaid membership is on hold before it expires.")
    ] = None,
    reset: Annotated[
        list[Option] | None,
        typer.Option(help="Leave this to the installation again, may be repeated."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be set.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Set how hard and when a network is asked, and how long debts may stand.

    What is not given stays. A running service keeps to it from its next job on.

    Example: planbridge network set main --rate 4 --concurrency 2 --night 01:00-05:00
    --time-zone Europe/Paris
    """
    given: dict[Option, Any] = {
        Option.RATE: rate,
        Option.CONCURRENCY: concurrency,
        Option.NIGHT: night,
        Option.GRACE_DAYS: grace_days,
        Option.HOLD_DAYS: hold_days,
    }
    changes = {option.field: value for option, value in given.items() if value is not None}
    without = frozenset(option.field for option in reset or ())
    if not (changes or without or time_zone):
        raise InvalidInput(what="network set", why="nothing to set was given")
    if changes.keys() & without:
        raise InvalidInput(what="network set", why="the same is to be set and to be reset")
    if time_zone is not None and time_zone not in available_timezones():
        raise UnknownTimeZone(zone=time_zone)
    planbridge = open_app()
    with planbridge.session() as session:
        network = NetworkRepository(session, planbridge.seal).get(name)
        options = options_of(network).with_changes(changes, without=without)
        terms = network_terms(network)
        save_options(session, network, options)
        if time_zone is not None:
            save_terms(session, network, replace(terms, timezone=time_zone))
        shown = treatment(network, planbridge.settings)
        if dry_run:
            session.rollback()
    if as_json:
        print_json(shown)
        return
    typer.echo(f"{'Would be' if dry_run else 'Now'} set for {name}:")
    print_table(["what", "value"], shown.items())


def treatment(network: Network, settings: Settings) -> dict[str, object]:
    """How a network is treated: what was set for it, else what holds for all."""
    options = options_of(network)
    default_rate = settings.network_rate
    return {
        "rate": default_rate if options.rate is None else options.rate,
        "concurrency": options.concurrency or 0,
        "night": options.night,
        "time_zone": network_terms(network).timezone,
        "grace_days": settings.grace_days if options.grace_days is None else options.grace_days,
        "hold_days": settings.hold_days if options.hold_days is None else options.hold_days,
        "set_for_it": sorted(options.as_json()),
    }
