"""From a customer's choice to a quote that is kept: reads the mirror, asks the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from bridge.domain.catalogue import Catalogue
from bridge.domain.periods import Period
from bridge.domain.pricing import quote
from bridge.domain.quotes import Quote, QuoteRequest
from bridge.errors import UnknownProduct
from bridge.store.networks import network_terms
from bridge.store.quotes import GivenQuote, QuoteRepository, membership_basis
from bridge.store.readers import load_catalogue, load_customer, load_discount, load_membership
from bridge.store.tables import Network


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody wants: products by id or slug in the order chosen, a period, a code.

    ``dropped`` are add-ons he has and wants to lose. ``amounts`` are his own prices, in minor
    units, for what is sold so; ``recurring`` whether he pays them each time; by product id.
    """

    products: tuple[int | str, ...]
    period: Period | None = None
    discount_code: str | None = None
    country: str | None = None
    dropped: tuple[int | str, ...] = ()
    amounts: Mapping[int, int] = field(default_factory=dict)
    recurring: Mapping[int, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Priced:
    """A quote that is not kept yet, and what it was computed from."""

    quote: Quote
    request: QuoteRequest
    basis: dict[str, object]


def price(
    session: Session,
    network: Network,
    membership_id: int,
    choice: Choice,
    *,
    now: datetime,
    catalogue: Catalogue | None = None,
) -> Priced:
    """Price a choice by the network's terms, as the mirror knows the membership.

    ``catalogue`` is the network's, where it was read before.

    Raises:
        UnknownMembership: the mirror has none of that id.
        UnknownProduct: no product has that id or slug.
    """
    catalogue = catalogue or load_catalogue(session, network.key)
    membership = load_membership(session, network.key, membership_id)
    request = QuoteRequest(
        products=tuple(_product_id(one, catalogue, network) for one in choice.products),
        period=choice.period,
        discount_code=choice.discount_code,
        country=choice.country,
        pwyw_amounts=choice.amounts,
        pwyw_recurring=choice.recurring,
        dropped=tuple(_product_id(one, catalogue, network) for one in choice.dropped),
    )
    code = choice.discount_code
    answer = quote(
        request,
        membership=membership,
        customer=load_customer(session, network.key, membership.customer_id),
        catalogue=catalogue,
        terms=network_terms(network),
        now=now,
        discount=load_discount(session, network.key, code) if code else None,
    )
    return Priced(answer, request, membership_basis(membership))


def give_quote(
    session: Session,
    network: Network,
    membership_id: int,
    choice: Choice,
    *,
    now: datetime,
    key: bytes,
    minutes: int,
) -> GivenQuote:
    """Price a choice, sign the answer with ``key`` and keep it for ``minutes``.

    Raises:
        UnknownMembership: the mirror has none of that id.
        UnknownProduct: no product has that id or slug.
    """
    priced = price(session, network, membership_id, choice, now=now)
    return QuoteRepository(session, key).add(
        network.key,
        priced.quote,
        priced.request,
        basis=priced.basis,
        membership_id=membership_id,
        now=now,
        expires_at=now + timedelta(minutes=minutes),
    )


def _product_id(wanted: int | str, catalogue: Catalogue, network: Network) -> int:
    for product in catalogue.products.values():
        if wanted in (product.id, product.slug, str(product.id)):
            return product.id
    raise UnknownProduct(network=network.name, product=wanted)
