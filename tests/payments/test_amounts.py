"""Our minor units and Stripe's (https://docs.stripe.com/currencies)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.payments.amounts import (
    NotChargeable,
    NotExpressible,
    check_chargeable,
    from_stripe,
    to_stripe,
)


@pytest.mark.parametrize(
    ("ours", "currency", "stripes"),
    [
        (1000, "USD", 1000),
        (1000, "usd", 1000),
        (500, "JPY", 500),
        (500, "XAF", 500),
        (5120, "KWD", 5120),
        (5, "ISK", 500),
        (5, "UGX", 500),
        (1045, "HUF", 1045),
        (1045, "TWD", 1045),
        (500, "MGA", 5),
        (-1000, "USD", -1000),
        (0, "ISK", 0),
    ],
)
def test_amounts_go_over_and_come_back(ours: int, currency: str, stripes: int) -> None:
    """10 USD are 1000, 500 JPY are 500, 5 ISK and 5 UGX are 500, HUF has two decimals."""
    assert to_stripe(ours, currency) == stripes
    assert from_stripe(stripes, currency) == ours


@pytest.mark.parametrize("currency", ["BHD", "JOD", "KWD", "OMR", "TND"])
def test_the_last_of_three_decimals_must_be_zero(currency: str) -> None:
    """Stripe refuses 5.124 KWD; it is not rounded behind the customer's back."""
    with pytest.raises(NotChargeable, match=r"5124 minor units .* last digit must be 0"):
        to_stripe(5124, currency)


def test_what_stripe_cannot_express_is_refused() -> None:
    """The ariary has fifths, Stripe has whole ones only."""
    with pytest.raises(NotChargeable, match="whole units only"):
        to_stripe(501, "MGA")


@pytest.mark.parametrize("currency", ["ISK", "UGX"])
def test_a_fraction_of_a_whole_currency_is_not_read_as_money(currency: str) -> None:
    """5.50 ISK cannot have been quoted."""
    with pytest.raises(NotExpressible, match=f"550 {currency} is not a whole number"):
        from_stripe(550, currency)


@given(st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "ISK", "UGX", "KWD", "MGA"]))
def test_what_was_sent_is_what_comes_back(minor: int, currency: str) -> None:
    """No amount changes on the way to Stripe and back."""
    try:
        sent = to_stripe(minor, currency)
    except NotChargeable:
        return
    assert from_stripe(sent, currency) == minor


@pytest.mark.parametrize(
    ("minor", "currency", "fine"),
    [
        (0, "USD", True),
        (50, "USD", True),
        (49, "USD", False),
        (50, "JPY", True),
        (49, "JPY", False),
        (17499, "HUF", False),
        (10, "KWD", True),
        (12, "KWD", False),
    ],
)
def test_what_stripe_does_not_charge_is_refused(minor: int, currency: str, fine: bool) -> None:
    """Less than its smallest charge, or not to be expressed."""
    if fine:
        check_chargeable(minor, currency)
        return
    with pytest.raises(NotChargeable):
        check_chargeable(minor, currency)
