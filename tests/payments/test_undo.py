"""What is scheduled or asked for can be taken back or replaced, and nothing of it survives."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.payments.faults import ForeignSchedule, PaidMeanwhile
from bridge.sandbox.stripe_faults import dropped, server_error
from bridge.sandbox.stripe_server import NotPossible
from bridge.store.tables import ChangeState, CollectionState
from tests.payments.shop import BASIC, FREE, PREMIUM, STORAGE, YEAR, Shop


def begin(shop: Shop, *products: int) -> None:
    """Buy with the card on file and carry it out."""
    shop.give_card()
    _, collected = shop.buy(*products)
    shop.deliver()
    shop.carry_out(collected.change_id)
    shop.sweep()
    shop.clock.advance(timedelta(days=5))


def schedule(shop: Shop, *products: int) -> str:
    """Ask for a downgrade; the sweep schedules it at Stripe."""
    change = shop.ask(shop.quote(*products))
    assert shop.change(change).state is ChangeState.SCHEDULED
    shop.sweep()
    return change


class TestSchedule:
    def test_a_downgrade_is_billed_from_the_end_of_the_term(self, shop: Shop) -> None:
        """Nothing now; the next bill is the quote's, on the day that the term ends."""
        begin(shop, PREMIUM)
        given = shop.quote(BASIC)
        change = shop.ask(given)
        shop.sweep()
        amount, when = shop.next_bill()
        assert shop.charged() == [3000]
        assert amount == given.quote.next_billing_amount == 1000
        assert when.date() == given.quote.next_billing_at.date()
        assert shop.collection(change).state is CollectionState.WAITING

    def test_it_comes_about_once_and_lets_go(self, shop: Shop) -> None:
        """After the day: the new price, no schedule left that could undo a later change."""
        begin(shop, PREMIUM)
        change = schedule(shop, BASIC)
        shop.stripe.advance(timedelta(days=30))
        shop.deliver()
        shop.due()
        shop.carry_out(change)
        shop.sweep()
        assert shop.charged() == [1000, 3000]
        assert shop.live()["schedule"] is None
        assert shop.collection(change).state is CollectionState.DONE
        assert shop.next_bill()[0] == 1000

    def test_going_free_ends_the_subscription_with_the_term(self, shop: Shop) -> None:
        begin(shop, PREMIUM)
        schedule(shop, FREE)
        assert shop.live()["cancel_at_period_end"] is True
        shop.stripe.advance(timedelta(days=30))
        assert [row["status"] for row in shop.subscriptions()] == ["canceled"]
        assert shop.charged() == [3000]

    def test_a_shorter_period_begins_with_the_next_term(self, shop: Shop) -> None:
        shop.give_card()
        _, collected = shop.buy(PREMIUM, period=YEAR)
        shop.deliver()
        shop.carry_out(collected.change_id)
        shop.sweep()
        given = shop.quote(BASIC)
        assert given.quote.scheduled
        shop.ask(given)
        shop.sweep()
        assert shop.next_bill()[0] == 1000
        shop.stripe.advance(timedelta(days=366))
        assert shop.charged() == [1000, 30000]
        assert shop.next_bill()[0] == 1000

    def test_sweeping_again_schedules_nothing_twice(self, shop: Shop) -> None:
        begin(shop, PREMIUM)
        change = schedule(shop, BASIC)
        shop.collect(change)
        assert len(shop.api.subscription_schedules.list().data) == 1

    def test_somebody_elses_schedule_is_left_alone(self, shop: Shop) -> None:
        begin(shop, PREMIUM)
        shop.api.subscription_schedules.create({"from_subscription": shop.live()["id"]})
        given = shop.quote(STORAGE)
        change = shop.ask(given)
        with pytest.raises(ForeignSchedule):
            shop.collect(change)
        assert shop.charged() == [3000]


class TestRevoke:
    def test_a_scheduled_change_is_released(self, shop: Shop) -> None:
        begin(shop, PREMIUM)
        change = schedule(shop, BASIC)
        shop.revoke(change)
        shop.sweep()
        assert shop.live()["schedule"] is None
        assert shop.next_bill()[0] == 3000
        assert shop.collection(change).state is CollectionState.UNDONE

    def test_a_scheduled_end_is_taken_back(self, shop: Shop) -> None:
        begin(shop, PREMIUM)
        change = schedule(shop, FREE)
        shop.revoke(change)
        shop.sweep()
        assert shop.live()["cancel_at_period_end"] is False

    def test_an_open_page_is_closed(self, shop: Shop) -> None:
        """Nobody can pay for what is not wanted any more."""
        _, collected = shop.buy(PREMIUM)
        shop.revoke(collected.change_id)
        shop.sweep()
        with pytest.raises(NotPossible):
            shop.pay_page(collected.url)
        assert shop.charged() == []

    def test_an_unpaid_invoice_is_voided(self, shop: Shop) -> None:
        begin(shop, PREMIUM)
        shop.stripe.change_card(shop.live()["default_payment_method"], "pm_card_chargeCustomerFail")
        _, collected = shop.buy(STORAGE)
        invoice = shop.collection(collected.change_id).stripe_id
        assert shop.api.invoices.retrieve(invoice).status == "open"
        shop.revoke(collected.change_id)
        shop.sweep()
        assert shop.api.invoices.retrieve(invoice).status == "void"

    def test_an_unpaid_restart_is_forgotten(self, shop: Shop) -> None:
        """Its invoice cannot be paid any more; the old plan is billed on."""
        begin(shop, BASIC)
        before = shop.next_bill()
        shop.stripe.change_card(shop.live()["default_payment_method"], "pm_card_chargeCustomerFail")
        _, collected = shop.buy(PREMIUM)
        shop.revoke(collected.change_id)
        shop.sweep()
        invoice = shop.collection(collected.change_id).stripe_id
        assert shop.api.invoices.retrieve(invoice).status == "void"
        assert shop.next_bill() == before

    def test_another_upgrade_after_an_unpaid_one_is_collected(self, shop: Shop) -> None:
        """Stripe still keeps the first one; it can neither be paid nor stand in the way."""
        begin(shop, BASIC)
        method = shop.live()["default_payment_method"]
        shop.stripe.change_card(method, "pm_card_chargeCustomerFail")
        shop.buy(PREMIUM)
        shop.stripe.change_card(method, "pm_card_visa")
        given, collected = shop.buy(PREMIUM)
        assert collected.paid
        shop.deliver()
        shop.carry_out(collected.change_id)
        shop.sweep()
        shop.stripe.advance(timedelta(hours=24))
        assert shop.charged() == sorted([1000, given.quote.due_now])
        assert shop.live()["pending_update"] is None
        amount, when = shop.next_bill()
        assert amount == 3000
        assert when.date() == given.quote.next_billing_at.date()

    def test_a_subscription_that_never_began_is_gone(self, shop: Shop) -> None:
        shop.give_card("pm_card_chargeCustomerFail")
        _, collected = shop.buy(PREMIUM)
        assert not collected.paid
        shop.revoke(collected.change_id)
        shop.sweep()
        assert {row["status"] for row in shop.subscriptions()} <= {"incomplete_expired", "canceled"}

    def test_taking_back_after_a_crash_finds_what_was_made(self, shop: Shop) -> None:
        """Stripe opened the page, but the process died before it wrote that down."""
        given = shop.quote(PREMIUM)
        change = shop.ask(given)
        collected = shop.collect(change)
        shop.forget_answer(change)
        shop.revoke(change)
        shop.sweep()
        with pytest.raises(NotPossible):
            shop.pay_page(collected.url)

    @pytest.mark.parametrize("skipped", range(10))
    @pytest.mark.parametrize("plan", [BASIC, FREE])
    def test_a_crash_while_scheduling_leaves_nothing_behind(
        self, shop: Shop, plan: int, skipped: int
    ) -> None:
        """Whichever answer was lost: revoked, nothing of it survives to change the plan."""
        begin(shop, PREMIUM)
        change = shop.ask(shop.quote(plan))
        shop.accounts[shop.network.key] = shop.account(retries=0)
        shop.stripe.faults.add(dropped("after"), skip=skipped)
        shop.sweep()
        shop.stripe.faults.clear()
        shop.revoke(change)
        shop.clock.advance(timedelta(minutes=5))
        shop.sweep()
        live = shop.live()
        assert (live["schedule"], live["cancel_at_period_end"]) == (None, False)
        assert shop.next_bill()[0] == 3000
        assert shop.collection(change).state is CollectionState.UNDONE

    @pytest.mark.parametrize("skipped", range(10))
    def test_a_crash_while_scheduling_is_made_good(self, shop: Shop, skipped: int) -> None:
        """Not revoked, the next look schedules it, once."""
        begin(shop, PREMIUM)
        change = shop.ask(shop.quote(BASIC))
        shop.accounts[shop.network.key] = shop.account(retries=0)
        shop.stripe.faults.add(dropped("after"), skip=skipped)
        shop.sweep()
        shop.stripe.faults.clear()
        shop.clock.advance(timedelta(minutes=5))
        shop.sweep()
        assert shop.collection(change).state is CollectionState.WAITING
        assert len(shop.api.subscription_schedules.list().data) == 1
        assert shop.next_bill()[0] == 1000

    def test_stripe_being_away_only_delays_it(self, shop: Shop) -> None:
        begin(shop, PREMIUM)
        change = schedule(shop, BASIC)
        shop.revoke(change)
        shop.stripe.faults.add(server_error(should_retry=False), times=None)
        shop.sweep()
        assert shop.collection(change).state is CollectionState.WAITING
        assert shop.collection(change).reason
        shop.stripe.faults.clear()
        shop.clock.advance(timedelta(minutes=1))
        shop.sweep()
        assert shop.live()["schedule"] is None


class TestReplace:
    def test_an_upgrade_after_a_scheduled_downgrade_stays(self, shop: Shop) -> None:
        """The older change is cancelled at Stripe and here, and never comes back."""
        begin(shop, BASIC)
        downgrade = schedule(shop, FREE)
        given, collected = shop.buy(PREMIUM)
        assert shop.change(downgrade).state is ChangeState.SUPERSEDED
        assert shop.collection(downgrade).state is CollectionState.UNDONE
        shop.deliver()
        shop.carry_out(collected.change_id)
        shop.sweep()
        assert shop.live()["cancel_at_period_end"] is False
        shop.stripe.advance(timedelta(days=70))
        assert shop.charged() == sorted([1000, given.quote.due_now, 3000, 3000])
        assert shop.live()["status"] == "active"

    def test_a_newer_schedule_replaces_an_older_one(self, shop: Shop) -> None:
        begin(shop, PREMIUM)
        first = schedule(shop, FREE)
        schedule(shop, BASIC)
        assert shop.collection(first).state is CollectionState.UNDONE
        assert shop.live()["cancel_at_period_end"] is False
        assert shop.next_bill()[0] == 1000

    def test_of_two_tabs_the_later_one_counts(self, shop: Shop) -> None:
        """Two quotes at once: the first page is closed, only the second can be paid."""
        _, first = shop.buy(BASIC)
        given, second = shop.buy(PREMIUM)
        with pytest.raises(NotPossible):
            shop.pay_page(first.url)
        shop.pay_page(second.url)
        shop.deliver()
        assert shop.charged() == [given.quote.due_now]
        assert shop.change(second.change_id).state is ChangeState.ACCEPTED
        assert shop.change(first.change_id).state is ChangeState.SUPERSEDED

    def test_who_was_faster_on_the_older_page_is_not_charged_again(self, shop: Shop) -> None:
        """His payment is kept for the operator; the newer change is not collected on top."""
        _, first = shop.buy(BASIC)
        second = shop.ask(shop.quote(PREMIUM))
        shop.pay_page(first.url)
        with pytest.raises(PaidMeanwhile):
            shop.collect(second)
        results = shop.deliver(puzzling=True)
        assert shop.charged() == [1000]
        assert [line for line in results if "attention" in line]

    def test_an_addon_bought_before_the_last_one_was_settled_loses_nothing(
        self, shop: Shop
    ) -> None:
        """What an older change has left to do at Stripe is done first."""
        begin(shop, PREMIUM)
        for _ in range(2):
            _, collected = shop.buy(STORAGE)
            shop.deliver()
            shop.carry_out(collected.change_id)
        shop.sweep()
        assert shop.next_bill()[0] == 4000
