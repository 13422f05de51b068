"""Discount codes: what a code is (domain/entities.md §2.6) and what it takes off a line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


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
