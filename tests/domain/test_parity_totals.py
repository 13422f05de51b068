"""The plugin's rules for discounts, currencies, trials, usage and offers."""

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
from bridge.domain.terms import TaxRate
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
)
from tests.domain.test_parity_rules import (
    BASIC,
    DISK,
    PRO,
    codes,
    rates,
)

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
