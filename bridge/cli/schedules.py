"""``planbridge schedules``: what runs by itself, when it did last, and how that ended."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bridge.cli.printing import console, print_json, print_table
from bridge.errors import PlanbridgeError
from bridge.jobs import schedules as scheduled
from bridge.store import schedules as store
from bridge.wiring import open_app
from sync.schedules import UnknownJob
from sync.standings import Standing, standings

app = typer.Typer(help="Schedules: what runs by itself.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NETWORK", help="Name of the network.")]
JobName = Annotated[str, typer.Argument(metavar="JOB", help="Name of the job.")]
Jobs = Annotated[list[str] | None, typer.Argument(metavar="[JOB]...", help="All unless given.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class JobFailed(PlanbridgeError):
    """The job {job} of {network} failed: {result}"""


@app.command("list")
def list_schedules(
    network: Annotated[str | None, typer.Option(help="Only those of this network.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show every job of every network: when it is due, how late, and how it ended last.

    Example: planbridge schedules list --network main
    """
    planbridge = open_app()
    wanted = planbridge.network(network).key if network else None
    jobs = scheduled(planbridge)
    found = standings(planbridge.engine, jobs, now=planbridge.clock(), network_id=wanted)
    facts = [_facts(each) for each in found]
    if as_json:
        print_json(facts)
        return
    shown = ("network", "job", "rhythm", "state", "due", "lag", "last success", "last result")
    print_table(shown, [[each[name] for name in shown] for each in facts])


@app.command()
def pause(name: Name, jobs: Jobs = None) -> None:
    """Hold jobs of a network; what is under way comes to its end.

    Example: planbridge schedules pause main drift
    """
    _pause(name, jobs, paused=True)


@app.command()
def resume(name: Name, jobs: Jobs = None) -> None:
    """Let held jobs of a network go on.

    Example: planbridge schedules resume main
    """
    _pause(name, jobs, paused=False)


@app.command()
def run(name: Name, job: JobName) -> None:
    """Run a job here and now, even if it is paused or not due.

    Example: planbridge schedules run main changes
    """
    planbridge = open_app()
    ended = scheduled(planbridge).run(planbridge.network(name), job)
    if ended.succeeded is False:
        raise JobFailed(job=job, network=name, result=ended.result)
    console.print(f"{job} of {name}: {ended.result}", markup=False)


def _pause(name: str, jobs: list[str] | None, *, paused: bool) -> None:
    planbridge = open_app()
    network = planbridge.network(name)
    all_jobs = scheduled(planbridge)
    all_jobs.ensure()
    known = [job.name for job in all_jobs.jobs]
    for job in jobs or ():
        if job not in known:
            raise UnknownJob(job=job)
    with planbridge.session() as session:
        store.pause(session, network.key, jobs or known, paused=paused)
    verb = "Paused" if paused else "Resumed"
    console.print(f"{verb} {', '.join(jobs or known)} of {name}.")


def _facts(one: Standing) -> dict[str, Any]:
    row = one.row
    return {
        "network": one.network.name,
        "job": row.job,
        "rhythm": one.rhythm,
        "state": f"running on {one.running_by}" if one.running_by else one.state,
        "due": row.due_at,
        "lag": f"{int(one.lag.total_seconds())} s" if one.lag else None,
        "last success": row.succeeded_at,
        "last result": row.result,
        "last run": row.finished_at,
        "failures": row.failures,
    }
