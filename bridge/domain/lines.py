"""Lines of an order while they are computed, in ticks (domain/plan-changes.md §5.2, §7)."""

from __future__ import annotations

from decimal import Decimal

from bridge.domain.periods import Period
from bridge.domain.quotes import LineType
from bridge.domain.rounding import CENT, TICKS, divide, ratio, round_like_php

PERCENTAGE = "percentage"


class Line:
    """One line: a product, a setup fee or a credit. Amounts in ticks.

    ``discount`` is ``(type, value)`` of the code that applies, ``tax`` ``(rate,
    inclusive)``. Call `compute` after changing an input. ``step`` is what taxes and
    discounts are rounded to: cents in the plugin, whatever the currency.
    """

    __slots__ = (
        "code", "cycles", "discount", "discount_total", "inclusive", "key", "period",
        "product_id", "quantity", "rate", "recurring", "renews_discount", "step",
        "subtotal", "tax_total", "title", "total", "type", "unit_price",
    )  # fmt: skip

    def __init__(
        self,
        type: LineType,
        title: str,
        unit_price: int,
        *,
        period: Period,
        recurring: bool = False,
        product_id: int | None = None,
        quantity: int = 1,
        cycles: int = 0,
        key: str = "",
        step: int = CENT,
    ) -> None:
        self.type = type
        self.title = title
        self.unit_price = unit_price
        self.quantity = quantity
        self.period = period
        self.recurring = recurring
        self.product_id = product_id
        self.cycles = cycles
        self.key = key
        self.step = step
        self.code = ""
        self.discount: tuple[str, Decimal] | None = None
        self.renews_discount = True
        self.rate: Decimal | None = None
        self.inclusive = False
        self.discount_total = 0
        self.tax_total = 0
        self.subtotal = self.total = quantity * unit_price

    def compute(self) -> None:
        """Work out subtotal, discount, tax and total from the inputs."""
        self.subtotal = self.quantity * self.unit_price
        self.discount_total = self._discount()
        self.tax_total, self.total = self._taxed(self.subtotal - self.discount_total)

    def renewal_parts(self) -> tuple[int, int, int]:
        """Discount, tax and total of the line at the next billing dates.

        A discount that is not for renewals is taken out (domain/plan-changes.md §5.2).
        """
        if self.discount_total > 0 and not self.renews_discount:
            return (0, *self._taxed(self.subtotal))
        return self.discount_total, self.tax_total, self.total

    def _discount(self) -> int:
        if self.discount is None:
            return 0
        kind, value = self.discount
        num, den = ratio(value)
        if kind == PERCENTAGE:
            off = divide(self.subtotal * num, 100 * den * self.step) * self.step
        else:
            off = divide(num * TICKS, den * self.step) * self.step
        return min(off, self.subtotal) if self.subtotal > 0 else off

    def _taxed(self, base: int) -> tuple[int, int]:
        """Tax and total of a discounted subtotal."""
        if self.rate is None:
            return 0, base
        num, den = ratio(self.rate)
        if not self.inclusive:
            tax = divide(base * num, 100 * den * self.step) * self.step
            return tax, base + tax
        parts, whole = base * num, (100 * den + num) * self.step
        tax = divide(parts, whole) * self.step
        if self.step == CENT and 2 * parts % whole == 0 and (2 * parts // whole) % 2:
            tax = self._inclusive_tie(base)
        return tax, base

    def _inclusive_tie(self, base: int) -> int:
        """A half cent of inclusive tax: the plugin's doubles decide (see rounding.py)."""
        price, rate = base / TICKS, float(self.rate or 0)
        return round(round_like_php(price - (price / (1 + (rate / 100))), 2) * 100) * CENT
