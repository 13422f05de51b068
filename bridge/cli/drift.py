"""``planbridge drift``: sites whose limits are no longer what was sold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from bridge.cli.printing import console, print_json, print_table
from bridge.store.drift import findings, load_scan, set_policy
from bridge.store.tables import DriftFinding, DriftPolicy, DriftScan, DriftState
from bridge.wiring import open_app
from sync import drift
from sync.acceptance import accept as accept_site
from sync.pace import Pace
from sync.repairs import PlannedWrite, Repair
from sync.repairs import repair as repair_sites

app = typer.Typer(help="Drift: limits changed behind our back.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NETWORK", help="Name of the network.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_UNSOLVED = (DriftState.OPEN, DriftState.STUCK)
_EVERY = 100


@app.command()
def scan(
    name: Name,
    pace: Annotated[
        float, typer.Option(min=0, help="Sites a second at most; 0 for no limit.")
    ] = drift.PER_SECOND,
    as_json: AsJson = False,
) -> None:
    """Read every customer's site and compare its limits with the computed ones.

    Interrupted, it goes on where it was. Exit code 1 when sites differ.

    Example: planbridge drift scan main --pace 5
    """
    planbridge = open_app()
    network = planbridge.network(name)
    with planbridge.client(network) as client, _progress(quiet=as_json) as on_site:
        drift.scan(
            planbridge.engine,
            network,
            client,
            clock=planbridge.clock,
            pace=Pace(pace),
            progress=on_site,
        )
    _show(name, as_json=as_json)


@app.command()
def show(
    name: Name,
    history: Annotated[
        bool,
        typer.Option(
            "--all", help="Also what was repaired, and what is gone, of the last 30 days."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the sites that differ. Exit code 1 when there are any.

    Example: planbridge drift show main --json
    """
    _show(name, history=history, as_json=as_json)


@app.command()
def repair(
    name: Name,
    site: Annotated[
        list[int] | None, typer.Option(help="Only this site (blog id); may be repeated.")
    ] = None,
    with_membership: Annotated[
        bool,
        typer.Option(
            "--with-membership",
            help="Where the site's own row is not the cause, write its membership's as well.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be written.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the own limits row of sites that differ, whole, and read them back.

    Without a known override the row is taken away. Exit code 1 when a site still differs.

    Example: planbridge drift repair main --dry-run
    """
    planbridge = open_app()
    network = planbridge.network(name)
    with planbridge.client(network) as client:
        repairs = repair_sites(
            planbridge.engine,
            network,
            client,
            clock=planbridge.clock,
            sites=site or (),
            with_membership=with_membership,
            dry_run=dry_run,
        )
    if as_json:
        print_json({"network": name, "dry_run": dry_run, "sites": [_facts(one) for one in repairs]})
    elif not repairs:
        console.print(f"Nothing to repair; `planbridge drift scan {name}` looks for more.")
    else:
        print_table(
            ["site", "done", "differences", "writes", "note"],
            [
                (
                    one.site_id,
                    one.state,
                    "; ".join(one.differences),
                    "; ".join(_write(write) for write in one.writes),
                    one.note,
                )
                for one in repairs
            ],
        )
    if not dry_run and any(one.differs for one in repairs):
        raise typer.Exit(1)


@app.command()
def accept(
    name: Name,
    site: Annotated[int, typer.Argument(metavar="SITE", help="Blog id of the site.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the row that would be kept.")
    ] = False,
) -> None:
    """Take what a site shows for what was sold: keep its override as a known one.

    Nothing is written to the network. Prints the row as JSON.

    Example: planbridge drift accept main 12
    """
    planbridge = open_app()
    network = planbridge.network(name)
    with planbridge.client(network) as client:
        row = accept_site(
            planbridge.engine,
            network,
            client,
            site_id=site,
            clock=planbridge.clock,
            dry_run=dry_run,
        )
    print_json({"network": name, "site": site, "dry_run": dry_run, "wu_limitations": row})


@app.command()
def policy(
    name: Name,
    choice: Annotated[
        DriftPolicy | None, typer.Argument(help="`report` only, or `repair` what is found.")
    ] = None,
) -> None:
    """Show or decide whether scans repair what they find.

    They never do when so many sites differ that the catalogue must be wrong.

    Example: planbridge drift policy main repair
    """
    planbridge = open_app()
    network = planbridge.network(name)
    with planbridge.session() as session:
        if choice is not None:
            set_policy(session, network.key, choice)
        decided = load_scan(session, network.key).policy
    console.print(f"Drift on {name}: {decided.value}.")


def _show(name: str, *, as_json: bool, history: bool = False) -> None:
    planbridge = open_app()
    network = planbridge.network(name)
    with planbridge.session() as session:
        newest = load_scan(session, network.key)
        found = list(findings(session, network.key))
    unsolved = [each for each in found if each.state in _UNSOLVED]
    ended = [each for each in found if each.state not in _UNSOLVED]
    listed = found if history else unsolved
    if as_json:
        print_json(
            {
                "network": name,
                "scan": newest.model_dump(exclude={"network_id"}),
                "findings": [each.model_dump(exclude={"network_id"}) for each in listed],
            }
        )
    else:
        _print(name, newest, listed)
        _mention(() if history else ended)
    if unsolved:
        raise typer.Exit(1)


def _print(name: str, newest: DriftScan, found: list[DriftFinding]) -> None:
    if newest.started_at is None:
        console.print(f"{name} was never looked at: planbridge drift scan {name}")
    if found:
        print_table(
            ["site", "membership", "state", "found", "what"],
            [
                (
                    each.site_id,
                    each.membership_id,
                    each.state.value,
                    each.found_at,
                    "\n".join(filter(None, [*each.differences, *each.overrides, each.note])),
                )
                for each in found
            ],
        )
    console.print(
        f"{newest.sites} sites looked at: {newest.drifted} differ, {newest.repaired} repaired, "
        f"{newest.gone} gone, {newest.unproven} not judged. Policy: {newest.policy.value}."
    )
    for note in newest.notes:
        console.print(note, markup=False)
    if newest.started_at is not None and newest.finished_at is None:
        console.print(f"The scan was cut off behind site {newest.cursor}; scan again to go on.")


def _mention(ended: Sequence[DriftFinding]) -> None:
    counted = Counter(each.state.value for each in ended)
    if counted:
        listed = ", ".join(f"{count} {state}" for state, count in sorted(counted.items()))
        them = "it" if len(ended) == 1 else "them"
        console.print(f"Found earlier: {listed} (`--all` shows {them}).", markup=False)


def _facts(one: Repair) -> dict[str, Any]:
    return {
        "site": one.site_id,
        "state": one.state,
        "note": one.note,
        "differences": list(one.differences),
        "writes": [
            {
                "entity": write.entity.value,
                "id": write.id,
                "wu_limitations": dict(write.row),
                "only_if": write.only_if,
            }
            for write in one.writes
        ],
    }


def _write(write: PlannedWrite) -> str:
    what = "the row " + ", ".join(write.row) if write.row else "no row (takes the override away)"
    only = f", only if {write.only_if}" if write.only_if else ""
    return f"{write.entity.value} {write.id}: {what}{only}"


@contextmanager
def _progress(*, quiet: bool) -> Iterator[drift.Progress]:
    """A bar on a terminal, a line every hundred sites elsewhere, nothing if ``quiet``."""
    if quiet:
        yield lambda _looked: None
    elif console.is_terminal:
        with Bars(
            TextColumn("sites"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[drifted]} differ"),
            TimeRemainingColumn(),
            console=console,
        ) as bars:
            task = bars.add_task("sites", total=None, drifted=0)
            yield lambda looked: bars.update(
                task, completed=looked.sites, total=looked.total, drifted=looked.drifted
            )
    else:
        yield _line


def _line(looked: drift.Looked) -> None:
    if looked.sites % _EVERY == 0:
        console.print(f"{looked.sites} of {looked.total} sites, {looked.drifted} differ")
