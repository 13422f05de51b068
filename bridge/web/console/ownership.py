"""What only an owner may do with a network: give it other keys, and forget it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.payments.client import check_mode
from bridge.store import figures
from bridge.store.changes import ChangeRepository
from bridge.store.networks import NetworkRepository
from bridge.store.new_keys import NewKeys, replace_keys
from bridge.store.seals import SealBroken
from bridge.store.tables import ChangeState, Network
from bridge.web.console.frame import console_page, done
from bridge.web.console.sessions import SIGNED_IN, AnOwner, Who
from bridge.web.pages.forms import OwnForm, typed
from bridge.web.service import ASession, TheNetwork, TheService

router = APIRouter(prefix="/console/networks/{network}", dependencies=SIGNED_IN)

_OPEN = [state for state in ChangeState if state.is_open]
_SHOWN = 20


@router.get("/keys")
def keys_form(
    request: Request, network: TheNetwork, who: AnOwner, session: ASession, service: TheService
) -> Response:
    """The form for other keys. None that is on record is shown."""
    try:
        known = NetworkRepository(session, service.seal).credentials(network)
    except SealBroken:
        in_query = False  # nobody can open them any more: others are what is needed
    else:
        in_query = known.in_query
    context = {"network": network, "in_query": in_query}
    return console_page(request, "network_keys.html", who, context, section="networks")


@router.post("/keys")
def set_keys(
    network: TheNetwork, who: AnOwner, form: OwnForm, session: ASession, service: TheService
) -> Response:
    """Take other keys over; a new API key is tried on the network first."""
    in_query = form.get("in_query") == "yes"
    new = NewKeys(
        api_key=typed(form, "api_key"),
        api_secret=typed(form, "api_secret"),
        in_query=in_query,
        wp_username=typed(form, "wp_username"),
        wp_application_password=typed(form, "wp_password"),
        forget_user=form.get("forget_user") == "yes",
        stripe_key=typed(form, "stripe_key"),
        stripe_secret=typed(form, "stripe_secret"),
    )
    check_mode(new.stripe_key, network=network.name, livemode=network.livemode)
    repository = NetworkRepository(session, service.seal)
    if new.api_key:
        endpoint = Endpoint(network.url, new.api_key, new.api_secret, in_query=in_query)
        session.rollback()  # nothing is held open while the network is asked
        with NetworkClient(endpoint, name=network.name, clock=service.clock) as client:
            client.probe()
        network = repository.get(network.name)
    replace_keys(repository, network, new)
    who.audit(session, "network.rotate", network=network.name, detail={"what": new.what})
    session.commit()
    return done(f"/console/networks/{network.name}", "saved")


@router.get("/remove")
def removal_form(
    request: Request, network: TheNetwork, who: AnOwner, session: ASession
) -> Response:
    """What would be forgotten, and the question whether that is meant."""
    return _asked(request, network, who, session)


@router.post("/remove")
def remove(
    request: Request,
    network: TheNetwork,
    who: AnOwner,
    form: OwnForm,
    session: ASession,
    service: TheService,
) -> Response:
    """Forget a network with all that belongs to it, when its name was typed."""
    if typed(form, "name") != network.name:
        return _asked(request, network, who, session, wrong=True, status=422)
    counts = figures.network_counts(session, network.key)
    NetworkRepository(session, service.seal).remove(network.name)
    who.audit(session, "network.remove", network=network.name, detail=counts)
    session.commit()
    return done("/console/networks", "removed")


def _asked(
    request: Request,
    network: Network,
    who: Who,
    session: ASession,
    *,
    wrong: bool = False,
    status: int = 200,
) -> Response:
    under_way = ChangeRepository(session).list(network_id=network.key, states=_OPEN, limit=_SHOWN)
    context = {
        "network": network,
        "counts": figures.network_counts(session, network.key),
        "under_way": under_way,
        "wrong": wrong,
    }
    return console_page(
        request, "network_remove.html", who, context, section="networks", status=status
    )
