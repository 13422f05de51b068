"""What is written to a membership: fixed at acceptance, the same however often it is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bridge.domain.memberships import MembershipStatus
from bridge.domain.quotes import ChangeKind, QuoteRequest
from bridge.store.quotes import GivenQuote, membership_basis
from bridge.upgrades.target import membership_fields, stands_as_quoted, target_of
from tests.upgrades.conftest import FREE, MEMBERSHIP, NOW, PREMIUM, PREMIUM_QUOTE

TERM_END = datetime(2026, 12, 6, 23, 59, 59, tzinfo=UTC)


def target(*, paid: bool = True, **changed: object) -> dict[str, object]:
    given = GivenQuote(
        id="qt_1",
        network_id=1,
        membership_id=MEMBERSHIP.id,
        quote=replace(PREMIUM_QUOTE, **changed),
        request=QuoteRequest(products=(PREMIUM,)),
        basis=membership_basis(MEMBERSHIP),
        created_at=NOW,
        expires_at=NOW + timedelta(hours=1),
    )
    return target_of(given, MEMBERSHIP, paid=paid, now=NOW)


def test_all_fields_in_major_units_with_the_cycle_begun_anew() -> None:
    assert membership_fields(target(), MEMBERSHIP) == {
        "plan_id": PREMIUM,
        "addon_products": {},
        "amount": Decimal("29.99"),
        "initial_amount": Decimal("29.99"),
        "duration": 1,
        "duration_unit": "month",
        "recurring": True,
        "status": "active",
        "date_expiration": datetime(2026, 12, 24, 23, 59, 59, tzinfo=UTC),
        "date_renewed": NOW,
    }


@pytest.mark.parametrize(
    ("changed", "paid", "renewed"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"keeps_cycle": True}, True, False),
        ({"effective_at": NOW + timedelta(days=9), "due_now": 0}, False, False),
    ],
)
def test_only_a_payment_that_begins_a_term_renews(
    changed: dict[str, object], paid: bool, renewed: bool
) -> None:
    """Else the plugin's full credit on the same day could be had for the price of an add-on."""
    assert (
        "date_renewed" in membership_fields(target(paid=paid, **changed), MEMBERSHIP)
    ) is renewed


def test_the_day_of_renewal_is_the_sites_own() -> None:
    """The plugin writes it by the main site's clock, and compares it with that clock's day."""
    fields = membership_fields(target(), MEMBERSHIP, timezone="Asia/Tokyo")
    assert fields["date_renewed"] == NOW + timedelta(hours=9)


@pytest.mark.parametrize("gateway", ["", "free", "manual", "planbridge"])
def test_what_planbridge_bills_is_said_to_be_billed_by_it(gateway: str) -> None:
    """In the same request: else the plugin's cron sends an invoice of its own before the term
    ends and puts the membership on hold. The ids stay empty, so that the plugin's own Stripe
    gateway never takes the subscription's events for its own."""
    fields = membership_fields(target(), replace(MEMBERSHIP, gateway=gateway), billed=True)
    assert (fields["gateway"], fields["auto_renew"]) == ("planbridge", True)
    assert "gateway_subscription_id" not in fields
    assert "gateway_customer_id" not in fields


@pytest.mark.parametrize("gateway", ["stripe", "stripe-checkout", "paypal", "an-addons"])
def test_another_gateway_is_never_replaced(gateway: str) -> None:
    """The plugin would cancel the subscription that the membership names there."""
    fields = membership_fields(target(), replace(MEMBERSHIP, gateway=gateway), billed=True)
    assert "gateway" not in fields
    assert fields["auto_renew"] is True


def test_what_planbridge_does_not_bill_stays_with_whoever_does() -> None:
    """A customer who pays by bank transfer gets his invoices from the network."""
    fields = membership_fields(target(), replace(MEMBERSHIP, gateway="manual"))
    assert fields.keys().isdisjoint({"gateway", "auto_renew"})


def test_what_is_not_billed_again_is_billed_by_nobody() -> None:
    """As the plugin's free gateway leaves it (domain/plan-changes.md §10)."""
    free = replace(PREMIUM_QUOTE.target, plan_id=FREE, amount=0, recurring=False)
    before = replace(MEMBERSHIP, gateway="planbridge", auto_renew=True)
    fields = membership_fields(target(target=free), before)
    assert (fields["gateway"], fields["auto_renew"]) == ("", False)
    assert "gateway_subscription_id" not in fields


def test_writing_again_over_its_own_effect_is_the_same_write() -> None:
    first = membership_fields(target(), MEMBERSHIP)
    after = replace(
        MEMBERSHIP,
        plan_id=PREMIUM,
        status=MembershipStatus(first["status"]),
        date_expiration=first["date_expiration"],
    )
    assert membership_fields(target(), after) == first


@pytest.mark.parametrize(
    ("paid", "current", "status"),
    [
        (True, "trialing", "active"),
        (True, "on-hold", "active"),
        (True, "cancelled", "active"),
        (False, "trialing", "trialing"),
        (False, "expired", "active"),
        (False, "pending", "active"),
        (False, "cancelled", "cancelled"),
        (False, "on-hold", "on-hold"),
    ],
)
def test_paid_means_active_and_unpaid_mostly_keeps_the_status(
    paid: bool, current: str, status: str
) -> None:
    membership = replace(MEMBERSHIP, status=MembershipStatus(current))
    assert membership_fields(target(paid=paid), membership)["status"] == status


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": ChangeKind.ADDON, "keeps_cycle": True},
        {"keeps_cycle": True},
        {"kind": ChangeKind.DOWNGRADE, "effective_at": TERM_END},
    ],
)
def test_what_keeps_the_term_leaves_the_expiration_of_the_day(changed: dict[str, object]) -> None:
    """Not the one at acceptance: a renewal may have moved it since."""
    renewed = replace(MEMBERSHIP, date_expiration=TERM_END)
    assert membership_fields(target(**changed), renewed)["date_expiration"] == TERM_END


def test_a_plan_that_is_never_billed_again_is_for_life() -> None:
    free = replace(PREMIUM_QUOTE.target, plan_id=FREE, amount=0, recurring=False)
    for changed in ({}, {"kind": ChangeKind.DOWNGRADE, "effective_at": TERM_END}):
        document = target(target=free, **changed)
        membership = replace(MEMBERSHIP, date_expiration=TERM_END)
        assert membership_fields(document, membership)["date_expiration"] is None


def test_the_products_that_were_quoted_are_recognised() -> None:
    assert stands_as_quoted(target(), MEMBERSHIP)
    assert not stands_as_quoted(target(), replace(MEMBERSHIP, addons={2: 1}))
    forced = {key: value for key, value in target().items() if key != "basis"}
    assert stands_as_quoted(forced, replace(MEMBERSHIP, addons={2: 1}))


def test_an_addon_that_begins_a_cycle_moves_the_expiration() -> None:
    """A free member who buys a recurring add-on is billed from now on."""
    written = membership_fields(target(kind=ChangeKind.ADDON, keeps_cycle=False), MEMBERSHIP)
    assert written["date_expiration"] == datetime(2026, 12, 24, 23, 59, 59, tzinfo=UTC)
