"""The choices of the fair policy, one by one: what users of the plugin complain about."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bridge.domain.discounts import DiscountCode
from bridge.domain.memberships import Customer, MembershipStatus
from bridge.domain.periods import Period
from bridge.domain.quotes import ChangeKind, LineType, Quote
from bridge.domain.terms import Anchor, Credit, FairTerms, PathRule, TaxMode, TaxRate, Timing
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
    price,
    variations,
)

BASIC, PRO = build_product(OLD, 3000), build_product(NEW, 6000)
FREE_PLAN = build_product(FREE, 0)
DISK = build_product(ADDON, 500, variations=variations((YEAR, 5000)))
ALL = (BASIC, PRO, FREE_PLAN, DISK)
KEPT = FairTerms(anchor=Anchor.KEEP)


def fair(products: tuple[int, ...], membership: Any, **more: Any) -> Quote:
    catalogue = more.pop("catalogue", ALL)
    choices = more.pop("choices", FairTerms())
    terms = {"fair": choices, **more.pop("terms", {})}
    return price(
        products, membership=membership, catalogue=catalogue, policy="fair", terms=terms, **more
    )


def titles(result: Quote) -> list[tuple[str, int]]:
    return [(line.title, line.total) for line in result.lines]


def codes(result: Quote) -> list[str]:
    return [error.code for error in result.errors]


# -- upgrades and credit -------------------------------------------------------------------


def test_an_upgrade_credits_the_unused_days() -> None:
    """15 of 30.4375 days of 30.00: 14.78 (domain/plan-changes.md §5.1, example 1)."""
    result = fair((NEW,), build_membership(3000))
    assert titles(result) == [("P2", 6000), ("Credit for the unused time", -1478)]
    assert (result.kind, result.due_now, result.recurring_total) == (
        ChangeKind.UPGRADE,
        4522,
        6000,
    )


def test_the_clock_is_utc_wherever_the_site_is() -> None:
    here = fair((NEW,), build_membership(3000))
    there = fair((NEW,), build_membership(3000), terms={"timezone": "Asia/Tokyo"})
    assert here == there


def test_several_prepaid_cycles_are_credited_in_full() -> None:
    """Three months ahead: 91 days of 30.4375 are 2.99 cycles, not one."""
    result = fair((NEW,), build_membership(3000, date_expiration=expiring(80)))
    assert result.credit + result.ledger_added == 7885
    assert (result.due_now, result.ledger_added) == (0, 1885)


def test_a_long_month_is_one_cycle() -> None:
    for days in (31, 34):
        membership = build_membership(3000, date_expiration=expiring(days))
        assert fair((NEW,), membership).credit == 3000


def test_credit_beyond_the_price_is_kept_and_used_the_next_time() -> None:
    """Example 15 loses 140.00; here they wait in the ledger."""
    lifetime = build_membership(0, initial_amount=20000, date_expiration=None)
    once = build_product(OLD, 20000, recurring=False)
    first = fair((NEW,), lifetime, catalogue=(once, PRO))
    assert (first.due_now, first.ledger_added) == (0, 14000)
    later = fair((NEW,), build_membership(3000, ledger=1000))
    assert titles(later)[1:] == [
        ("Credit for the unused time", -1478),
        ("Credit from earlier changes", -1000),
    ]
    assert (later.due_now, later.ledger_used, later.ledger_added) == (3522, 1000, 0)


def test_the_operator_may_choose_to_forget_the_excess() -> None:
    membership = build_membership(30000)
    path = FairTerms(keep_excess=False)
    result = fair((NEW,), membership, choices=path)
    assert (result.due_now, result.ledger_added) == (0, 0)


def test_an_expired_membership_pays_in_full_and_a_cancelled_one_keeps_its_days() -> None:
    expired = build_membership(
        3000, status=MembershipStatus.EXPIRED, date_expiration=TODAY - timedelta(days=2)
    )
    cancelled = build_membership(3000, status=MembershipStatus.CANCELLED)
    assert fair((NEW,), expired).due_now == 6000
    assert fair((NEW,), cancelled).due_now == 4522


@pytest.mark.parametrize("status", [MembershipStatus.TRIALING, MembershipStatus.PENDING])
def test_nothing_paid_is_nothing_credited(status: MembershipStatus) -> None:
    assert fair((NEW,), build_membership(3000, status=status)).due_now == 6000


def test_a_plan_paid_once_is_worth_its_price_later() -> None:
    """Not only what was due in money: else the credit that went into it would be lost."""
    once = build_product(NEW, 30000, recurring=False)
    result = fair((NEW,), build_membership(3000), catalogue=(BASIC, once))
    assert (result.due_now, result.next_billing_at) == (28522, None)
    assert result.target is not None
    assert (result.target.initial_amount, result.target.recurring) == (30000, False)


def test_a_setup_fee_is_charged_as_far_as_it_exceeds_the_old_one() -> None:
    catalogue = (
        build_product(OLD, 3000, setup_fee=2000),
        build_product(NEW, 6000, setup_fee=5000),
    )
    expired = build_membership(
        3000, status=MembershipStatus.EXPIRED, date_expiration=TODAY - timedelta(days=2)
    )
    assert fair((NEW,), expired, catalogue=catalogue).due_now == 9000


# -- periods -------------------------------------------------------------------------------


def test_a_year_may_become_a_month_at_its_end() -> None:
    """The plugin refuses: "You already have an active year agreement" (gaps 1)."""
    yearly = build_membership(10000, period=YEAR, date_expiration=expiring(200))
    dearer = build_product(NEW, 2000)
    result = fair((NEW,), yearly, catalogue=(build_product(OLD, 10000, period=YEAR), dearer))
    assert result.possible
    assert (result.due_now, result.ledger_added) == (0, 3476)
    plan = build_product(OLD, 1000, variations=variations((YEAR, 10000)))
    shorter = fair((OLD,), yearly, catalogue=(plan,), period=Period(1, "month"))
    assert (shorter.kind, shorter.scheduled, shorter.due_now) == (ChangeKind.DOWNGRADE, True, 0)


def test_a_year_and_twelve_months_are_the_same() -> None:
    yearly = build_membership(10000, period=YEAR, date_expiration=expiring(200))
    catalogue = (build_product(OLD, 10000, period=YEAR),)
    result = fair((OLD,), yearly, catalogue=catalogue, period=Period(12, "month"))
    assert codes(result) == ["no_changes"]


# -- timing --------------------------------------------------------------------------------


def test_a_downgrade_waits_for_the_end_of_the_term() -> None:
    membership = build_membership(6000, plan_id=NEW)
    result = fair((OLD,), membership)
    assert (result.kind, result.due_now, result.scheduled) == (ChangeKind.DOWNGRADE, 0, True)
    assert result.effective_at == result.next_billing_at == membership.date_expiration
    assert (result.next_billing_amount, result.has_trial) == (3000, False)


def test_a_downgrade_to_a_free_plan_bills_nothing_again() -> None:
    membership = build_membership(6000, plan_id=NEW)
    result = fair((FREE,), membership)
    assert (result.kind, result.scheduled, result.next_billing_at) == (
        ChangeKind.DOWNGRADE,
        True,
        None,
    )
    assert result.target is not None
    assert (result.target.plan_id, result.target.recurring) == (FREE, False)


def test_a_downgrade_may_be_immediate() -> None:
    choices = FairTerms(downgrade=PathRule(timing=Timing.IMMEDIATE))
    result = fair((OLD,), build_membership(6000, plan_id=NEW), choices=choices)
    assert (result.kind, result.scheduled) == (ChangeKind.DOWNGRADE, False)
    assert (result.due_now, result.ledger_added) == (43, 0)


def test_an_upgrade_may_wait() -> None:
    choices = FairTerms(upgrade=PathRule(timing=Timing.END_OF_TERM))
    result = fair((NEW,), build_membership(3000), choices=choices)
    assert (result.kind, result.scheduled, result.due_now) == (ChangeKind.UPGRADE, True, 0)
    assert result.next_billing_amount == 6000


def test_a_path_may_be_closed_and_the_first_matching_rule_wins() -> None:
    closed = PathRule(timing=Timing.ILLEGAL, from_plan=OLD, to_plan=NEW)
    opened = PathRule(from_plan=OLD, to_plan=NEW)
    refused = fair((NEW,), build_membership(3000), choices=FairTerms(paths=(closed, opened)))
    assert (refused.kind, codes(refused)) == (ChangeKind.IMPOSSIBLE, ["path-not-allowed"])
    assert refused.target is None
    allowed = fair((NEW,), build_membership(3000), choices=FairTerms(paths=(opened, closed)))
    assert allowed.possible


@pytest.mark.parametrize(
    ("anchor", "credit", "due"),
    [
        (Anchor.RESTART, Credit.PRORATED, 6000 - 1478),
        (Anchor.RESTART, Credit.FULL_DIFFERENCE, 3000),
        (Anchor.RESTART, Credit.NONE, 6000),
        (Anchor.KEEP, Credit.PRORATED, 2957 - 1478),
        (Anchor.KEEP, Credit.FULL_DIFFERENCE, 3000),
        (Anchor.KEEP, Credit.NONE, 0),
    ],
)
def test_a_change_costs_what_credit_and_anchor_say(
    anchor: Anchor, credit: Credit, due: int
) -> None:
    choices = FairTerms(anchor=anchor, upgrade=PathRule(credit=credit))
    membership = build_membership(3000)
    result = fair((NEW,), membership, choices=choices)
    assert result.due_now == due
    kept = anchor is Anchor.KEEP
    assert result.keeps_cycle is kept
    assert (result.next_billing_at == membership.date_expiration) is kept
    assert result.recurring_total == result.next_billing_amount == 6000


def test_another_period_cannot_keep_the_cycle() -> None:
    plan = build_product(NEW, 6000, variations=variations((YEAR, 60000)))
    result = fair(
        (NEW,), build_membership(3000), choices=KEPT, catalogue=(BASIC, plan), period=YEAR
    )
    assert (result.keeps_cycle, result.due_now) == (False, 60000 - 1478)


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
