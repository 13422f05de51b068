"""Our minor units and Stripe's, which are not always the same.

Ours follow ISO 4217 (`bridge.domain.money`). Stripe's follow
https://docs.stripe.com/currencies: most currencies have two decimals, some none, five
have three of which the last must be 0; ISK and UGX have no decimals any more but are
still written with two, always ``00``. HUF and TWD have two in charges (whole units only
in payouts, which are not our business).

Stripe charges exactly what was quoted: an amount that it cannot express is refused, not
rounded.
"""

from __future__ import annotations

from bridge.domain.money import exponent, to_major
from bridge.errors import InvalidAmount

# UGX is on Stripe's list of zero-decimal currencies and on its list of exceptions; the
# exception is what its API does.
_ZERO_DECIMAL = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
_THREE_DECIMAL = frozenset("BHD JOD KWD OMR TND".split())
_WRITTEN_WITH_TWO = frozenset("ISK UGX".split())


# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts, in Stripe's units. What
# is less, Stripe puts on the customer's balance: the invoice is paid, and nothing was charged.
_LEAST = {
    "AED": 200, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250,
    "EUR": 50, "GBP": 30, "HKD": 400, "HUF": 17500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200,
    "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1000, "USD": 50,
}  # fmt: skip


class NotChargeable(InvalidAmount):
    """{minor} minor units of {currency} cannot be charged by Stripe: {why}."""

    hint = "Choose an amount that Stripe can express."


class NotExpressible(InvalidAmount):
    """Stripe's amount {amount} {currency} is not a whole number of our minor units."""

    hint = "Look the payment up at Stripe; it cannot be what was quoted."


def to_stripe(minor: int, currency: str) -> int:
    """Our minor units as the integer that Stripe wants for ``amount``.

    Raises:
        NotChargeable: Stripe cannot express exactly this amount.
    """
    code = currency.upper()
    amount, rest = divmod(minor * _units(_stripe_exponent(code)), _units(exponent(code)))
    if rest:
        raise NotChargeable(minor=minor, currency=code, why="it knows whole units only")
    if code in _THREE_DECIMAL and amount % 10:
        raise NotChargeable(minor=minor, currency=code, why="the last digit must be 0")
    return amount


def check_chargeable(minor: int, currency: str) -> None:
    """Refuse a sum that is due and that Stripe does not charge; nothing at all is no sum.

    Raises:
        NotChargeable: it cannot be expressed, or is less than Stripe's smallest charge.
    """
    code, amount = currency.upper(), to_stripe(minor, currency)
    least = _LEAST.get(code, 0)
    if 0 < amount < least:
        why = f"its smallest charge is {to_major(from_stripe(least, code), code)} {code}"
        raise NotChargeable(minor=minor, currency=code, why=why)


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's integer amount in our minor units.

    Raises:
        NotExpressible: a fraction of our minor unit, such as 5.50 ISK.
    """
    code = currency.upper()
    minor, rest = divmod(amount * _units(exponent(code)), _units(_stripe_exponent(code)))
    if rest:
        raise NotExpressible(amount=amount, currency=code)
    return minor


def _units(decimals: int) -> int:
    return int(10**decimals)


def _stripe_exponent(code: str) -> int:
    """Decimals in Stripe's amounts; for a currency Stripe lacks, those of ISO 4217."""
    if code in _ZERO_DECIMAL:
        return 0
    if code in _WRITTEN_WITH_TWO:
        return 2
    return exponent(code)
