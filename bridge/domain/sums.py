"""What the lines of an order add up to (domain/plan-changes.md §5.2)."""

from __future__ import annotations

from typing import NamedTuple

from bridge.domain.lines import Line
from bridge.domain.quotes import LineType
from bridge.domain.rounding import TICKS, divide, is_tie, round_like_php, round_to

_TYPE_RANK = {LineType.PRODUCT: 2, LineType.FEE: 1, LineType.CREDIT: 0}


class Totals(NamedTuple):
    """What an order adds up to, in ticks (§5.2). ``excess`` is credit beyond the price."""

    due: int
    recurring: int
    subtotal: int
    recurring_subtotal: int
    discount: int
    tax: int
    credit: int
    excess: int


class Sums:
    """Lines and their sums, in ticks. ``quantum`` is the smallest amount of a total,
    ``factor`` the ticks of a minor unit; ``fair`` sums exactly, else PHP's doubles decide
    what ends in half a quantum.
    """

    __slots__ = ("factor", "fair", "lines", "quantum")

    factor: int
    fair: bool
    lines: list[Line]
    quantum: int

    def sort(self) -> None:
        """Bring the lines into the plugin's order: by line id, descending."""
        if len(self.lines) > 1:
            self.lines.sort(key=_line_id, reverse=True)

    def total(self) -> int:
        """What is due now, in ticks, rounded as the network rounds (§5.2)."""
        return self._due(sum([line.total for line in self.lines]))

    def recurring_total(self) -> int:
        """What each later cycle costs, in ticks."""
        return self._recurring(
            sum([line.renewal_parts()[2] for line in self.lines if line.recurring])
        )

    def totals(self) -> Totals:
        """All sums of the finished order, in ticks."""
        due = recurring = subtotal = recurring_subtotal = discount = tax = credit = 0
        for line in self.lines:
            due += line.total
            if line.type is LineType.CREDIT:
                credit -= line.total
                continue
            subtotal += line.subtotal
            discount += line.discount_total
            tax += line.tax_total
            if line.recurring:
                recurring_subtotal += line.subtotal
                recurring += line.renewal_parts()[2]
        clamped = self._clamped
        return Totals(
            self._due(due),
            self._recurring(recurring),
            clamped(subtotal),
            clamped(recurring_subtotal),
            round_to(discount, self.quantum),
            tax,
            credit,
            clamped(-due),
        )

    def minor(self, ticks: int) -> int:
        """Ticks as minor units of the membership's currency."""
        return ticks if self.factor == 1 else divide(ticks, self.factor)

    def _clamped(self, ticks: int) -> int:
        return round_to(ticks, self.quantum) if ticks > 0 else 0

    def _due(self, ticks: int) -> int:
        if self.fair or not is_tie(ticks, self.quantum):
            return self._clamped(ticks)
        self.sort()
        return self._by_doubles([line.doubles(discounted=True)[1] for line in self.lines])

    def _recurring(self, ticks: int) -> int:
        if self.fair or not is_tie(ticks, self.quantum):
            return self._clamped(ticks)
        self.sort()
        return self._by_doubles(
            [
                line.doubles(discounted=line.renews_discount)[1]
                for line in self.lines
                if line.recurring
            ]
        )

    def _by_doubles(self, totals: list[float]) -> int:
        """A sum that ends in a tie, as the plugin's floats add up and round it."""
        total = 0.0
        for one in totals:
            total += one
        places = 0 if self.quantum == TICKS else 2
        return max(0, round(round_like_php(total, places) * TICKS / self.quantum) * self.quantum)


def _line_id(line: Line) -> tuple[int, str]:
    return _TYPE_RANK[line.type], line.key
