"""Products of a network as the rules see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bridge.domain.periods import Period


class ProductType(StrEnum):
    """What a product is. ``demo`` counts as a plan (domain/entities.md §2.1)."""

    PLAN = "plan"
    PACKAGE = "package"
    SERVICE = "service"
    DEMO = "demo"


class PricingType(StrEnum):
    """How a product is priced."""

    FREE = "free"
    PAID = "paid"
    CONTACT_US = "contact_us"
    PAY_WHAT_YOU_WANT = "pay_what_you_want"


@dataclass(frozen=True, slots=True)
class PriceVariation:
    """Another period at which a product is sold, and its price in minor units."""

    period: Period
    amount: int


@dataclass(frozen=True, slots=True)
class Product:
    """A product of a network (domain/entities.md §2.1). Amounts are minor units.

    ``amount`` is the price as stored; free and contact-us products charge 0 whatever
    it says. ``limits`` is the product's own limits row (domain/limits.md §2), or None
    when planbridge does not know it.
    """

    id: int
    slug: str
    name: str
    type: ProductType
    amount: int
    currency: str
    period: Period = Period(1, "month")
    pricing_type: PricingType = PricingType.PAID
    group: str = ""
    setup_fee: int = 0
    recurring: bool = True
    trial: Period | None = None
    billing_cycles: int = 0
    list_order: int = 10
    active: bool = True
    taxable: bool = True
    tax_category: str = "default"
    variations: tuple[PriceVariation, ...] = ()
    available_addons: tuple[int, ...] = ()
    description: str = ""
    feature_list: tuple[str, ...] = ()
    contact_us_label: str = ""
    contact_us_link: str = ""
    pwyw_minimum: int = 0
    pwyw_suggested: int = 0
    pwyw_recurring_mode: str = "customer_choice"
    limits: Mapping[str, Any] | None = None

    @property
    def is_plan(self) -> bool:
        """Plans and demos; everything else is an add-on."""
        return self.type in (ProductType.PLAN, ProductType.DEMO)

    @property
    def limits_row(self) -> Mapping[str, Any] | None:
        """Its own limits row; None while nobody knows it.

        The plugin shows no limits tabs for services (domain/account-page.md no. 31): one has
        no limits, unless somebody wrote a row over REST.
        """
        if self.limits is None and self.type is ProductType.SERVICE:
            return {}
        return self.limits


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All products of one network, by id."""

    products: Mapping[int, Product] = field(default_factory=dict)

    @classmethod
    def of(cls, products: Iterable[Product]) -> Catalogue:
        """A catalogue of the given products; a later one replaces an earlier one of its id."""
        return cls({product.id: product for product in products})

    def get(self, product_id: int) -> Product | None:
        """The product, or None when the network has none of that id."""
        return self.products.get(product_id)
