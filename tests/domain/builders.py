"""Products, memberships and terms for the money tests, with everyday defaults.

Amounts are minor units. "Today" is 11 March 2026, noon UTC; expirations end a day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.domain.catalogue import Catalogue, PriceVariation, PricingType, Product, ProductType
from bridge.domain.memberships import Customer, Membership, MembershipStatus
from bridge.domain.periods import Period
from bridge.domain.pricing import quote
from bridge.domain.quotes import Quote, QuoteRequest
from bridge.domain.terms import NetworkTerms

TODAY = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
MONTH, YEAR, WEEK = Period(1, "month"), Period(1, "year"), Period(1, "week")
OLD, NEW, ADDON, ADDON_2, FREE = 1, 2, 11, 12, 3
CUSTOMER = Customer(7, country="FR")


def build_product(id: int, amount: int, **fields: Any) -> Product:
    given: dict[str, Any] = {
        "slug": f"p{id}",
        "name": f"P{id}",
        "type": ProductType.PLAN if id < 10 else ProductType.PACKAGE,
        "currency": "USD",
        "period": MONTH,
        "group": "High End",
    }
    if amount == 0:
        given |= {"pricing_type": PricingType.FREE, "recurring": False}
    return Product(id=id, amount=amount, **{**given, **fields})


def variations(*sold: tuple[Period, int]) -> tuple[PriceVariation, ...]:
    return tuple(PriceVariation(period, amount) for period, amount in sold)


def build_membership(amount: int, **fields: Any) -> Membership:
    given: dict[str, Any] = {
        "id": 1,
        "customer_id": CUSTOMER.id,
        "plan_id": OLD,
        "currency": "USD",
        "period": MONTH,
        "status": MembershipStatus.ACTIVE,
        "recurring": amount > 0,
        "date_created": TODAY - timedelta(days=400),
        "date_expiration": expiring(15),
        "initial_amount": amount,
    }
    return Membership(amount=amount, **{**given, **fields})


def expiring(days: int) -> datetime:
    """The end of the day that is so many whole days away."""
    return (TODAY + timedelta(days=days)).replace(hour=23, minute=59, second=59)


def price(
    products: tuple[int, ...],
    *,
    membership: Membership,
    catalogue: tuple[Product, ...],
    policy: str = "parity",
    period: Period | None = None,
    now: datetime = TODAY,
    **more: Any,
) -> Quote:
    """Quote a choice; ``request``, ``terms``, ``customer`` and the rest go through."""
    terms = more.pop("terms", {})
    request = more.pop("request", {})
    return quote(
        QuoteRequest(products, period, **request),
        membership=membership,
        customer=more.pop("customer", CUSTOMER),
        catalogue=Catalogue.of(catalogue),
        terms=NetworkTerms(**{"policy": policy, "currency": membership.currency, **terms}),
        now=now,
        enforce_offers=more.pop("enforce_offers", False),
        **more,
    )
