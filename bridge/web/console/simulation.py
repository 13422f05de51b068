"""What becomes of a membership months ahead, on copies: nothing real is touched."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from bridge.errors import Conflict, InvalidInput
from bridge.simulation.script import Script, Wish
from bridge.store.readers import load_catalogue, membership_record
from bridge.web.console.frame import console_page
from bridge.web.console.sessions import SIGNED_IN, AnActor, AReader
from bridge.web.console.setup import TheConsole
from bridge.web.pages.forms import OwnForm
from bridge.web.service import ASession, Service, TheNetwork, TheService

router = APIRouter(
    prefix="/console/networks/{network}/memberships/{membership_id}/simulation",
    dependencies=SIGNED_IN,
)

_MONTHS = 36
_one = threading.Lock()


class SimulationRuns(Conflict):
    """Another simulation is running."""

    hint = "It takes seconds; try again when it has ended."


@router.get("")
def ask(
    request: Request, network: TheNetwork, membership_id: int, who: AReader, session: ASession
) -> Response:
    """What to simulate."""
    record = membership_record(session, network.key, membership_id)
    catalogue = load_catalogue(session, network.key)
    context = {
        "network": network,
        "member": record,
        "products": [*catalogue.products.values()],
        "timeline": None,
    }
    return console_page(request, "simulation.html", who, context, section="memberships")


@router.post("")
def simulate(
    request: Request,
    network: TheNetwork,
    membership_id: int,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    service: TheService,
    console: TheConsole,
) -> Response:
    """Run it and print the timeline."""
    record = membership_record(session, network.key, membership_id)
    catalogue = load_catalogue(session, network.key)
    script = _script(form, service)
    who.audit(
        session,
        "membership.simulate",
        network=network.name,
        membership_id=membership_id,
        detail={"months": script.months},
    )
    session.commit()
    if not _one.acquire(blocking=False):
        raise SimulationRuns
    try:
        timeline = console.simulate(network, membership_id, script)
    finally:
        _one.release()
    context = {
        "network": network,
        "member": record,
        "products": [*catalogue.products.values()],
        "timeline": timeline,
    }
    return console_page(request, "simulation.html", who, context, section="memberships")


def _script(form: FormData, service: Service) -> Script:
    months = _number(form, "months") or 12
    if not 1 <= months <= _MONTHS:
        raise InvalidInput(what="the months", why=f"expected 1 to {_MONTHS}")
    product, at = str(form.get("product", "")), str(form.get("at", ""))
    wishes: tuple[Wish, ...] = ()
    begins = service.clock().replace(microsecond=0)
    if product:
        wishes = (Wish(max(_day(at), begins) if at else begins, (product,)),)
    fail = _number(form, "fail")
    return Script(
        begins=begins,
        months=months,
        wishes=wishes,
        fail_in=frozenset({fail} if fail else ()),
        unpaid_from=_number(form, "unpaid") or None,
    )


def _number(form: FormData, name: str) -> int:
    text = str(form.get(name, "")).strip()
    if not text:
        return 0
    if not text.isdecimal() or len(text) > 4:
        raise InvalidInput(what=name, why="expected a number of months")
    return int(text)


def _day(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(what=repr(text), why="expected a day such as 2026-03-01") from None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
