"""``planbridge adopt``: take over memberships that the plugin's own gateway bills."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import typer
from rich.progress import track

from bridge.cli.printing import console, print_json, print_table
from bridge.domain.adoption import AFTERWARDS, Adoption, Endpoint, Verdict
from bridge.payments.adoption import BilledAtStripe
from bridge.payments.faults import StripeKeyMissing
from bridge.store.adoptions import AdoptionRepository
from bridge.store.tables import AdoptionRecord, AdoptionStep
from bridge.upgrades.adopting import Adopting, Outcome
from bridge.upgrades.adoption_ground import Ground
from bridge.wiring import open_app

app = typer.Typer(
    help="Memberships billed by the plugin: plan, run, revert, status.", no_args_is_help=True
)

T = TypeVar("T")

NetworkName = Annotated[str, typer.Argument(metavar="NETWORK", help="Name of the network.")]
Members = Annotated[
    list[int] | None,
    typer.Option("--membership", help="Only this one; may be repeated.", metavar="ID"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]


@app.command()
def plan(network: NetworkName, membership: Members = None, as_json: AsJson = False) -> None:
    """Show for each membership what would be written and why it is safe. Writes nothing.

    Exit code 1 when one cannot be taken over.

    Example: planbridge adopt plan main --membership 12
    """
    with _adopting(network) as (adopting, ground):
        ids = membership or adopting.candidates()
        decided = list(_shown(adopting.plan(ids), len(ids), quiet=as_json))
        listening = ground.stripe.endpoints(ground.network.url)
    if as_json:
        print_json(
            {
                "memberships": [_decision(each) for each in decided],
                "afterwards": list(AFTERWARDS),
                "plugin_endpoints": [_endpoint(each) for each in listening],
            }
        )
    else:
        _print_plan(decided, listening)
    if any(each.verdict is Verdict.REFUSE for each in decided):
        raise typer.Exit(1)


@app.command()
def run(
    network: NetworkName,
    membership: Members = None,
    endpoint_off: Annotated[
        bool,
        typer.Option(
            "--endpoint-off",
            help="Then disable the plugin's webhook endpoint at Stripe, if nothing needs it. "
            "The plugin hears of no new sign-up paid by Stripe any more, either.",
        ),
    ] = False,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Take memberships over: all that can be, or those named. Interrupted, run it again.

    Exit code 1 when one was not taken over.

    Example: planbridge adopt run main --endpoint-off
    """
    if dry_run:
        plan(network, membership, as_json)
        return
    disabled: list[Endpoint] = []
    with _adopting(network) as (adopting, _):
        ids = membership or adopting.candidates()
        outcomes = list(_shown(adopting.run(ids), len(ids), quiet=as_json))
        _print_outcomes(outcomes, quiet=as_json)
        if endpoint_off:
            disabled = adopting.disable_endpoints()
    if as_json:
        print_json(
            {
                "memberships": [_outcome(each) for each in outcomes],
                "endpoints_disabled": [_endpoint(each) for each in disabled],
            }
        )
    for each in () if as_json else disabled:
        console.print(f"Disabled at Stripe: {each.url} ({each.id}).", markup=False)
    _exit_unless_done(outcomes)


@app.command()
def revert(
    network: NetworkName,
    membership: Members = None,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Give memberships back to the plugin: all that were taken over, or those named.

    The plugin's webhook endpoint is enabled first, if planbridge disabled it. Exit code 1
    when one was not given back.

    Example: planbridge adopt revert main --membership 12
    """
    with _adopting(network) as (adopting, ground):
        ids = membership or adopting.taken()
        if dry_run:
            _print_way_back(ground, ids, as_json=as_json)
            return
        outcomes = list(_shown(adopting.revert(ids), len(ids), quiet=as_json))
    if as_json:
        print_json({"memberships": [_outcome(each) for each in outcomes]})
    _print_outcomes(outcomes, quiet=as_json)
    _exit_unless_done(outcomes)


@app.command()
def status(network: NetworkName, membership: Members = None, as_json: AsJson = False) -> None:
    """Show what was taken over and, for named memberships, every step. Asks nobody.

    Example: planbridge adopt status main --membership 12
    """
    planbridge = open_app()
    place = planbridge.network(network)
    with planbridge.session() as session:
        adoptions = AdoptionRepository(session, place.key)
        records = [
            each for each in adoptions.every() if not membership or each.membership_id in membership
        ]
        steps = [step for one in membership or () for step in adoptions.steps(one)]
        disabled = adoptions.disabled_endpoints()
    if as_json:
        print_json(
            {
                "memberships": [_record(each) for each in records],
                "steps": [_step(each) for each in steps],
                "endpoints_disabled": [each.url for each in disabled],
            }
        )
        return
    print_table(
        ["membership", "state", "gateway", "subscription", "begun", "taken over", "note"],
        [list(_record(each).values())[:7] for each in records],
    )
    if steps:
        print_table(
            ["at", "membership", "step", "what"], [list(_step(each).values()) for each in steps]
        )
    for each in disabled:
        console.print(f"Disabled at Stripe: {each.url} ({each.endpoint_id}).", markup=False)


@contextmanager
def _adopting(name: str) -> Iterator[tuple[Adopting, Ground]]:
    planbridge = open_app()
    network = planbridge.network(name)
    account = planbridge.stripe_account(network)
    if account is None:
        raise StripeKeyMissing(network=name)
    with planbridge.client(network) as client:
        ground = Ground(
            store=planbridge.engine,
            network=network,
            client=client,
            stripe=BilledAtStripe(account),
            clock=planbridge.clock,
        )
        yield Adopting(ground), ground


def _shown(work: Iterable[T], total: int, *, quiet: bool) -> Iterable[T]:
    """A bar on a terminal."""
    if quiet or not console.is_terminal:
        return work
    return track(work, description="memberships", total=total, console=console)


def _print_plan(decided: Sequence[Adoption], listening: Sequence[Endpoint]) -> None:
    print_table(
        ["membership", "gateway", "subscription", "", "writes", "why"],
        [
            (
                each.membership_id,
                each.gateway,
                each.subscription_id,
                each.verdict.value,
                _writes(each),
                " ".join((each.reason, *each.notes)),
            )
            for each in decided
        ],
    )
    back = next((each.way_back for each in decided if each.way_back), ())
    if back:
        _print_list("Afterwards:", AFTERWARDS)
        _print_list("The way back (planbridge adopt revert):", back)
    _print_list(
        "The plugin listens to Stripe at:",
        [f"{each.url} ({'enabled' if each.enabled else 'disabled'})" for each in listening]
        or ["no endpoint that planbridge recognises"],
    )


def _print_way_back(ground: Ground, ids: Sequence[int], *, as_json: bool) -> None:
    with ground.adoptions() as adoptions:
        records = [record for one in ids if (record := adoptions.find(one)) is not None]
        disabled = [each.url for each in adoptions.disabled_endpoints()]
    rows = [
        {
            "membership": each.membership_id,
            "state": each.state.value,
            "metadata_off": each.subscription_id,
            "written_back": {name: each.before[name] for name in each.writes},
        }
        for each in records
    ]
    if as_json:
        print_json({"endpoints_enabled": disabled, "memberships": rows})
        return
    print_table(list(rows[0]) if rows else ["membership"], [list(row.values()) for row in rows])
    _print_list("Enabled again at Stripe first:", disabled or ["nothing"])


def _print_outcomes(outcomes: Sequence[Outcome], *, quiet: bool) -> None:
    if quiet:
        return
    print_table(
        ["membership", "state", "why"],
        [
            (each.membership_id, each.state.value if each.state else "left", each.reason)
            for each in outcomes
        ],
    )


def _print_list(title: str, lines: Iterable[str]) -> None:
    console.print(title, markup=False)
    for line in lines:
        console.print(f"  - {line}", markup=False)


def _exit_unless_done(outcomes: Sequence[Outcome]) -> None:
    if not all(each.done for each in outcomes):
        raise typer.Exit(1)


def _writes(adoption: Adoption) -> str:
    if adoption.verdict is not Verdict.TAKE:
        return ""
    network = [f"{name}={value}" for name, value in adoption.writes.items()]
    stripe = [f"{name}={value}" for name, value in adoption.marks.items()]
    return "; ".join(
        (
            f"network: {', '.join(network) or 'nothing'}",
            f"Stripe metadata: {', '.join(stripe) or 'nothing'}",
        )
    )


def _decision(adoption: Adoption) -> dict[str, Any]:
    return {
        "membership": adoption.membership_id,
        "gateway": adoption.gateway,
        "subscription": adoption.subscription_id,
        "verdict": adoption.verdict.value,
        "why": adoption.reason,
        "notes": list(adoption.notes),
        "network_writes": dict(adoption.writes),
        "stripe_metadata": dict(adoption.marks),
        "way_back": list(adoption.way_back),
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "membership": outcome.membership_id,
        "state": outcome.state.value if outcome.state else None,
        "done": outcome.done,
        "why": outcome.reason,
    }


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    return {"id": endpoint.id, "url": endpoint.url, "enabled": endpoint.enabled}


def _record(record: AdoptionRecord) -> dict[str, Any]:
    return {
        "membership": record.membership_id,
        "state": record.state.value,
        "gateway": record.gateway,
        "subscription": record.subscription_id,
        "begun": record.begun_at,
        "taken_over": record.adopted_at,
        "note": record.reason,
        "given_back": record.reverted_at,
        "before": record.before,
        "writes": record.writes,
    }


def _step(step: AdoptionStep) -> dict[str, Any]:
    return {
        "at": step.at,
        "membership": step.membership_id,
        "step": step.name,
        "what": step.detail,
    }
