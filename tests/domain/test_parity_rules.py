"""The plugin's rules one by one (domain/plan-changes.md §3-§9), beyond the worked examples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bridge.domain.catalogue import PricingType
from bridge.domain.discounts import EXHAUSTED, INVALID, DiscountCode
from bridge.domain.memberships import Customer, MembershipStatus
from bridge.domain.periods import Period
from bridge.domain.preflight import SiteUsage
from bridge.domain.quotes import ChangeKind, LineType
from bridge.domain.terms import TaxMode, TaxRate
from tests.domain.builders import (
    ADDON,
    ADDON_2,
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


# -- discounts (§8) ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"active": False}, INVALID),
        ({"uses": 3, "max_uses": 3}, EXHAUSTED),
        ({"date_start": TODAY + timedelta(seconds=1)}, INVALID),
        ({"date_expiration": TODAY - timedelta(seconds=1)}, INVALID),
    ],
)
def test_a_code_that_cannot_be_used_is_an_error(fields: dict[str, Any], message: str) -> None:
    code = DiscountCode("TEN", Decimal(10), **fields)
    result = price(
        (NEW,),
        membership=build_membership(3000),
        catalogue=(BASIC, PRO),
        request={"discount_code": "ten"},
        discount=code,
    )
    assert [(error.code, error.message) for error in result.errors] == [("discount_code", message)]


def test_an_unknown_code_is_named_in_capitals() -> None:
    result = price(
        (NEW,),
        membership=build_membership(3000),
        catalogue=(BASIC, PRO),
        request={"discount_code": "nope"},
    )
    assert result.errors[0].message == "The code NOPE does not exist or is no longer valid."


@pytest.mark.parametrize(
    ("fields", "discounts"),
    [
        ({}, [600, 50, 0]),
        ({"allowed_products": (NEW,)}, [600, 0, 0]),
        ({"allowed_periods": ("1-year",)}, [0, 0, 0]),
        ({"allowed_periods": ("1-month",)}, [600, 50, 0]),
        ({"setup_fee_value": Decimal(50)}, [600, 50, 1000]),
        ({"value": Decimal(7), "type": "absolute"}, [700, 500, 0]),
    ],
)
def test_a_code_takes_its_share_of_each_line_it_covers(
    fields: dict[str, Any], discounts: list[int]
) -> None:
    """Per line; an absolute one is capped at the line; setup fees have their own value."""
    plan = build_product(NEW, 6000, setup_fee=2000)
    result = price(
        (NEW, ADDON),
        membership=build_membership(0),
        catalogue=(build_product(OLD, 0), plan, DISK),
        request={"discount_code": "TEN"},
        discount=DiscountCode("TEN", **{"value": Decimal(10), **fields}),
    )
    by_line = {(line.type, line.product_id): line.discount_total for line in result.lines}
    assert [
        by_line[LineType.PRODUCT, NEW],
        by_line[LineType.PRODUCT, ADDON],
        by_line[LineType.FEE, NEW],
    ] == discounts


def test_a_lasting_discount_of_the_member_applies_to_new_addons_only() -> None:
    lasting = DiscountCode("VIP", Decimal(20), apply_to_renewals=True)
    membership = build_membership(3000, discount=lasting)
    addon = price((ADDON,), membership=membership, catalogue=(BASIC, PRO, DISK))
    plan = price((NEW,), membership=membership, catalogue=(BASIC, PRO, DISK))
    assert (addon.discount_total, plan.discount_total) == (100, 0)


# -- currencies (§9) -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "amount", "price_", "due"),
    [
        ("USD", 3000, 6000, 5014),
        ("JPY", 3000, 6000, 5014),
        ("HUF", 300000, 600000, 501400),  # the plugin knows no fillér, ISO 4217 does
        ("ISK", 3000, 6000, 5014),
        ("KWD", 30005, 60005, 50150),  # two decimals for three: 60.005 - 9.86, rounded
    ],
)
def test_totals_are_rounded_to_the_networks_decimals(
    currency: str, amount: int, price_: int, due: int
) -> None:
    membership = build_membership(amount, currency=currency, date_expiration=expiring(10))
    plans = (
        build_product(OLD, amount, currency=currency),
        build_product(NEW, price_, currency=currency),
    )
    assert price((NEW,), membership=membership, catalogue=plans).due_now == due


def test_tax_keeps_two_decimals_where_the_currency_has_none() -> None:
    """105.45 yen of tax on 1,055: the line is rounded for show, the total once."""
    result = price(
        (NEW,),
        membership=build_membership(0, currency="JPY"),
        catalogue=(
            build_product(OLD, 0, currency="JPY"),
            build_product(NEW, 1055, currency="JPY"),
        ),
        terms=rates(TaxRate("VAT", "FR", Decimal("9.995"))),
    )
    assert (result.lines[0].tax_total, result.due_now) == (105, 1160)


# -- trials and dates (§5.3) ---------------------------------------------------------------


def test_the_shortest_trial_counts_and_one_product_without_cancels_it() -> None:
    fortnight, week = Period(14, "day"), Period(1, "week")
    plan = build_product(NEW, 6000, trial=fortnight)
    with_trial = build_product(ADDON, 500, trial=week)
    catalogue = (build_product(OLD, 0), plan, with_trial, build_product(ADDON_2, 700))
    both = price((NEW, ADDON), membership=build_membership(0), catalogue=catalogue)
    none = price((NEW, ADDON_2), membership=build_membership(0), catalogue=catalogue)
    assert both.billing_starts_at == TODAY + timedelta(days=7)
    assert both.has_trial
    assert none.billing_starts_at is None


def test_who_trialed_before_gets_no_trial() -> None:
    plan = build_product(NEW, 6000, trial=Period(14, "day"))
    result = price(
        (NEW,),
        membership=build_membership(0),
        catalogue=(build_product(OLD, 0), plan),
        customer=Customer(7, has_trialed=True),
    )
    assert not result.has_trial


def test_a_trial_may_need_no_payment_method() -> None:
    plan = build_product(NEW, 6000, trial=Period(14, "day"))
    for allowed in (True, False):
        result = price(
            (NEW,),
            membership=build_membership(0),
            catalogue=(build_product(OLD, 0), plan),
            terms={"allow_trial_without_payment_method": allowed},
        )
        assert result.collects_payment is not allowed


def test_a_downgrade_waits_only_while_the_membership_runs() -> None:
    for status in MembershipStatus:
        if status is MembershipStatus.PENDING:
            continue
        membership = build_membership(6000, plan_id=NEW, status=status)
        result = price((OLD,), membership=membership, catalogue=(BASIC, PRO))
        runs = status in ("active", "on-hold", "trialing")
        assert result.scheduled is runs
        assert result.effective_at == (membership.date_expiration if runs else TODAY)


def test_the_last_day_of_january_and_a_month_is_in_march() -> None:
    result = price(
        (NEW,),
        membership=build_membership(0),
        catalogue=(build_product(OLD, 0), PRO),
        now=datetime(2026, 1, 31, 12, tzinfo=UTC),
    )
    assert result.next_billing_at == datetime(2026, 3, 3, 12, tzinfo=UTC)


# -- usage over the new plan's limits (§4 step 5, limits.md §5) ----------------------------


@pytest.mark.parametrize(
    ("limits", "usage", "expected"),
    [
        (
            {"post_types": {"enabled": False, "limit": {"post": {"number": "5"}}}},
            SiteUsage(1, posts={"post": 17, "page": 3}),
            (
                "overlimits_post",
                "Your site currently has 17 Posts but the new plan is limited to 5 Posts. "
                "You must trash 12 Posts before you can downgrade your plan.",
            ),
        ),
        ({"post_types": {"limit": {"post": {"number": 0}}}}, SiteUsage(1, posts={"post": 9}), None),
        (
            {"domain_mapping": {"enabled": True, "limit": 1}},
            SiteUsage(1, domains=2),
            (
                "overlimits",
                "Your site currently has 2 custom domains but the new plan is limited to 1 custom "
                "domain. You must remove 1 custom domain before you can downgrade your plan.",
            ),
        ),
        (
            {"domain_mapping": {"enabled": False, "limit": 9}},
            SiteUsage(1, domains=1),
            (
                "overlimits",
                "This new plan does NOT support custom domains. You must remove all custom domains "
                "before you can downgrade your plan.",
            ),
        ),
        ({"domain_mapping": {"enabled": True, "limit": ""}}, SiteUsage(1, domains=5), None),
        ({"domain_mapping": {"enabled": True, "limit": 0}}, SiteUsage(1, domains=0), None),
    ],
)
def test_too_small_a_plan_is_refused_in_the_plugins_words(
    limits: dict[str, Any], usage: SiteUsage, expected: tuple[str, str] | None
) -> None:
    plan = build_product(NEW, 6000, limits=limits)
    result = price(
        (NEW,), membership=build_membership(3000), catalogue=(BASIC, plan), usage=[usage]
    )
    assert [(error.code, error.message) for error in result.errors] == (
        [expected] if expected else []
    )


# -- offers are enforced, which the plugin does not (§2) -----------------------------------


def test_a_free_member_is_offered_the_premium_plan_of_his_group_only() -> None:
    free = build_product(OLD, 0, group="High End")
    premium = build_product(NEW, 6000, group="High End")
    basic = build_product(3, 1000, group="")
    membership = build_membership(0)
    for policy in ("parity", "fair"):
        ask = {
            "membership": membership,
            "catalogue": (free, premium, basic),
            "policy": policy,
            "enforce_offers": True,
        }
        assert price((NEW,), **ask).possible
        refused = price((3,), **ask)
        assert (refused.kind, codes(refused)) == (ChangeKind.IMPOSSIBLE, ["not-offered"])
        assert refused.target is None


@pytest.mark.parametrize(
    "fields", [{"active": False}, {"pricing_type": PricingType.CONTACT_US, "recurring": False}]
)
def test_inactive_plans_and_plans_sold_by_contact_cannot_be_chosen(fields: dict[str, Any]) -> None:
    plan = build_product(NEW, 6000, **fields)
    result = price(
        (NEW,), membership=build_membership(3000), catalogue=(BASIC, plan), enforce_offers=True
    )
    assert codes(result) == ["not-offered"]


def test_an_addon_must_be_on_offer_for_the_current_plan() -> None:
    for listed in (True, False):
        basic = build_product(OLD, 3000, available_addons=(ADDON,) if listed else ())
        result = price(
            (ADDON,),
            membership=build_membership(3000),
            catalogue=(basic, DISK),
            enforce_offers=True,
        )
        assert result.possible is listed


def test_lines_and_steps_of_a_quote_add_up() -> None:
    """§5.2 with everything at once: fee, discount, tax, credit beyond the price."""
    for amount in (3000, 300000):
        result = price(
            (NEW, ADDON),
            membership=build_membership(amount),
            catalogue=(BASIC, build_product(NEW, 6000, setup_fee=700), DISK),
            terms=rates(TaxRate("VAT", "FR", Decimal("5.5"))),
            request={"discount_code": "TEN"},
            discount=DiscountCode("TEN", Decimal("33.33"), apply_to_renewals=False),
        )
        steps = result.explanation
        due = sum(step.amount or 0 for step in steps if step.rule.startswith("due."))
        recurring = sum(step.amount or 0 for step in steps if step.rule.startswith("recurring."))
        assert (due, recurring) == (result.due_now, result.recurring_total)
        assert result.excess_credit == max(0, -sum(line.total for line in result.lines))
        assert all(step.source.startswith("domain/") and step.text for step in steps)


def test_an_annual_membership_created_today_is_credited_in_full() -> None:
    plans = (build_product(OLD, 24000, period=YEAR), build_product(NEW, 48000, period=YEAR))
    membership = build_membership(
        24000, period=YEAR, date_created=TODAY, date_expiration=expiring(20)
    )
    assert price((NEW,), membership=membership, catalogue=plans).credit == 24000
