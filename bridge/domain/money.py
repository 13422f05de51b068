"""Money in integer minor units, with the exponents of ISO 4217.

The plugin speaks in major units with up to four decimals (``"29.9900"``, ``24.5``,
``5``); they are parsed once, at the edge, by `to_minor`. Rounding is half away from
zero, as PHP's ``round`` does (domain/plan-changes.md, preface).
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from fractions import Fraction

from bridge.errors import InvalidAmount

# ISO 4217 exponents that are not 2.
_EXPONENTS: dict[str, int] = {
    **dict.fromkeys(
        ("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF").split(),
        0,
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
}


def exponent(currency: str) -> int:
    """Number of decimals of a currency by ISO 4217: 2 for USD, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency.upper(), 2)


def round_half_away(value: Decimal | Fraction) -> int:
    """Round to the nearest integer, halves away from zero."""
    if isinstance(value, Fraction):
        sign = -1 if value < 0 else 1
        return sign * int(abs(value) + Fraction(1, 2))
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def parse_major(value: object) -> Decimal:
    """Parse a major-unit amount in any shape that the plugin sends.

    Accepts int, float (by its shortest text), ``"29.9900"``, ``""`` and ``None`` (0).

    Raises:
        InvalidAmount: for anything else, such as ``"abc"`` or ``NaN``.
    """
    if value is None or value == "" or value is False:
        return Decimal(0)
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise InvalidAmount(value=str(value)) from None
    if not amount.is_finite():
        raise InvalidAmount(value=str(value))
    return amount


def to_minor(value: object, currency: str) -> int:
    """Major units as sent by a network, in integer minor units of the currency."""
    return round_half_away(parse_major(value).scaleb(exponent(currency)))


def to_major(minor: int, currency: str) -> Decimal:
    """Minor units as an exact decimal in major units, for what is written to a network."""
    return Decimal(minor).scaleb(-exponent(currency))
