"""``planbridge changes``: what is under way, what waits for the operator, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from sqlmodel import Session

from bridge.cli.printing import console, money, print_json, print_table
from bridge.store.changes import ChangeRepository
from bridge.store.tables import Change, ChangeState, ChangeStep
from bridge.upgrades.intent import retry_change, revoke_change
from bridge.wiring import App, open_app

app = typer.Typer(help="Changes: list, show, retry, revoke.", no_args_is_help=True)

ChangeId = Annotated[str, typer.Argument(help="Id of the change, such as `chg_…`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would become of it.")]


@app.command("list")
def list_changes(
    network: Annotated[str | None, typer.Option(help="Only those of this network.")] = None,
    state: Annotated[
        list[ChangeState] | None, typer.Option(help="Only these states; may be repeated.")
    ] = None,
    membership: Annotated[int | None, typer.Option(help="Only those of this membership.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show changes, newest first.

    Example: planbridge changes list --state attention
    """
    planbridge = open_app()
    network_id = planbridge.network(network).key if network else None
    with planbridge.session() as session:
        changes = ChangeRepository(session).list(
            network_id=network_id, states=state, membership_id=membership, limit=limit
        )
    names = _network_names(planbridge)
    if as_json:
        print_json([_facts(change, names) for change in changes])
        return
    print_table(
        ["change", "network", "membership", "kind", "state", "due", "created", "reason"],
        [
            (
                change.id,
                names[change.network_id],
                change.membership_id,
                change.kind,
                change.state.value,
                money(change.amount_due, change.currency),
                change.created_at,
                change.reason,
            )
            for change in changes
        ],
    )


@app.command()
def show(change_id: ChangeId, as_json: AsJson = False) -> None:
    """Show a change with every step that was taken and what was seen.

    Example: planbridge changes show chg_0123 --json
    """
    planbridge = open_app()
    with planbridge.session() as session:
        changes = ChangeRepository(session)
        change = changes.get(change_id)
        steps = changes.steps(change_id)
    facts = _facts(change, _network_names(planbridge))
    if as_json:
        print_json({**facts, "target": change.target, "steps": [_step(step) for step in steps]})
        return
    print_table(["what", "value"], facts.items())
    print_table(
        ["step", "subject", "state", "tries", "ended", "note"],
        [
            (
                step.name,
                step.subject,
                step.state,
                step.attempts,
                step.finished_at,
                step.detail.get("reason"),
            )
            for step in steps
        ],
    )


@app.command()
def retry(change_id: ChangeId, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Try a change again now, after its cause was removed; `planbridge serve` does the work.

    Example: planbridge changes retry chg_0123
    """
    planbridge = open_app()
    if not dry_run:
        planbridge.upgrade_engine().retry(change_id)
    with Session(planbridge.engine) as session:
        # What a dry run has done is never committed.
        change = (
            retry_change(session, change_id, planbridge.clock())
            if dry_run
            else ChangeRepository(session).get(change_id)
        )
        facts = {"id": change.id, "state": change.state.value, "dry_run": dry_run}
    said = "would be tried again" if dry_run else "is tried again"
    _tell(facts, f"{change_id} {said}: planbridge changes show {change_id}", as_json=as_json)


@app.command()
def revoke(change_id: ChangeId, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Take back a change that is scheduled, waits for its payment, or was never begun.

    What was asked of Stripe for it is taken back by `planbridge serve`.

    Example: planbridge changes revoke chg_0123
    """
    planbridge = open_app()
    with Session(planbridge.engine) as session:
        change = revoke_change(session, change_id, planbridge.clock())
        facts = {
            "id": change.id,
            "state": change.state.value,
            "reason": change.reason,
            "dry_run": dry_run,
        }
        if not dry_run:
            session.commit()
    said = "would be " if dry_run else ""
    _tell(facts, f"{change_id}: {said}{facts['reason']}.", as_json=as_json)


def _tell(facts: Mapping[str, Any], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(facts)
    else:
        console.print(sentence)


def _network_names(planbridge: App) -> Mapping[int, str]:
    return {network.key: network.name for network in planbridge.networks()}


def _facts(change: Change, names: Mapping[int, str]) -> dict[str, Any]:
    paid = change.amount_paid
    return {
        "id": change.id,
        "network": names[change.network_id],
        "membership": change.membership_id,
        "quote": change.quote_id,
        "kind": change.kind,
        "state": change.state.value,
        "reason": change.reason,
        "due": money(change.amount_due, change.currency),
        "paid": None if paid is None else money(paid, change.currency),
        "payment": change.payment_key,
        "created": change.created_at,
        "effective": change.effective_at,
        "paid at": change.paid_at,
        "applied": change.applied_at,
        "proven": change.proven_at,
    }


def _step(step: ChangeStep) -> dict[str, Any]:
    return {
        "name": step.name,
        "subject": step.subject,
        "state": step.state,
        "tries": step.attempts,
        "started": step.started_at,
        "ended": step.finished_at,
        "detail": step.detail,
    }
