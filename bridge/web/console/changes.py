"""Changes: what is under way, every step of one, and what the operator may do to it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from bridge.errors import InvalidInput, UnknownChange
from bridge.store.changes import ChangeRepository
from bridge.store.collections import CollectionRepository
from bridge.store.events import EventFilter, EventRepository
from bridge.store.networks import NetworkRepository
from bridge.store.tables import Change, ChangeState, Network
from bridge.upgrades.closing import close_change
from bridge.upgrades.intent import retry_change, revoke_change
from bridge.web.console.frame import console_page, done
from bridge.web.console.sessions import SIGNED_IN, AnActor, AReader
from bridge.web.pages.forms import OwnForm
from bridge.web.service import ASession, TheNetwork, TheService

router = APIRouter(prefix="/console", dependencies=SIGNED_IN)
_PAGE = 100


@router.get("/changes")
def list_changes(
    request: Request,
    who: AReader,
    session: ASession,
    service: TheService,
    state: str = "",
    network: str = "",
) -> Response:
    """Changes, newest first."""
    networks = NetworkRepository(session, service.seal)
    found = ChangeRepository(session).list(
        network_id=networks.get(network).key if network else None,
        states=[ChangeState(state)] if state in set(ChangeState) else None,
        limit=_PAGE,
    )
    context = {
        "changes": found,
        "networks": networks.list(),
        "names": {one.key: one.name for one in networks.list()},
        "states": [*ChangeState],
        "chosen": {"state": state, "network": network},
    }
    return console_page(request, "changes.html", who, context, section="changes")


@router.get("/networks/{network}/changes/{change_id}")
def show_change(
    request: Request, network: TheNetwork, change_id: str, who: AReader, session: ASession
) -> Response:
    """One change with its steps, its payment and its events."""
    change = _change(session, network, change_id)
    context = {
        "network": network,
        "change": change,
        "steps": ChangeRepository(session).steps(change_id),
        "collection": CollectionRepository(session).find(change_id),
        "events": EventRepository(session.connection()).list(EventFilter(change_id=change_id)),
    }
    return console_page(request, "change.html", who, context, section="changes")


@router.post("/networks/{network}/changes/{change_id}/retry")
def retry(
    network: TheNetwork,
    change_id: str,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    service: TheService,
) -> Response:
    """Try a change again, now."""
    before = _change(session, network, change_id)
    change = retry_change(session, change_id, service.clock())
    who.audit(
        session,
        "change.retry",
        network=network.name,
        membership_id=before.membership_id,
        subject=change_id,
    )
    session.commit()
    if change.state is ChangeState.ACCEPTED:
        service.upgrades.wake(change_id)
    else:
        service.upgrades.retry(change_id)
    return done(_path(network, change_id), "retried")


@router.post("/networks/{network}/changes/{change_id}/revoke")
def revoke(
    network: TheNetwork,
    change_id: str,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    service: TheService,
) -> Response:
    """Take a change back of which nothing was written."""
    before = _change(session, network, change_id)
    revoke_change(session, change_id, service.clock())
    who.audit(
        session,
        "change.revoke",
        network=network.name,
        membership_id=before.membership_id,
        subject=change_id,
    )
    session.commit()
    service.wake_collecting()
    return done(_path(network, change_id), "revoked")


@router.post("/networks/{network}/changes/{change_id}/close")
def close(
    network: TheNetwork,
    change_id: str,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    service: TheService,
) -> Response:
    """Close by hand what waits for the operator, as done or as failed, saying why."""
    _change(session, network, change_id)
    how, why = _how(form), str(form.get("why", ""))
    change = close_change(session, change_id, done=how == "done", why=why, now=service.clock())
    who.audit(
        session,
        "change.close",
        network=network.name,
        membership_id=change.membership_id,
        subject=change_id,
        detail={"as": change.state.value, "why": why.strip()[:500]},
    )
    session.commit()
    service.wake_collecting()
    return done(_path(network, change_id), "closed")


@router.post("/networks/{network}/changes/{change_id}/collect")
def collect(
    network: TheNetwork,
    change_id: str,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    service: TheService,
) -> Response:
    """Charge the card on file, or open a payment page for the customer. Never twice."""
    change = _change(session, network, change_id)
    who.audit(
        session,
        "change.collect",
        network=network.name,
        membership_id=change.membership_id,
        subject=change_id,
        detail={"due": change.amount_due, "currency": change.currency},
    )
    session.commit()  # before Stripe is asked, which is not part of any transaction
    collected = service.collecting.collect(network, change_id)
    return done(_path(network, change_id), "collected" if collected.paid else "waits")


def _change(session: ASession, network: Network, change_id: str) -> Change:
    change = ChangeRepository(session).find(change_id)
    if change is None or change.network_id != network.key:
        raise UnknownChange(change=change_id)
    return change


def _how(form: FormData) -> str:
    how = str(form.get("as", ""))
    if how not in ("done", "failed"):
        raise InvalidInput(what="closing a change", why="expected done or failed")
    return how


def _path(network: Network, change_id: str) -> str:
    return f"/console/networks/{network.name}/changes/{change_id}"
