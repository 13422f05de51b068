"""The page on which the demonstration begins: be one of its customers by a click.

In the demonstration only: whoever reaches it may sign in as anybody.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from bridge.store.readers import load_catalogue, memberships, sites_of
from bridge.web.pages.forms import OwnForm
from bridge.web.pages.languages import chosen
from bridge.web.pages.sessions import account_path
from bridge.web.pages.setup import TheSetup
from bridge.web.pages.templates import page
from bridge.wiring import App

_PATH = "/demo"
GUESTS = 7
"""How many one can be: those of the example; the made-up ones come after."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A customer to be: what he has, in words."""

    customer: int
    plan: str
    addons: tuple[str, ...]
    sites: int
    status: str


def entry_url(service: str) -> str:
    """Where the demonstration begins."""
    return f"{service}{_PATH}"


def entry_router(planbridge: App, network: str) -> APIRouter:
    """The page, and the button that makes a fresh sign-in link and follows it."""
    router = APIRouter()

    @router.get(_PATH)
    def entry(request: Request, lang: str = "") -> Response:
        """Who one can be."""
        language = chosen(lang, request.headers.get("accept-language"))
        context = {"guests": _guests(planbridge, network)}
        return page(request, "demo.html", language, context)

    @router.post(_PATH)
    def enter(form: OwnForm, setup: TheSetup) -> Response:
        """A new link, and straight to it."""
        customer = str(form.get("customer", ""))
        if not customer.isdigit():
            return RedirectResponse(_PATH, status_code=303)
        language = str(form.get("language", ""))[:8]
        token = setup.links.issue(network, int(customer), now=planbridge.clock(), language=language)
        return RedirectResponse(f"{account_path(network)}/enter?token={token}", status_code=303)

    return router


def _guests(planbridge: App, network: str) -> list[Guest]:
    place = planbridge.network(network)
    with planbridge.session() as session:
        catalogue = load_catalogue(session, place.key)
        names = {product.id: product.name for product in catalogue.products.values()}
        return [
            Guest(
                customer=row.customer_id,
                plan=names.get(row.plan_id, ""),
                addons=tuple(names.get(int(addon), "") for addon in row.addons),
                sites=len(sites_of(session, place.key, row.id)),
                status=row.status,
            )
            for row in memberships(session, place.key, limit=GUESTS)
        ]
