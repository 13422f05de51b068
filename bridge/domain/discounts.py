"""Discount codes: what a code is (domain/entities.md §2.6) and what it takes off a line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bridge.domain.periods import Period

INVALID = "This coupon code is not valid."
EXHAUSTED = "This discount code was already redeemed the maximum amount of times allowed."
UNKNOWN = "The code {code} does not exist or is no longer valid."


@dataclass(frozen=True, slots=True)
class DiscountCode:
    """A discount code. ``value`` and ``setup_fee_value`` are per cent when the type is
    ``percentage``, else major units, as the network stores them.
    """

    code: str
    value: Decimal
    type: str = "percentage"
    setup_fee_value: Decimal = Decimal(0)
    setup_fee_type: str = "percentage"
    active: bool = True
    apply_to_renewals: bool = True
    uses: int = 0
    max_uses: int = 0
    date_start: datetime | None = None
    date_expiration: datetime | None = None
    allowed_products: tuple[int, ...] | None = None
    allowed_periods: tuple[str, ...] | None = None
    name: str = ""

    def refusal(self, now: datetime) -> str | None:
        """Why the code cannot be used at all, in the plugin's words, or None if it can."""
        if not self.active:
            return INVALID
        if self.max_uses and self.uses >= self.max_uses:
            return EXHAUSTED
        if self.date_start is not None and now < self.date_start:
            return INVALID
        if self.date_expiration is not None and now > self.date_expiration:
            return INVALID
        return None

    def covers(self, product_id: int, period: Period | None) -> bool:
        """Whether a usable code takes something off this product at this period."""
        if self.allowed_products is not None and product_id not in self.allowed_products:
            return False
        return self.allowed_periods is None or period is None or period.key in self.allowed_periods
