"""The fair policy: add-ons, discounts, taxes, trials, refusals."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from bridge.domain.discounts import DiscountCode
from bridge.domain.memberships import Customer, MembershipStatus
from bridge.domain.periods import Period
from bridge.domain.quotes import ChangeKind, LineType
from bridge.domain.terms import FairTerms, TaxMode, TaxRate
from tests.domain.builders import (
    ADDON,
    ADDON_2,
    FREE,
    NEW,
    OLD,
    TODAY,
    YEAR,
    build_membership,
    build_product,
    expiring,
    variations,
)
from tests.domain.test_fair import (
    ALL,
    BASIC,
    DISK,
    FREE_PLAN,
    codes,
    fair,
    titles,
)

# -- add-ons -------------------------------------------------------------------------------


def test_addons_are_carried_over_and_stay_in_the_recurring_amount() -> None:
    result = fair((NEW,), build_membership(4000, addons={ADDON: 2}))
    assert titles(result)[:2] == [("P2", 6000), ("P11", 1000)]
    assert result.recurring_total == 7000
    assert result.target is not None
    assert (dict(result.target.addons), result.target.amount) == ({ADDON: 2}, 7000)


def test_choosing_a_held_addon_again_keeps_it_once() -> None:
    result = fair((NEW, ADDON), build_membership(4000, addons={ADDON: 2}))
    assert result.target is not None
    assert (dict(result.target.addons), result.recurring_total) == ({ADDON: 2}, 7000)


def test_an_addon_paid_once_stays_without_being_paid_again() -> None:
    once = build_product(ADDON_2, 900, recurring=False)
    membership = build_membership(3000, addons={ADDON_2: 3})
    result = fair((NEW,), membership, catalogue=(*ALL, once))
    assert [line.type for line in result.lines] == [LineType.PRODUCT, LineType.CREDIT]
    assert result.target is not None
    assert dict(result.target.addons) == {ADDON_2: 3}


def test_an_addon_without_a_price_for_the_new_period_ends_and_the_quote_says_so() -> None:
    plan = build_product(NEW, 6000, variations=variations((YEAR, 60000)))
    monthly = build_product(ADDON_2, 900)
    membership = build_membership(4400, addons={ADDON: 1, ADDON_2: 1})
    result = fair((NEW,), membership, catalogue=(BASIC, plan, DISK, monthly), period=YEAR)
    assert result.target is not None
    assert (dict(result.target.addons), result.recurring_total) == ({ADDON: 1}, 65000)
    lost = next(step for step in result.explanation if step.rule == "addon.lost")
    assert lost.text == "P12 has no price for 1-year and ends."


def test_addons_need_not_be_carried() -> None:
    choices = FairTerms(carry_addons=False)
    result = fair((NEW,), build_membership(4000, addons={ADDON: 2}), choices=choices)
    assert result.target is not None
    assert (dict(result.target.addons), result.recurring_total) == ({}, 6000)


def test_an_addon_bought_mid_term_costs_the_rest_of_the_term() -> None:
    """15 of 30.4375 days of 5.00; afterwards it is part of the amount (gaps 4)."""
    membership = build_membership(3000)
    result = fair((ADDON,), membership)
    assert titles(result) == [("P11", 500), ("Part of the term that is over", -254)]
    assert (result.kind, result.due_now, result.recurring_total) == (ChangeKind.ADDON, 246, 3500)
    assert (result.next_billing_at, result.next_billing_amount) == (
        membership.date_expiration,
        3500,
    )
    assert result.target is not None
    assert (result.target.amount, dict(result.target.addons)) == (3500, {ADDON: 1})
    assert (result.target.plan_id, result.target.period) == (OLD, membership.period)


@pytest.mark.parametrize(
    ("choices", "due", "recurring"),
    [
        (FairTerms(prorate_addons=False), 500, 3500),
        (FairTerms(addons_recur=False), 246, 3000),
    ],
)
def test_prorating_and_recurring_are_choices(choices: FairTerms, due: int, recurring: int) -> None:
    result = fair((ADDON,), build_membership(3000), choices=choices)
    assert (result.due_now, result.recurring_total) == (due, recurring)
    steps = [step for step in result.explanation if step.rule.startswith("recurring.")]
    assert sum(step.amount or 0 for step in steps) == recurring


def test_an_addon_in_a_trial_is_paid_from_its_end_on() -> None:
    membership = build_membership(3000, status=MembershipStatus.TRIALING)
    result = fair((ADDON,), membership)
    assert (result.due_now, result.recurring_total) == (0, 3500)


def test_an_addon_paid_once_is_not_prorated() -> None:
    once = build_product(ADDON_2, 900, recurring=False)
    result = fair((ADDON_2,), build_membership(3000), catalogue=(*ALL, once))
    assert (result.due_now, result.recurring_total) == (900, 3000)


def test_another_unit_of_an_addon_is_added_to_those_held() -> None:
    result = fair((ADDON,), build_membership(3500, addons={ADDON: 1}))
    assert result.target is not None
    assert dict(result.target.addons) == {ADDON: 2}


def test_a_free_member_may_start_paying_with_an_addon() -> None:
    result = fair((ADDON,), build_membership(0, plan_id=FREE, date_expiration=None))
    assert (result.due_now, result.recurring_total, result.keeps_cycle) == (500, 500, False)
    assert result.next_billing_at is not None
    assert result.target is not None
    assert (result.target.plan_id, result.target.recurring) == (FREE, True)


@pytest.mark.parametrize("status", [MembershipStatus.EXPIRED, MembershipStatus.CANCELLED])
def test_a_membership_that_is_over_cannot_take_addons(status: MembershipStatus) -> None:
    assert codes(fair((ADDON,), build_membership(3000, status=status))) == ["not-running"]


def test_a_lifetime_membership_cannot_take_what_is_billed_regularly() -> None:
    membership = build_membership(0, initial_amount=20000, date_expiration=None)
    assert codes(fair((ADDON,), membership)) == ["no-cycle"]


# -- discounts, taxes, trials --------------------------------------------------------------


def test_a_lasting_discount_goes_on_even_if_the_code_is_over() -> None:
    code = DiscountCode("VIP", Decimal(20), date_expiration=TODAY - timedelta(days=1))
    result = fair((NEW,), build_membership(2400, discount=code))
    assert (result.discount_total, result.recurring_total) == (1200, 4800)
    first_only = DiscountCode("ONE", Decimal(20), apply_to_renewals=False)
    assert fair((NEW,), build_membership(2400, discount=first_only)).discount_total == 0


def test_a_requested_code_takes_the_place_of_the_carried_one() -> None:
    membership = build_membership(2400, discount=DiscountCode("VIP", Decimal(20)))
    result = fair(
        (NEW,),
        membership,
        request={"discount_code": "HALF"},
        discount=DiscountCode("HALF", Decimal(50)),
    )
    assert result.discount_total == 3000


def test_tax_is_rounded_to_the_currencys_own_unit() -> None:
    """No fraction of a yen: the lines add up to what is due."""
    result = fair(
        (NEW,),
        build_membership(0, currency="JPY"),
        catalogue=(build_product(OLD, 0), build_product(NEW, 1055, currency="JPY")),
        terms={
            "taxes": TaxMode.EXCLUSIVE,
            "tax_rates": {"default": (TaxRate("VAT", "FR", Decimal("9.995")),)},
        },
    )
    assert (result.lines[0].tax_total, result.due_now) == (105, 1160)


def test_three_decimals_of_a_currency_are_kept() -> None:
    plans = (build_product(OLD, 0, currency="KWD"), build_product(NEW, 60005, currency="KWD"))
    assert fair((NEW,), build_membership(0, currency="KWD"), catalogue=plans).due_now == 60005


def test_only_a_member_who_pays_nothing_yet_gets_a_trial() -> None:
    plan = build_product(NEW, 6000, trial=Period(14, "day"))
    catalogue = (BASIC, plan, FREE_PLAN)
    free = build_membership(0, plan_id=FREE)
    result = fair((NEW,), free, catalogue=catalogue)
    assert (result.has_trial, result.due_now) == (True, 0)
    assert (result.next_billing_at, result.next_billing_amount) == (
        TODAY + timedelta(days=14),
        6000,
    )
    paying = fair((NEW,), build_membership(3000), catalogue=catalogue)
    trialed = fair((NEW,), free, catalogue=catalogue, customer=Customer(7, has_trialed=True))
    assert (paying.has_trial, trialed.has_trial) == (False, False)
    assert trialed.due_now == 6000


# -- refusals ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("products", "expected"),
    [
        ((), "no_changes"),
        ((OLD,), "no_changes"),
        ((OLD, NEW), "plan-already-added"),
        ((99,), "missing-product"),
    ],
)
def test_what_cannot_be_is_refused_in_the_plugins_words(
    products: tuple[int, ...], expected: str
) -> None:
    result = fair(products, build_membership(3000))
    assert codes(result) == [expected]
    assert result.target is None
    assert result.next_billing_at is None


def test_another_customers_membership_is_not_changed() -> None:
    assert codes(fair((NEW,), build_membership(3000), customer=Customer(8))) == ["lacks_permission"]


def test_parts_of_a_price_with_three_decimals_end_in_a_nought() -> None:
    """Stripe takes two of the three: 12.345 KWD of unused time cannot be charged or given."""
    plans = (
        build_product(OLD, 30000, currency="KWD"),
        build_product(NEW, 60000, currency="KWD"),
    )
    member = build_membership(30000, currency="KWD", date_expiration=expiring(13))
    found = fair((NEW,), member, catalogue=plans)
    assert found.credit % 10 == 0
    assert 0 < found.due_now < 60000
    assert found.due_now % 10 == 0
