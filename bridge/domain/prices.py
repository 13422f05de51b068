"""What a product costs at a period: its own price, or one of its price variations.

Sources: domain/plan-changes.md §3 (matching), domain/entities.md §2.1 (free products).
"""

from __future__ import annotations

from bridge.domain.catalogue import PricingType, Product
from bridge.domain.money import exponent
from bridge.domain.periods import Period

# Ten-thousandths of a major unit per minor unit, by the currency's decimals.
_TICKS_PER_MINOR = (10_000, 1_000, 100, 10, 1)
_FREE = (PricingType.FREE, PricingType.CONTACT_US)


def ticks_per_minor(currency: str, minor_digits: int | None = None) -> int:
    """Ticks in one minor unit; ``minor_digits`` overrides the ISO 4217 exponent."""
    return _TICKS_PER_MINOR[exponent(currency) if minor_digits is None else minor_digits]


class Priced:
    """A product at one of its periods. ``amount`` and ``setup_fee`` are in ticks."""

    __slots__ = ("amount", "factor", "free", "period", "product", "recurring", "setup_fee")

    def __init__(self, product: Product, factor: int) -> None:
        self.product = product
        self.factor = factor
        self.setup_fee = product.setup_fee * factor
        self._at(product.period, _stored_amount(product) * factor)

    def _at(self, period: Period, amount: int) -> None:
        self.period = period
        self.amount = amount
        # set_pricing_type() turns recurring off with the amount (domain/entities.md §2.1).
        self.recurring = self.product.recurring and amount > 0
        self.free = amount == 0 and amount + self.setup_fee == 0

    def charge(self, amount: int, *, recurring: bool) -> None:
        """Take the customer's own price (pay what you want)."""
        self._at(self.period, amount)
        self.recurring = recurring and amount > 0

    def variation(self, period: Period) -> tuple[Period, int] | None:
        """Period and amount in ticks of the listed variation for the period.

        12 months and 1 year stand for each other, the exact one first.
        """
        found = None
        for variation in self.product.variations:
            if variation.period == period:
                found = variation
                break
            if found is None and variation.period.same_length(period):
                found = variation
        return None if found is None else (found.period, found.amount * self.factor)

    def switch(self, period: Period) -> bool:
        """Become the product at that period; False (and unchanged) when it has none.

        A free product fits any period, and a period of the same length (12 months and
        1 year) is the same. One switched before only reaches listed variations, not its
        own price again (domain/plan-changes.md §4, step 8).
        """
        if self.free or self.period.same_length(period):
            return True
        found = self.variation(period)
        if found is not None:
            self._at(*found)
        return found is not None


def _stored_amount(product: Product) -> int:
    """The product's own price in minor units: nothing, or the suggested one, or as stored."""
    if product.pricing_type in _FREE:
        return 0
    if product.pricing_type is PricingType.PAY_WHAT_YOU_WANT:
        return product.pwyw_suggested
    return product.amount
