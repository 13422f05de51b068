"""Expirations after renewals and changes, the status machine, and offers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.catalogue import Catalogue, PricingType, ProductType
from bridge.domain.dates import add_calendar, add_like_php
from bridge.domain.expiration import next_expiration_for_change, renewed_expiration
from bridge.domain.memberships import MembershipStatus
from bridge.domain.offers import offers
from bridge.domain.periods import Period
from bridge.domain.status import TRANSITIONS, Actor, Grace, due_status, may, move
from bridge.domain.terms import Anchor, FairTerms
from bridge.errors import Conflict
from tests.domain.builders import (
    ADDON,
    ADDON_2,
    FREE,
    MONTH,
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


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"{text} 23:59:59").replace(tzinfo=UTC)


# -- adding periods ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "period", "php", "calendar"),
    [
        ("2026-01-31", MONTH, "2026-03-03", "2026-02-28"),
        ("2028-01-31", MONTH, "2028-03-02", "2028-02-29"),
        ("2028-02-29", YEAR, "2029-03-01", "2029-02-28"),
        ("2026-12-31", Period(2, "month"), "2027-03-03", "2027-02-28"),
        ("2026-10-31", Period(6, "month"), "2027-05-01", "2027-04-30"),
        ("2026-03-10", Period(2, "week"), "2026-03-24", "2026-03-24"),
        ("2026-03-10", Period(30, "day"), "2026-04-09", "2026-04-09"),
    ],
)
def test_php_runs_over_and_the_calendar_stops_at_the_months_end(
    start: str, period: Period, php: str, calendar: str
) -> None:
    assert add_like_php(day(start), period) == day(php)
    assert add_calendar(day(start), period) == day(calendar)


# -- renewals ------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["parity", "fair"])
def test_a_renewal_counts_from_the_later_of_expiration_and_now(policy: str) -> None:
    now = datetime(2026, 3, 11, 12, tzinfo=UTC)
    ahead = build_membership(3000, date_expiration=day("2026-03-20"))
    behind = build_membership(3000, date_expiration=day("2026-03-01"))
    assert renewed_expiration(ahead, now=now, policy=policy) == day("2026-04-20")
    assert renewed_expiration(behind, now=now, policy=policy) == day("2026-04-11")
    assert renewed_expiration(ahead, now=now, policy=policy, from_today=True) == day("2026-04-11")


@pytest.mark.parametrize("policy", ["parity", "fair"])
def test_what_is_not_billed_again_never_expires(policy: str) -> None:
    once = build_membership(0, initial_amount=5000)
    assert renewed_expiration(once, now=TODAY, policy=policy) is None


def test_fair_renewals_return_to_the_day_the_membership_started_on() -> None:
    """31 January, 28 February, 31 March: the plugin would drift to the 1st and stay there."""
    membership = build_membership(
        3000, date_created=day("2026-01-31"), date_expiration=day("2026-02-28")
    )
    now = datetime(2026, 2, 20, tzinfo=UTC)
    assert renewed_expiration(membership, now=now, policy="fair") == day("2026-03-31")
    assert renewed_expiration(membership, now=now, policy="parity") == day("2026-03-28")


def test_fair_renewals_stay_on_a_day_that_is_not_the_months_last() -> None:
    membership = build_membership(
        3000, date_created=day("2026-01-31"), date_expiration=day("2026-04-28")
    )
    now = datetime(2026, 4, 20, tzinfo=UTC)
    assert renewed_expiration(membership, now=now, policy="fair") == day("2026-05-28")


# -- changes -------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["parity", "fair"])
def test_an_upgrade_starts_a_new_cycle_and_an_addon_does_not(policy: str) -> None:
    membership = build_membership(3000)
    catalogue = (build_product(OLD, 3000), build_product(NEW, 6000), build_product(ADDON, 500))
    for products, expected in (((NEW,), day("2026-04-11")), ((ADDON,), expiring(15))):
        answer = price(products, membership=membership, catalogue=catalogue, policy=policy)
        assert (
            next_expiration_for_change(answer, membership=membership, now=TODAY, policy=policy)
            == expected
        )


def test_a_kept_cycle_keeps_its_expiration() -> None:
    membership = build_membership(3000)
    answer = price(
        (NEW,),
        membership=membership,
        catalogue=(build_product(OLD, 3000), build_product(NEW, 6000)),
        policy="fair",
        terms={"fair": FairTerms(anchor=Anchor.KEEP)},
    )
    assert (
        next_expiration_for_change(answer, membership=membership, now=TODAY, policy="fair")
        == membership.date_expiration
    )


@pytest.mark.parametrize("policy", ["parity", "fair"])
def test_a_plan_paid_once_never_expires(policy: str) -> None:
    membership = build_membership(3000)
    once = build_product(NEW, 30000, recurring=False)
    answer = price(
        (NEW,), membership=membership, catalogue=(build_product(OLD, 3000), once), policy=policy
    )
    assert (
        next_expiration_for_change(answer, membership=membership, now=TODAY, policy=policy) is None
    )


def test_a_trial_expires_when_it_ends() -> None:
    membership = build_membership(0, plan_id=FREE, date_expiration=None)
    plan = build_product(NEW, 6000, trial=Period(14, "day"))
    answer = price(
        (NEW,), membership=membership, catalogue=(build_product(FREE, 0), plan), policy="fair"
    )
    assert next_expiration_for_change(
        answer, membership=membership, now=TODAY, policy="fair"
    ) == day("2026-03-25")


def test_what_is_refused_leaves_the_expiration() -> None:
    membership = build_membership(3000)
    answer = price((), membership=membership, catalogue=())
    assert (
        next_expiration_for_change(answer, membership=membership, now=TODAY, policy="parity")
        == membership.date_expiration
    )


# -- status --------------------------------------------------------------------------------

Status = MembershipStatus


@pytest.mark.parametrize(
    ("actor", "before", "after", "allowed"),
    [
        (Actor.PAYMENT, Status.PENDING, Status.ACTIVE, True),
        (Actor.CUSTOMER, Status.PENDING, Status.ACTIVE, False),
        (Actor.CUSTOMER, Status.ACTIVE, Status.CANCELLED, True),
        (Actor.CLOCK, Status.ACTIVE, Status.EXPIRED, True),
        (Actor.CUSTOMER, Status.ACTIVE, Status.EXPIRED, False),
        (Actor.PAYMENT, Status.ON_HOLD, Status.ACTIVE, True),
        (Actor.CLOCK, Status.EXPIRED, Status.ACTIVE, False),
        (Actor.PAYMENT, Status.EXPIRED, Status.ACTIVE, True),
        (Actor.CLOCK, Status.CANCELLED, Status.ACTIVE, False),
        (Actor.OPERATOR, Status.CANCELLED, Status.PENDING, True),
        (Actor.PAYMENT, Status.ACTIVE, Status.PENDING, False),
    ],
)
def test_who_may_move_a_membership(
    actor: Actor, before: Status, after: Status, allowed: bool
) -> None:
    assert may(actor, before, after) is allowed
    if allowed:
        assert move(actor, before, after) is after
    else:
        with pytest.raises(Conflict, match=f"from {before} to {after}"):
            move(actor, before, after)


def test_staying_is_always_allowed_and_the_operator_may_do_what_others_may() -> None:
    for status in Status:
        assert move(Actor.CLOCK, status, status) is status
    for (before, after), actors in TRANSITIONS.items():
        assert before is not after
        assert Actor.OPERATOR in actors


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-1, Status.ACTIVE),
        (0, Status.ACTIVE),
        (1, Status.ON_HOLD),
        (3, Status.ON_HOLD),
        (4, Status.EXPIRED),
    ],
)
def test_unpaid_memberships_are_on_hold_for_their_grace_and_then_expire(
    days: int, expected: Status
) -> None:
    expires = datetime(2026, 3, 10, 12, tzinfo=UTC)
    membership = build_membership(3000, date_expiration=expires)
    now = expires + timedelta(days=days)
    assert due_status(membership, now, grace=Grace()) is expected


def test_the_clock_leaves_alone_what_a_gateway_renews_and_what_never_expires() -> None:
    late = TODAY + timedelta(days=400)
    renewing = build_membership(3000, auto_renew=True)
    forever = build_membership(3000, date_expiration=None)
    cancelled = build_membership(3000, status=Status.CANCELLED)
    for membership in (renewing, forever, cancelled):
        assert due_status(membership, late, grace=Grace()) is membership.status


def test_a_trial_is_over_when_it_ends() -> None:
    trial = build_membership(
        3000, status=Status.TRIALING, date_trial_end=TODAY, date_expiration=expiring(90)
    )
    assert due_status(trial, TODAY + timedelta(days=1), grace=Grace()) is Status.ON_HOLD


# -- offers --------------------------------------------------------------------------------


def test_offers_follow_the_group_the_order_and_the_plans_addons() -> None:
    catalogue = Catalogue.of(
        [
            build_product(OLD, 3000, list_order=20, available_addons=(ADDON_2, 99, ADDON)),
            build_product(NEW, 6000, list_order=10, variations=variations((YEAR, 60000))),
            build_product(FREE, 0, group="Other"),
            build_product(4, 9000, list_order=15, active=False),
            build_product(5, 9000, list_order=16, type=ProductType.DEMO),
            build_product(ADDON, 500),
            build_product(ADDON_2, 700),
        ]
    )
    form = offers(build_membership(3000), catalogue)
    assert [plan.id for plan in form.plans] == [NEW, OLD]
    assert [plan.id for plan in form.listed] == [NEW, 4, OLD]
    assert [addon.id for addon in form.addons] == [ADDON_2, ADDON]
    assert (form.period_selector, form.periods) == (True, (MONTH, YEAR))
    assert form.selectable == {NEW, OLD, ADDON, ADDON_2}


def test_without_a_group_the_first_three_plans_of_the_network_are_offered() -> None:
    plans = [build_product(id, 1000, group="", list_order=10 - id) for id in range(1, 6)]
    form = offers(build_membership(1000), Catalogue.of(plans))
    assert [plan.id for plan in form.plans] == [5, 4, 3]
    assert (form.period_selector, form.periods) == (False, ())


def test_plans_sold_by_contact_are_shown_and_not_selectable() -> None:
    contact = build_product(NEW, 0, pricing_type=PricingType.CONTACT_US)
    form = offers(build_membership(3000), Catalogue.of([build_product(OLD, 3000), contact]))
    assert [plan.id for plan in form.plans] == [OLD, NEW]
    assert form.selectable == {OLD}


def test_of_periods_of_the_same_days_the_last_listed_is_shown() -> None:
    plans = [
        build_product(OLD, 3000, variations=variations((YEAR, 30000))),
        build_product(NEW, 60000, period=Period(12, "month")),
    ]
    form = offers(build_membership(3000), Catalogue.of(plans))
    assert form.periods == (MONTH, Period(12, "month"))
