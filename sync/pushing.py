"""Writing the catalogue to the network's products, and reading back what can be read.

Limits go as whole rows, since the network replaces the whole row whatever is sent
(domain/limits.md §1). It never shows them again; what proves them is a site that has only
that plan. Variations are never shown either, add-ons only by newer networks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.catalogue import Catalogue, Product
from bridge.domain.limit_diff import differences
from bridge.domain.limits import compose
from bridge.domain.money import to_major
from bridge.errors import NetworkError, UnknownProduct
from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.rows import ProductRow, SiteRow
from bridge.store.limits import LimitsOwner, confirm_limits, site_with_only
from bridge.store.networks import id_of
from bridge.store.readers import load_catalogue
from bridge.store.tables import Network


class Part(StrEnum):
    """What of a product can be pushed."""

    LIMITS = "limits"
    VARIATIONS = "variations"
    ADDONS = "addons"


@dataclass(frozen=True, slots=True)
class Push:
    """One write to one product; ``summary`` is for people, ``value`` in the network's form."""

    product_id: int
    slug: str
    part: Part
    summary: str
    value: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pushed:
    """A write that was carried out; ``proof`` says what was read back, or why nothing was.

    ``fault`` is what the network did instead, ``equal`` False where it shows something else.
    """

    push: Push
    proof: str = ""
    equal: bool | None = None
    fault: NetworkError | None = None


def planned(
    session: Session,
    network: Network,
    *,
    slugs: Collection[str] = (),
    parts: Collection[Part] = tuple(Part),
) -> list[Push]:
    """Everything that is known of the products named (all of them when none is).

    Raises:
        UnknownProduct: a slug that the network does not have.
    """
    catalogue = load_catalogue(session, id_of(network))
    by_slug = {product.slug: product for product in catalogue.products.values()}
    for slug in slugs:
        if slug not in by_slug:
            raise UnknownProduct(network=network.name, product=slug)
    return [
        push
        for slug, product in by_slug.items()
        if not slugs or slug in slugs
        for push in _of_product(product, catalogue)
        if push.part in parts
    ]


def carry_out(
    engine: Engine, network: Network, client: NetworkClient, pushes: Collection[Push]
) -> Iterator[Pushed]:
    """Write one after the other; a write that fails does not keep the others from going."""
    for push in pushes:
        try:
            yield _carry_out(engine, network, client, push)
        except NetworkError as fault:
            yield Pushed(push, fault=fault)


def _of_product(product: Product, catalogue: Catalogue) -> Iterator[Push]:
    if product.limits is not None:
        modules = ", ".join(product.limits) or "no limits of its own"
        yield Push(product.id, product.slug, Part.LIMITS, modules, dict(product.limits))
    if product.variations:
        prices = [
            (each.period, to_major(each.amount, product.currency)) for each in product.variations
        ]
        yield Push(
            product.id,
            product.slug,
            Part.VARIATIONS,
            ", ".join(f"{period.key} {amount}" for period, amount in prices),
            [
                {"duration": period.count, "duration_unit": period.unit, "amount": amount}
                for period, amount in prices
            ],
        )
    if product.available_addons:
        named = [catalogue.get(each) for each in product.available_addons]
        yield Push(
            product.id,
            product.slug,
            Part.ADDONS,
            ", ".join(each.slug for each in named if each),
            list(product.available_addons),
        )


def _carry_out(engine: Engine, network: Network, client: NetworkClient, push: Push) -> Pushed:
    match push.part:
        case Part.LIMITS:
            written = client.write_limits(Entity.PRODUCT, push.product_id, push.value)
            assert isinstance(written, ProductRow)
            if written.date_modified is not None:
                # Else it would seem to have been saved there by somebody else since.
                with Session(engine) as session, session.begin():
                    owner = LimitsOwner("product", push.product_id)
                    confirm_limits(session, id_of(network), owner, at=written.date_modified)
            return _limits_read_back(engine, network, client, push)
        case Part.VARIATIONS:
            client.update(Entity.PRODUCT, push.product_id, {"price_variations": push.value})
            return Pushed(push, "written; networks do not show variations")
        case Part.ADDONS:
            row = client.update(Entity.PRODUCT, push.product_id, {"available_addons": push.value})
            assert isinstance(row, ProductRow)
            if row.available_addons is None:
                return Pushed(push, "written; this network does not show add-ons")
            return Pushed(push, "read back equal", equal=True)


def _limits_read_back(
    engine: Engine, network: Network, client: NetworkClient, push: Push
) -> Pushed:
    with Session(engine) as session:
        site_id = site_with_only(session, id_of(network), push.product_id)
    if site_id is None:
        return Pushed(push, "written; no site has only this product, so nothing shows it")
    site = client.get(Entity.SITE, site_id)
    assert isinstance(site, SiteRow)
    if site.effective_limits is None:
        return Pushed(push, "written; this network does not show effective limits")
    found = differences(compose(plan=push.value), site.effective_limits)
    if not found:
        return Pushed(push, f"site {site_id} shows them", equal=True)
    listed = "; ".join(each.sentence for each in found)
    return Pushed(push, f"site {site_id} differs, maybe by an override: {listed}", equal=False)
