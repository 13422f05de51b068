"""Lines of an order while they are computed, in ticks (domain/plan-changes.md §5.2, §7)."""

from __future__ import annotations

from decimal import Decimal

from bridge.domain.periods import Period
from bridge.domain.quotes import LineType
from bridge.domain.rounding import CENT, TICKS, divide, is_tie, ratio, round_like_php

PERCENTAGE = "percentage"


class Line:
    """One line: a product, a setup fee or a credit. Amounts in ticks.

    ``discount`` is ``(type, value)`` of the code that applies, ``tax`` ``(rate,
    inclusive)``. Call `compute` after changing an input. ``step`` is what taxes and
    discounts are rounded to: cents in the plugin, whatever the currency. ``like_php``
    lets the plugin's doubles decide ties (see rounding.py).
    """

    __slots__ = (
        "code", "cycles", "discount", "discount_total", "inclusive", "key", "like_php", "period",
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
        like_php: bool = True,
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
        self.like_php = like_php
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
        self.tax_total, self.total = self._taxed(self.discount_total)

    def renewal_parts(self) -> tuple[int, int, int]:
        """Discount, tax and total of the line at the next billing dates.

        A discount that is not for renewals is taken out (domain/plan-changes.md §5.2).
        """
        if self.discount_total > 0 and not self.renews_discount:
            return (0, *self._taxed(0))
        return self.discount_total, self.tax_total, self.total

    def doubles(self, *, discounted: bool) -> tuple[float, float]:
        """Tax and total by the plugin's own steps, in its floats, to decide ties."""
        base = subtotal = self.quantity * (self.unit_price / TICKS)
        if discounted and self.discount is not None:
            kind, value = self.discount
            off = subtotal * (float(value) / 100) if kind == PERCENTAGE else float(value)
            base = subtotal - round_like_php(off, 2)
            if subtotal > 0 and base < 0:
                base = 0.0
        rate = float(self.rate or 0)
        if self.inclusive:
            return round_like_php(base - (base / (1 + (rate / 100))), 2), base
        tax = round_like_php(base * (rate / 100), 2)
        return tax, base + tax

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

    def _taxed(self, discount: int) -> tuple[int, int]:
        """Tax and total of the subtotal less a discount."""
        base = self.subtotal - discount
        if self.rate is None:
            return 0, base
        num, den = ratio(self.rate)
        whole = (100 * den + num if self.inclusive else 100 * den) * self.step
        parts = base * num
        tax = divide(parts, whole) * self.step
        if self.like_php and is_tie(parts, whole):
            tax = round(self.doubles(discounted=discount != 0)[0] * 100) * CENT
        return tax, base if self.inclusive else base + tax
