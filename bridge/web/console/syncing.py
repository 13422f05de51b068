"""Syncing a network now, and watching it."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from bridge.store import passes, schedules
from bridge.web.console.frame import console_page, done
from bridge.web.console.sessions import SIGNED_IN, AnActor, AReader
from bridge.web.console.setup import TheConsole
from bridge.web.pages.forms import OwnForm
from bridge.web.service import ASession, TheNetwork, TheService

router = APIRouter(prefix="/console/networks/{network}/sync", dependencies=SIGNED_IN)

_WHOLE, _CHANGES = "mirror", "changes"
_SETTLES = timedelta(seconds=20)


@router.get("")
def watch(
    request: Request,
    network: TheNetwork,
    who: AReader,
    session: ASession,
    service: TheService,
    console: TheConsole,
) -> Response:
    """How far the newest sync is; htmx asks again each second while one runs."""
    rows = [
        row for row in schedules.schedules(session, network.key) if row.job in (_WHOLE, _CHANGES)
    ]
    running = any(row.running_by and console.jobs.is_running(network, row.job) for row in rows)
    run = passes.newest_run(session, network.key)
    asked = request.query_params.get("done") == "asked" and not any(
        row.finished_at and service.clock() - row.finished_at < _SETTLES for row in rows
    )
    ended = max(
        (row for row in rows if row.finished_at),
        key=lambda row: row.finished_at or row.due_at,
        default=None,
    )
    context = {
        "network": network,
        "passes": run,
        "running": running,
        "watch": running or asked,
        "ended": ended,
    }
    name = "sync_state.html" if request.headers.get("HX-Request") == "true" else "sync.html"
    return console_page(request, name, who, context, section="networks")


@router.post("")
def sync_now(
    network: TheNetwork,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    console: TheConsole,
) -> Response:
    """Begin a sync: of everything, or of what changed since the last."""
    job = _CHANGES if form.get("what") == _CHANGES else _WHOLE
    who.audit(session, "network.sync", network=network.name, detail={"job": job})
    session.commit()
    console.jobs.ask(network, job)
    return done(f"/console/networks/{network.name}/sync", "asked")
