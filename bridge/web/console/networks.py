"""Networks: which there are, one of them, adding one, and whether it can do what is needed."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from bridge.errors import InvalidInput
from bridge.network.capabilities import Capabilities
from bridge.network.checkup import check_up
from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.payments.client import check_mode
from bridge.store import figures
from bridge.store.brands import brand_of, set_brand
from bridge.store.drift import load_scan
from bridge.store.networks import Credentials, NetworkRepository, network_terms
from bridge.store.options import options_of
from bridge.store.passes import last_complete
from bridge.web.console.frame import console_page, done
from bridge.web.console.sessions import SIGNED_IN, AnActor, AReader
from bridge.web.console.setup import TheConsole
from bridge.web.pages.forms import OwnForm, OwnUpload, typed
from bridge.web.service import ASession, TheNetwork, TheService

router = APIRouter(prefix="/console/networks", dependencies=SIGNED_IN)


@router.get("")
def list_networks(request: Request, who: AReader, session: ASession) -> Response:
    """All networks."""
    context = {"networks": figures.networks_at_a_glance(session)}
    return console_page(request, "networks.html", who, context, section="networks")


@router.get("/add")
def add_form(request: Request, who: AnActor) -> Response:
    """The form for another network."""
    return console_page(request, "network_add.html", who, section="networks")


@router.post("/add")
def add(who: AnActor, form: OwnForm, session: ASession, service: TheService) -> Response:
    """Add a network after signing in to it once."""
    name, live = typed(form, "name"), form.get("live") == "yes"
    key, secret = typed(form, "api_key"), typed(form, "api_secret")
    if not (key and secret):
        raise InvalidInput(what="the network", why="the API key and secret are missing")
    stripe_key = typed(form, "stripe_key")
    check_mode(stripe_key, network=name, livemode=live)
    in_query = form.get("in_query") == "yes"
    endpoint = Endpoint(typed(form, "url"), key, secret, in_query=in_query)
    session.rollback()  # nothing is held open while the network is asked
    with NetworkClient(endpoint, name=name, clock=service.clock) as client:
        capabilities = client.probe()
    signing = typed(form, "stripe_secret")
    repository = NetworkRepository(session, service.seal)
    network = repository.add(
        name,
        endpoint.url,
        Credentials(key, secret, in_query=in_query),
        now=service.clock(),
        stripe_secrets=[signing] if signing else [],
        stripe_account=typed(form, "stripe_account"),
        stripe_key=stripe_key,
        livemode=live,
    )
    repository.save_capabilities(network, capabilities.as_json(), now=service.clock())
    who.audit(session, "network.add", network=name, detail={"url": endpoint.url, "live": live})
    session.commit()
    return done(f"/console/networks/{name}", "added")


@router.get("/{network}")
def show_network(
    request: Request, network: TheNetwork, who: AReader, session: ASession
) -> Response:
    """One network: what it can do, how fresh its mirror is, how it looks."""
    known = Capabilities.from_json(network.capabilities) if network.capabilities else None
    context = {
        "network": network,
        "capabilities": known,
        "terms": network_terms(network),
        "counts": figures.network_counts(session, network.key),
        "passes": last_complete(session, network.key),
        "scan": load_scan(session, network.key),
        "brand": brand_of(session, network),
        "options": options_of(network),
    }
    return console_page(request, "network.html", who, context, section="networks")


@router.post("/{network}/check")
def check(
    request: Request,
    network: TheNetwork,
    who: AnActor,
    form: OwnForm,
    session: ASession,
    service: TheService,
    console: TheConsole,
) -> Response:
    """Find out, without changing anything, what the network can do and what it lacks."""
    repository = NetworkRepository(session, service.seal)
    user = bool(repository.credentials(network).wp_username)
    session.rollback()
    with console.client(network) as client:
        capabilities, findings = check_up(client, network.url, wordpress_user=user)
    network = repository.get(network.name)
    repository.save_capabilities(network, capabilities.as_json(), now=service.clock())
    who.audit(session, "network.check", network=network.name)
    session.commit()
    context = {"network": network, "capabilities": capabilities, "findings": findings}
    return console_page(request, "network_check.html", who, context, section="networks")


@router.post("/{network}/brand")
def brand(network: TheNetwork, who: AnActor, form: OwnUpload, session: ASession) -> Response:
    """How the network's pages and mails look."""
    logo: bytes | None = None
    upload = form.get("logo")
    if form.get("no_logo") == "yes":
        logo = b""
    elif upload is not None and not isinstance(upload, str) and upload.filename:
        logo = upload.file.read()
    set_brand(
        session,
        network,
        name=typed(form, "name"),
        colour=typed(form, "colour") if form.get("own_colour") == "yes" else "",
        logo=logo,
        support_email=typed(form, "support_email"),
    )
    who.audit(
        session,
        "network.brand",
        network=network.name,
        detail={"name": typed(form, "name"), "logo": "changed" if logo is not None else "kept"},
    )
    session.commit()
    return done(f"/console/networks/{network.name}", "saved")


@router.get("/{network}/memberships")
def memberships_of(network: TheNetwork, who: AReader) -> Response:
    """The search, narrowed to the network."""
    return RedirectResponse(f"/console/memberships?network={network.name}", status_code=303)
