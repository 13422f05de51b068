"""``planbridge sync``: bring the mirror of a network up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from bridge.cli.printing import console, print_json, print_table
from bridge.errors import InvalidInput, NetworkError
from bridge.network.entities import Entity
from bridge.network.faults import Fault
from bridge.store.tables import Network
from bridge.wiring import App, open_app
from sync.passes import ENTITIES, run
from sync.results import PageDone, SyncResult
from sync.results import Progress as OnPage

_LONG = 120


class RestWanted(NetworkError):
    """The network {network} asks to be left alone for {wait}; the sync stands where it stopped."""

    hint = (
        "Run the same command again after {at} UTC: it goes on from there. `planbridge serve` "
        "does so by itself."
    )
    exit_code = 75  # EX_TEMPFAIL: come again later


class RowsLeft(NetworkError):
    """The mirror of {network} lacks {count} rows that could not be read."""

    hint = "They are listed above; correct them on the network."


def sync(
    name: Annotated[str, typer.Argument(metavar="NETWORK", help="Name of the network.")],
    only: Annotated[
        list[Entity] | None,
        typer.Option(
            help=f"Only this entity, may be repeated: {', '.join(ENTITIES)}.",
            show_choices=False,
            metavar="ENTITY",
        ),
    ] = None,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="Only what changed since the last time.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Mirror a network: products, customers, memberships, sites, codes, payments, domains.

    Interrupted, it goes on where it was; run twice, it changes nothing.

    With --incremental it takes what changed since the last time, in a few small requests;
    what it cannot tell the changes of, it reads whole.

    Example: planbridge sync main --incremental
    """
    for entity in only or ():
        if entity not in ENTITIES:
            raise InvalidInput(what=f"--only {entity}", why="it is not mirrored")
    planbridge = open_app()
    result = mirror(
        planbridge,
        planbridge.network(name),
        only=only,
        incremental=incremental,
        as_json=as_json,
    )
    if result.faults:
        raise rest_wanted(result.faults[0], now=planbridge.clock()) or result.faults[0]
    if not result.complete:
        left = sum(len(each.unreadable) for each in result.entities)
        raise RowsLeft(network=name, count=left)


def rest_wanted(fault: NetworkError, *, now: datetime) -> RestWanted | None:
    """What to say of a network that told how long it is to be left alone; None for others."""
    seconds = fault.retry_after if isinstance(fault, Fault) else None
    if seconds is None:
        return None
    wait = f"{seconds:g} seconds" if seconds < _LONG else f"{seconds / 60:.0f} minutes"
    at = now + timedelta(seconds=seconds)
    return RestWanted(network=fault.fields["network"], wait=wait, at=f"{at:%Y-%m-%d %H:%M:%S}")


def mirror(
    planbridge: App,
    network: Network,
    *,
    only: Sequence[Entity] | None = None,
    incremental: bool = False,
    as_json: bool = False,
) -> SyncResult:
    """Sync a network and print what happens: bars while it runs, a table at the end."""
    with planbridge.client(network) as client, _progress(quiet=as_json) as on_page:
        result = run(
            planbridge.engine,
            network,
            client,
            clock=planbridge.clock,
            entities=only or ENTITIES,
            incremental=incremental,
            progress=on_page,
        )
    if as_json:
        print_json(result.as_json())
    else:
        _print(result)
    return result


def _print(result: SyncResult) -> None:
    print_table(
        ["", "rows", "new", "changed", "removed", "unchanged"],
        (
            [
                _label(each.entity),
                each.rows,
                each.created,
                each.changed,
                each.removed,
                each.unchanged,
            ]
            for each in result.entities
        ),
    )
    for each in result.entities:
        if each.resumed_at is not None:
            console.print(f"{_label(each.entity)}: went on at page {each.resumed_at}")
        if not each.repeated:
            console.print(f"{_label(each.entity)}: done before the interruption")
        for sentence in each.unreadable:
            typer.echo(sentence, err=True)
    for note in result.notes:
        console.print(note)
    for fault in result.faults[1:]:  # the first is the command's own error
        typer.echo(str(fault), err=True)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[OnPage]:
    """Bars on a terminal, a line an entity elsewhere, nothing if ``quiet``."""
    if quiet:
        yield lambda _done: None
    elif console.is_terminal:
        with Progress(
            TextColumn("{task.description:<15}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Speed(),
            TimeRemainingColumn(),
            console=console,
        ) as bars:
            yield _Bars(bars)
    else:
        yield _line


def _line(done: PageDone) -> None:
    if done.complete:
        typer.echo(f"{_label(done.entity)}: {done.rows} rows")
        sys.stdout.flush()


class _Bars:
    """One bar an entity; without a total from the network it only moves."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, done: PageDone) -> None:
        if done.entity not in self._tasks:
            self._tasks[done.entity] = self._bars.add_task(_label(done.entity), total=None)
        total = done.rows if done.complete else done.total
        self._bars.update(self._tasks[done.entity], completed=done.rows, total=total)


class _Speed(ProgressColumn):
    """Rows a second."""

    def render(self, task: Task) -> Text:
        """The speed once there is one."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} rows/s")


def _label(entity: str) -> str:
    return f"{entity.replace('_', ' ')}{'' if entity.endswith('s') else 's'}"
