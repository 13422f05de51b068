"""The plugin's rules one by one (domain/plan-changes.md §3-§9), beyond the worked examples."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bridge.domain.catalogue import PricingType
from bridge.domain.memberships import Customer, MembershipStatus
from bridge.domain.periods import Period
from bridge.domain.quotes import ChangeKind, LineType
from bridge.domain.terms import TaxMode, TaxRate
from tests.domain.builders import (
    ADDON,
    NEW,
    OLD,
    TODAY,
    YEAR,
    build_membership,
    build_product,
    expiring,
    price,
    variations,
)

BASIC, PRO = build_product(OLD, 3000), build_product(NEW, 6000)
DISK = build_product(ADDON, 500)
TWELVE_MONTHS = Period(12, "month")


def rates(*given: TaxRate, category: str = "default") -> dict[str, Any]:
    return {"taxes": TaxMode.EXCLUSIVE, "tax_rates": {category: given}}


def codes(result: Any) -> list[str]:
    return [error.code for error in result.errors]


# -- what may be in an order (§3) ----------------------------------------------------------


def test_nothing_chosen_changes_nothing() -> None:
    result = price((), membership=build_membership(3000), catalogue=(BASIC, PRO))
    assert result.kind is ChangeKind.NONE
    assert [error.message for error in result.errors] == [
        "This cart proposes no changes to the current membership."
    ]


def test_the_current_plan_changes_nothing() -> None:
    result = price((OLD,), membership=build_membership(3000), catalogue=(BASIC, PRO))
    assert (result.kind, result.lines, result.target) == (ChangeKind.NONE, (), None)


def test_a_second_plan_is_refused_and_the_first_kept() -> None:
    result = price((NEW, OLD), membership=build_membership(3000), catalogue=(BASIC, PRO))
    assert codes(result) == ["plan-already-added"]
    assert (result.kind, result.plan_id) == (ChangeKind.IMPOSSIBLE, NEW)


def test_an_unknown_product_is_refused_and_the_rest_still_priced() -> None:
    result = price((NEW, 99), membership=build_membership(3000), catalogue=(BASIC, PRO))
    assert codes(result) == ["missing-product"]
    assert result.recurring_total == 6000


def test_the_same_product_twice_counts_once() -> None:
    result = price((NEW, NEW), membership=build_membership(3000), catalogue=(BASIC, PRO))
    assert result.possible
    assert [line.type for line in result.lines] == [LineType.PRODUCT, LineType.CREDIT]


def test_a_product_without_a_price_for_the_period_is_refused() -> None:
    result = price((NEW,), membership=build_membership(3000), catalogue=(BASIC, PRO), period=YEAR)
    assert "missing-price-variations" in codes(result)


def test_twelve_months_find_the_price_of_a_year() -> None:
    yearly = build_product(NEW, 6000, variations=variations((YEAR, 60000)))
    result = price(
        (NEW,), membership=build_membership(3000), catalogue=(BASIC, yearly), period=TWELVE_MONTHS
    )
    assert result.possible
    assert (result.recurring_total, result.lines[0].period) == (60000, YEAR)


def test_a_yearly_product_does_not_sell_twelve_months_without_listing_them() -> None:
    yearly = build_product(NEW, 60000, period=YEAR)
    result = price(
        (NEW,), membership=build_membership(3000), catalogue=(BASIC, yearly), period=TWELVE_MONTHS
    )
    assert [error.message for error in result.errors] == [
        "P2 does not have a valid price variation for that billing period (every 12 month(s)) "
        "and was not added to the cart."
    ]


def test_twelve_months_and_a_year_count_as_a_plan_change() -> None:
    plan = build_product(OLD, 36000, period=YEAR, variations=variations((TWELVE_MONTHS, 36000)))
    membership = build_membership(36000, period=YEAR, date_expiration=expiring(100))
    result = price((OLD,), membership=membership, catalogue=(plan,), period=TWELVE_MONTHS)
    assert result.kind is ChangeKind.UPGRADE


def test_a_one_time_product_overwrites_the_period_of_the_order() -> None:
    once = build_product(ADDON, 500, recurring=False, period=YEAR)
    result = price((NEW, ADDON), membership=build_membership(3000), catalogue=(BASIC, PRO, once))
    assert result.period == YEAR


def test_recurring_lines_must_share_period_and_cycles() -> None:
    limited = build_product(ADDON, 500, billing_cycles=12)
    result = price((NEW, ADDON), membership=build_membership(3000), catalogue=(BASIC, PRO, limited))
    assert codes(result) == ["wrong"]
    assert "do not match" in result.errors[0].message


def test_another_customers_membership_is_not_changed() -> None:
    result = price(
        (NEW,), membership=build_membership(3000), catalogue=(BASIC, PRO), customer=Customer(8)
    )
    assert codes(result) == ["lacks_permission"]


@pytest.mark.parametrize(
    ("amount", "mode", "chosen_recurring", "expected"),
    [
        (None, "force_recurring", False, (4000, 4000)),
        (7000, "force_recurring", False, (7000, 7000)),
        (7000, "force_one_time", True, (7000, 0)),
        (7000, "customer_choice", False, (7000, 0)),
        (7000, "customer_choice", True, (7000, 7000)),
    ],
)
def test_pay_what_you_want_takes_the_customers_amount_and_mode(
    amount: int | None, mode: str, chosen_recurring: bool, expected: tuple[int, int]
) -> None:
    plan = build_product(
        NEW,
        1,
        pricing_type=PricingType.PAY_WHAT_YOU_WANT,
        pwyw_suggested=4000,
        pwyw_minimum=1000,
        pwyw_recurring_mode=mode,
    )
    result = price(
        (NEW,),
        membership=build_membership(0),
        catalogue=(build_product(OLD, 0), plan),
        request={
            "pwyw_amounts": {} if amount is None else {NEW: amount},
            "pwyw_recurring": {NEW: chosen_recurring},
        },
    )
    assert (result.due_now, result.recurring_total) == expected


@pytest.mark.parametrize(
    ("amount", "code"), [(999, "pwyw-below-minimum"), (5_000_001, "pwyw-above-maximum")]
)
def test_pay_what_you_want_has_bounds(amount: int, code: str) -> None:
    plan = build_product(NEW, 1, pricing_type=PricingType.PAY_WHAT_YOU_WANT, pwyw_minimum=1000)
    result = price(
        (NEW,),
        membership=build_membership(3000),
        catalogue=(BASIC, plan),
        request={"pwyw_amounts": {NEW: amount}},
    )
    assert code in codes(result)


# -- setup fees and credit (§3, §5.1) ------------------------------------------------------


def test_a_setup_fee_is_a_line_of_its_own_and_never_recurs() -> None:
    plan = build_product(NEW, 6000, setup_fee=2500)
    result = price((NEW,), membership=build_membership(3000), catalogue=(BASIC, plan))
    fee = next(line for line in result.lines if line.type is LineType.FEE)
    assert (fee.title, fee.total, fee.recurring) == ("Signup Fee for P2", 2500, False)
    assert result.recurring_total == 6000


def test_a_negative_setup_fee_is_a_signup_credit() -> None:
    plan = build_product(NEW, 6000, setup_fee=-1000)
    result = price((NEW,), membership=build_membership(0), catalogue=(build_product(OLD, 0), plan))
    assert [line.title for line in result.lines] == ["P2", "Signup Credit for P2"]
    assert result.due_now == 5000


def test_without_credit_there_is_no_setup_fee_credit_either() -> None:
    old, new = build_product(OLD, 3000, setup_fee=2000), build_product(NEW, 6000, setup_fee=5000)
    expired = build_membership(3000, date_expiration=TODAY - timedelta(days=1))
    result = price((NEW,), membership=expired, catalogue=(old, new))
    assert (result.due_now, result.credit) == (11000, 0)


def test_an_addon_with_a_setup_fee_counts_once() -> None:
    """The plugin also counts the fee line and doubles the limits (§6): not followed."""
    addon = build_product(ADDON, 500, setup_fee=700)
    result = price((ADDON,), membership=build_membership(3000), catalogue=(BASIC, addon))
    assert result.due_now == 1200
    assert result.target is not None
    assert result.target.addons == {ADDON: 1}


def test_a_plan_change_drops_addons_that_are_not_chosen_again() -> None:
    membership = build_membership(3500, addons={ADDON: 2})
    result = price((NEW,), membership=membership, catalogue=(BASIC, PRO, DISK))
    assert result.target is not None
    assert (result.target.plan_id, dict(result.target.addons)) == (NEW, {})
    assert (result.target.amount, result.target.initial_amount) == (6000, result.due_now)


def test_an_addon_chosen_with_the_current_plan_is_charged_alone() -> None:
    result = price((OLD, ADDON), membership=build_membership(3000), catalogue=(BASIC, DISK))
    assert result.kind is ChangeKind.ADDON
    assert [line.product_id for line in result.lines] == [ADDON]


def test_left_days_are_counted_against_the_wall_clock_of_the_site() -> None:
    """ "Now" is site-local, the expiration UTC: a zone can cost or win a day (§5.1)."""
    membership = build_membership(3000, date_expiration=TODAY + timedelta(days=10, hours=1))
    here = price((NEW,), membership=membership, catalogue=(BASIC, PRO))
    east = price(
        (NEW,),
        membership=membership,
        catalogue=(BASIC, PRO),
        terms={"timezone": "Asia/Tokyo"},
    )
    assert (here.credit, east.credit) == (986, 887)


def test_a_never_paid_membership_starts_anew() -> None:
    pending = build_membership(3000, status=MembershipStatus.PENDING)
    result = price((NEW,), membership=pending, catalogue=(BASIC, PRO))
    assert (result.due_now, result.credit) == (6000, 0)


# -- taxes (§7) ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "state", "city", "expected"),
    [
        ("FR", "", "", "20"),
        ("US", "CA", "", "9.5"),  # half points do not decide: the last of the best
        ("US", "CA", "LA", "9.5"),
        ("US", "TX", "", "5"),
        ("BR", "", "", None),
        ("", "", "", "20"),  # the customer's own country
    ],
)
def test_the_rate_nearest_to_the_address_applies(
    country: str, state: str, city: str, expected: str | None
) -> None:
    table = (
        TaxRate("VAT", "FR", Decimal(20)),
        TaxRate("US", "US", Decimal(5)),
        TaxRate("CA", "US", Decimal("7.25"), state="CA,NV"),
        TaxRate("LA", "US", Decimal("9.5"), state="CA", city="LA"),
        TaxRate("Any", "*", Decimal(3)),
    )
    result = price(
        (NEW,),
        membership=build_membership(0),
        catalogue=(build_product(OLD, 0), PRO),
        terms=rates(*table),
        request={"country": country, "state": state, "city": city},
    )
    assert result.lines[0].tax_rate == (expected or "0")


def test_fair_lets_half_points_decide_and_taxes_everywhere() -> None:
    table = (
        TaxRate("CA", "US", Decimal("7.25"), state="CA"),
        TaxRate("LA", "US", Decimal("9.5"), state="CA", city="LA"),
        TaxRate("Any", "*", Decimal(3)),
    )
    for country, state, expected in (("US", "CA", "7.25"), ("BR", "", "3")):
        result = price(
            (NEW,),
            membership=build_membership(0),
            catalogue=(build_product(OLD, 0), PRO),
            policy="fair",
            terms=rates(*table),
            request={"country": country, "state": state},
        )
        assert result.lines[0].tax_rate == expected


def test_nothing_is_taxed_that_is_not_taxable_or_has_no_rates() -> None:
    for plan in (
        build_product(NEW, 6000, taxable=False),
        build_product(NEW, 6000, tax_category="x"),
    ):
        result = price(
            (NEW,),
            membership=build_membership(0),
            catalogue=(build_product(OLD, 0), plan),
            terms=rates(TaxRate("VAT", "FR", Decimal(20))),
        )
        assert result.tax_total == 0


def test_credits_carry_no_tax() -> None:
    result = price(
        (NEW,),
        membership=build_membership(3600),
        catalogue=(BASIC, PRO),
        terms=rates(TaxRate("VAT", "FR", Decimal(20))),
    )
    assert [line.tax_total for line in result.lines] == [1200, 0]


def test_a_half_cent_of_inclusive_tax_falls_as_phps_doubles_do() -> None:
    """Each holds exactly half a cent of 20 % tax; the taxes are what PHP 8.2 answers."""
    for amount, tax in ((3, 0), (9, 2), (903, 151), (495933, 82655), (60003, 10001)):
        result = price(
            (NEW,),
            membership=build_membership(0),
            catalogue=(build_product(OLD, 0), build_product(NEW, amount)),
            terms={**rates(TaxRate("VAT", "FR", Decimal(20))), "taxes": TaxMode.INCLUSIVE},
        )
        assert (result.tax_total, result.due_now) == (tax, amount)
