"""What runs by itself: when it is due, how it ended, held, let go on, or run now."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from bridge.store import schedules
from bridge.web.console.frame import console_page, done
from bridge.web.console.overview import duration
from bridge.web.console.sessions import SIGNED_IN, AnActor, AReader
from bridge.web.console.setup import ConsoleSetup, TheConsole
from bridge.web.pages.forms import OwnForm
from bridge.web.service import ASession, TheNetwork, TheService
from sync.schedules import UnknownJob
from sync.standings import standings

router = APIRouter(prefix="/console", dependencies=SIGNED_IN)
_PATH = "/console/schedules"


@router.get("/schedules")
def list_schedules(
    request: Request, who: AReader, service: TheService, console: TheConsole
) -> Response:
    """Every job of every network."""
    rows = standings(service.store, console.jobs, now=service.clock())
    context = {
        "rows": [
            (row, duration(row.lag.total_seconds(), who.language) if row.lag else "")
            for row in rows
        ]
    }
    return console_page(request, "schedules.html", who, context, section="schedules")


@router.post("/networks/{network}/schedules/{job}/pause")
def pause(
    network: TheNetwork,
    job: str,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    console: TheConsole,
) -> Response:
    """Hold a job, or let it go on (``paused`` not yes)."""
    _require(console, job)
    paused = form.get("paused") == "yes"
    schedules.pause(session, network.key, [job], paused=paused)
    what = "schedule.pause" if paused else "schedule.resume"
    who.audit(session, what, network=network.name, subject=job)
    session.commit()
    return done(_PATH, "paused" if paused else "resumed")


@router.post("/networks/{network}/schedules/{job}/run")
def run(
    network: TheNetwork,
    job: str,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    console: TheConsole,
) -> Response:
    """Run a job now, paused or not."""
    _require(console, job)
    who.audit(session, "schedule.run", network=network.name, subject=job)
    session.commit()
    console.jobs.ask(network, job)
    return done(_PATH, "asked")


def _require(console: ConsoleSetup, job: str) -> None:
    if job not in {one.name for one in console.jobs.jobs}:
        raise UnknownJob(job=job)
