"""Sites whose limits are no longer what was sold: looked at, put right, or accepted."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from bridge.domain.limit_diff import differences
from bridge.errors import InvalidInput
from bridge.store.drift import find, findings, load_scan, set_policy, unsolved
from bridge.store.networks import NetworkRepository
from bridge.store.tables import DriftFinding, DriftPolicy, DriftState
from bridge.web.console.frame import console_page, done
from bridge.web.console.sessions import SIGNED_IN, AnActor, AReader
from bridge.web.console.setup import TheConsole
from bridge.web.pages.forms import OwnForm
from bridge.web.pages.languages import Language
from bridge.web.pages.wording import item_label, recorded
from bridge.web.service import ASession, TheNetwork, TheService
from sync.acceptance import accept as accept_site
from sync.repairs import repair as repair_sites

router = APIRouter(prefix="/console", dependencies=SIGNED_IN)
_SHOWN = 200
_AT_ONCE = 25
_UNSOLVED = (DriftState.OPEN, DriftState.STUCK)


@dataclass(frozen=True, slots=True)
class Row:
    """A site of the matrix: its finding, and by limit module what differs there."""

    finding: DriftFinding
    cells: dict[str, list[str]]


@router.get("/drift")
def all_drift(request: Request, who: AReader, session: ASession, service: TheService) -> Response:
    """Every network: how many of its sites differ."""
    differing = dict(unsolved(session))
    networks = [
        (network, differing.get(network.name, 0), load_scan(session, network.key))
        for network in NetworkRepository(session, service.seal).list()
    ]
    return console_page(request, "drift.html", who, {"networks": networks}, section="drift")


@router.get("/networks/{network}/drift")
def show_drift(request: Request, network: TheNetwork, who: AReader, session: ASession) -> Response:
    """Site by limit: what is in force beside what was sold."""
    found = findings(session, network.key)
    rows = [_row(one, who.language) for one in found[:_SHOWN]]
    modules = list(dict.fromkeys(module for row in rows for module in row.cells))
    context = {
        "network": network,
        "rows": rows,
        "modules": [(module, item_label(who.language, module)) for module in modules],
        "left": max(len(found) - _SHOWN, 0),
        "unsolved": sum(one.state in _UNSOLVED for one in found),
        "scan": load_scan(session, network.key),
        "policies": [*DriftPolicy],
        "at_once": _AT_ONCE,
    }
    return console_page(request, "network_drift.html", who, context, section="drift")


@router.post("/networks/{network}/drift/repair")
def repair(
    network: TheNetwork,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    service: TheService,
    console: TheConsole,
) -> Response:
    """Write the own limits row of one site, or of the first that differ, and read it back."""
    chosen = str(form.get("site", ""))
    if chosen.isdecimal():
        sites = [int(chosen)]
    else:
        found = findings(session, network.key, states=_UNSOLVED)
        sites = [one.site_id for one in found[:_AT_ONCE]]
    with_membership = form.get("with_membership") == "yes"
    who.audit(
        session,
        "drift.repair",
        network=network.name,
        subject=", ".join(f"site {site}" for site in sites),
        detail={"with_membership": with_membership},
    )
    session.commit()  # before the network is written to, which is no transaction of ours
    repairs = []
    if sites:
        with console.client(network) as client:
            repairs = repair_sites(
                service.store,
                network,
                client,
                clock=service.clock,
                sites=sites,
                with_membership=with_membership,
            )
    states = {one.state for one in repairs}
    what = next(
        (each.value for each in (DriftState.STUCK, DriftState.REPAIRED) if each in states),
        "nothing",
    )
    return done(f"/console/networks/{network.name}/drift", what)


@router.post("/networks/{network}/drift/accept")
def accept(
    network: TheNetwork,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    service: TheService,
    console: TheConsole,
) -> Response:
    """Take what a site shows for what was sold."""
    chosen = str(form.get("site", ""))
    if not chosen.isdecimal() or find(session, network.key, int(chosen)) is None:
        raise InvalidInput(what="the site", why="nothing was found there")
    who.audit(session, "drift.accept", network=network.name, subject=f"site {chosen}")
    session.commit()
    with console.client(network) as client:
        accept_site(service.store, network, client, site_id=int(chosen), clock=service.clock)
    return done(f"/console/networks/{network.name}/drift", "accepted")


@router.post("/networks/{network}/drift/scan")
def scan(
    network: TheNetwork, who: AnActor, form: OwnForm, session: ASession, console: TheConsole
) -> Response:
    """Look at all sites of the network now."""
    who.audit(session, "drift.scan", network=network.name)
    session.commit()
    console.jobs.ask(network, "drift")
    return done(f"/console/networks/{network.name}/drift", "asked")


@router.post("/networks/{network}/drift/policy")
def policy(network: TheNetwork, who: AnActor, form: OwnForm, session: ASession) -> Response:
    """Decide whether scans repair what they find."""
    choice = str(form.get("policy", ""))
    if choice not in set(DriftPolicy):
        raise InvalidInput(what="the policy", why="expected report or repair")
    set_policy(session, network.key, DriftPolicy(choice))
    who.audit(session, "drift.policy", network=network.name, detail={"policy": choice})
    session.commit()
    return done(f"/console/networks/{network.name}/drift", "saved")


def _row(finding: DriftFinding, language: Language) -> Row:
    cells: dict[str, list[str]] = {}
    if finding.state in _UNSOLVED:
        for one in differences(finding.expected, finding.shown):
            cells.setdefault(one.module, []).append(recorded(language, one.sentence))
    return Row(finding, cells)
