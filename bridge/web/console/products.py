"""Products: which way leads from plan to plan, what is odd in their limits, side by side."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from bridge.domain.catalogue import Catalogue, Product
from bridge.domain.limit_linter import lint
from bridge.domain.limit_merge import Release
from bridge.domain.limit_use import limit_uses
from bridge.domain.paths import plan_groups
from bridge.domain.preflight import SiteUsage
from bridge.network.capabilities import Capabilities
from bridge.store.networks import NetworkRepository, network_terms
from bridge.store.readers import catalogue_sources, load_catalogue
from bridge.web.console.frame import console_page
from bridge.web.console.sessions import SIGNED_IN, AReader
from bridge.web.pages.languages import Language
from bridge.web.pages.wording import limit_label, price_words, use_words
from bridge.web.service import ASession, TheNetwork, TheService

router = APIRouter(prefix="/console", dependencies=SIGNED_IN)


@router.get("/products")
def all_products(
    request: Request, who: AReader, session: ASession, service: TheService
) -> Response:
    """The networks, to choose one; where there is one only, its products."""
    networks = NetworkRepository(session, service.seal).list()
    if len(networks) == 1:
        return RedirectResponse(f"/console/networks/{networks[0].name}/products", status_code=303)
    return console_page(request, "products.html", who, {"networks": networks}, section="products")


@router.get("/networks/{network}/products")
def show_products(
    request: Request, network: TheNetwork, who: AReader, session: ASession, service: TheService
) -> Response:
    """Groups as path matrices, findings of the linter, prices and limits."""
    catalogue = load_catalogue(session, network.key)
    products = sorted(
        catalogue.products.values(), key=lambda one: (not one.is_plan, one.group, one.list_order)
    )
    rules = (
        Capabilities.from_json(network.capabilities).limit_rules
        if network.capabilities
        else Release.V2_4_13
    )
    found = lint(products, release=rules)
    context = {
        "network": network,
        "groups": plan_groups(catalogue, network_terms(network), now=service.clock()),
        "findings": [(one, _slug(catalogue, one.product_id)) for one in found],
        "products": [(one, _prices(one, who.language)) for one in products],
        "sources": catalogue_sources(session, network.key),
        "limits": _side_by_side(products, who.language),
        "columns": products,
    }
    return console_page(request, "network_products.html", who, context, section="products")


def _prices(product: Product, language: Language) -> list[str]:
    pairs = [
        (product.amount, product.period),
        *((one.amount, one.period) for one in product.variations),
    ]
    return [
        price_words(language, amount, product.currency, period, product.recurring)
        for amount, period in pairs
    ]


def _side_by_side(products: list[Product], language: Language) -> list[tuple[str, list[str]]]:
    """Each limit that any product has, with what each product says about it."""
    rows: dict[tuple[str, str], tuple[str, dict[int, str]]] = {}
    for product in products:
        for use in limit_uses(product.limits or {}, SiteUsage(site_id=0)):
            label = limit_label(language, use)
            _, cells = rows.setdefault((use.module, use.item), (label, {}))
            cells[product.id] = use_words(language, use)
    return [
        (label, [cells.get(product.id, "") for product in products])
        for label, cells in rows.values()
    ]


def _slug(catalogue: Catalogue, product_id: int) -> Any:
    product = catalogue.get(product_id)
    return product.slug if product else product_id
