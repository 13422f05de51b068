"""The choices of the fair policy, one by one: what users of the plugin complain about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bridge.domain.memberships import MembershipStatus
from bridge.domain.periods import Period
from bridge.domain.quotes import ChangeKind, Quote
from bridge.domain.terms import Anchor, Credit, FairTerms, PathRule, Timing
from tests.domain.builders import (
    ADDON,
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
