"""Proration to the second, pure arithmetic.

https://docs.stripe.com/billing/subscriptions/prorations: what was paid for the time that
will not be used is credited, what the new items cost for the same time is charged. Each
line is rounded by itself to the currency's smallest unit, halves away from zero. Credits
follow "classic" billing mode: they are computed from the item's current price and
quantity, whatever was charged for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from bridge.domain.money import round_half_away
from bridge.sandbox.stripe_periods import Span


@dataclass(frozen=True, slots=True)
class Priced:
    """An item at a moment: a price (``unit`` in minor units, may have decimals) times a number.

    ``discount`` is the percentage taken off, 0 to 100.
    """

    item: str
    price: str
    unit: Decimal
    quantity: int
    discount: Decimal = Decimal(0)

    @property
    def amount(self) -> Fraction:
        """For a whole period, in minor units, not rounded."""
        return Fraction(self.unit) * self.quantity * (1 - Fraction(self.discount) / 100)


@dataclass(frozen=True, slots=True)
class Proration:
    """A line to be: a credit (negative) or a charge, for ``span``."""

    of: Priced
    amount: int
    span: Span

    @property
    def is_credit(self) -> bool:
        """Whether it gives back unused time."""
        return self.amount < 0


def part(amount: Fraction | int, span: Span, at: int) -> int:
    """What this amount for the whole span is worth from ``at`` to its end."""
    if span.seconds <= 0:
        return 0
    return round_half_away(Fraction(amount) * (span.end - at) / span.seconds)


def prorate(
    before: Sequence[Priced], after: Sequence[Priced], *, span: Span, at: int, restarts: bool
) -> list[Proration]:
    """The lines of a change at ``at`` within the period ``span``.

    Credits come first. Items that did not change have no line, unless the period
    ``restarts``: then the rest of the old period is credited for all of them and nothing is
    charged for it, for the new period is charged in full.
    """
    rest = Span(at, span.end)
    kept = set() if restarts else {each for each in before if each in after}
    lines = [
        Proration(each, -part(each.amount, span, at), rest) for each in before if each not in kept
    ]
    if not restarts:
        lines += [
            Proration(each, part(each.amount, span, at), rest) for each in after if each not in kept
        ]
    return [line for line in lines if line.amount]
