"""Exact arithmetic on ticks, and the one place where PHP's doubles still decide.

Inside a quote all money is counted in ticks: ten-thousandths of a major unit, the
precision of the plugin's ``decimal(13,4)`` columns (domain/entities.md §1.4). Prices,
taxes and credits are then whole numbers and quotients of whole numbers; nothing is
ever a float.

The plugin computes in doubles and rounds with PHP's ``round``, which up to 8.3 first
rounds to 15 significant digits and then half away from zero. A product or quotient is off
by at most 3 half-ulps (3.3e-16 relative), less than half a unit of that 15th digit, so
the first rounding restores the decimal value and the plugin agrees with exact arithmetic,
ties included. Where it subtracts (a discount from a price, a price without tax from one
with it, a credit from a sum) a tie may be lost. So amounts are exact, and where a parity
amount `is_tie`, the plugin's own steps are repeated in floats and `round_like_php` decides.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from math import floor, log10

TICKS = 10_000  # per major unit
CENT = 100  # ticks; the plugin rounds taxes and discounts to it in every currency


def divide(numerator: int, denominator: int) -> int:
    """The quotient as the nearest integer, halves away from zero; denominator > 0."""
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((denominator - 2 * numerator) // (2 * denominator))


def is_tie(numerator: int, denominator: int) -> bool:
    """Whether the quotient lies exactly between two integers."""
    doubled, rest = divmod(2 * numerator, denominator)
    return rest == 0 and doubled % 2 == 1


def round_to(ticks: int, quantum: int) -> int:
    """Ticks rounded to a multiple of the quantum, halves away from zero."""
    return divide(ticks, quantum) * quantum


def scaled(ticks: int, numerator: int, denominator: int, *, quantum: int) -> int:
    """A share of an amount, rounded once to a multiple of the quantum."""
    return divide(ticks * numerator, denominator * quantum) * quantum


@lru_cache(maxsize=1024)
def ratio(value: Decimal) -> tuple[int, int]:
    """A decimal as numerator and denominator, exact."""
    return value.as_integer_ratio()


def round_like_php(value: float, places: int) -> float:
    """PHP 8.2's ``round``: pre-rounding to 15 significant digits, then half away."""
    if value == 0.0:
        return value
    precise = 14 - floor(log10(abs(value)))
    scaled = value * 10.0**places
    if places < precise < places + 15:
        exact = _half_away(value * 10.0**precise)
        scaled = exact / 10.0 ** (precise - places)
    return _half_away(scaled) / 10.0**places


def _half_away(value: float) -> float:
    return float(floor(value + 0.5)) if value >= 0 else float(-floor(-value + 0.5))
