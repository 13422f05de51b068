"""Stripe charges what was quoted: each way of collecting, through the official package."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from bridge.errors import QuoteExpired
from bridge.payments.faults import PageExpired
from bridge.store.tables import ChangeState, CollectionState
from tests.payments.shop import (
    BASIC,
    LIFETIME,
    NOW,
    PREMIUM,
    SETUP_HELP,
    STORAGE,
    YEAR,
    Shop,
)


def begin(shop: Shop, *products: int) -> str:
    """Buy on a payment page, deliver, carry out; the change's id."""
    _, collected = shop.buy(*products)
    shop.pay_page(collected.url)
    shop.deliver()
    shop.carry_out(collected.change_id)
    shop.sweep()
    return collected.change_id


class TestNoCard:
    def test_a_first_plan_is_a_page_that_begins_a_subscription(self, shop: Shop) -> None:
        """Due now is charged, the next bill is the quote's, to the day."""
        given, collected = shop.buy(PREMIUM)
        assert collected.how == "checkout_subscription"
        assert not collected.paid
        shop.pay_page(collected.url)
        shop.deliver()
        assert shop.charged() == [given.quote.due_now] == [3000]
        assert shop.next_bill() == (given.quote.next_billing_amount, given.quote.next_billing_at)
        assert shop.change(collected.change_id).state is ChangeState.ACCEPTED

    def test_the_events_of_one_payment_make_one_change(self, shop: Shop) -> None:
        _, collected = shop.buy(PREMIUM)
        shop.pay_page(collected.url)
        shop.deliver()
        assert [change.id for change in shop.changes()] == [collected.change_id]
        assert shop.change(collected.change_id).amount_paid == 3000

    def test_a_credit_is_a_coupon_for_the_first_invoice_only(self, sqlite_engine: Engine) -> None:
        """Basic, 15 days left, paid by hand until now: the rest is credited once."""
        with Shop(
            sqlite_engine,
            plan_id=BASIC,
            amount=1000,
            recurring=True,
            gateway="manual",
            date_expiration=NOW.replace(hour=23, minute=59, second=59) + timedelta(days=15),
        ) as shop:
            given, collected = shop.buy(PREMIUM)
            assert given.quote.due_now < 3000
            shop.pay_page(collected.url)
            shop.deliver()
            assert shop.charged() == [given.quote.due_now]
            assert shop.next_bill() == (3000, given.quote.next_billing_at)

    def test_something_bought_once_is_one_payment(self, shop: Shop) -> None:
        """No subscription comes of it."""
        given, collected = shop.buy(SETUP_HELP)
        assert collected.how == "checkout_payment"
        shop.pay_page(collected.url)
        shop.deliver()
        assert shop.charged() == [given.quote.due_now] == [2000]
        assert shop.subscriptions() == []
        assert shop.change(collected.change_id).state is ChangeState.ACCEPTED

    def test_a_running_term_is_paid_once_and_billed_from_its_end(
        self, sqlite_engine: Engine
    ) -> None:
        """An add-on of a member who paid by hand: the subscription begins when the term ends."""
        ends = datetime(2026, 12, 10, 23, 59, 59, tzinfo=UTC)
        with Shop(
            sqlite_engine,
            plan_id=BASIC,
            amount=1000,
            recurring=True,
            gateway="manual",
            date_expiration=ends,
        ) as shop:
            given, collected = shop.buy(STORAGE)
            assert collected.how == "checkout_payment"
            shop.pay_page(collected.url)
            shop.deliver()
            shop.sweep()
            shop.deliver()
            assert shop.charged() == [given.quote.due_now]
            assert shop.next_bill() == (1500, ends)
            assert shop.collection(collected.change_id).state is CollectionState.DONE

    def test_a_declined_card_changes_nothing_and_another_one_pays(self, shop: Shop) -> None:
        from bridge.sandbox.stripe_server import CardDeclined

        _, collected = shop.buy(PREMIUM)
        with pytest.raises(CardDeclined):
            shop.pay_page(collected.url, "pm_card_visa_chargeDeclined")
        shop.deliver()
        assert shop.change(collected.change_id).state is ChangeState.AWAITING_PAYMENT
        shop.pay_page(collected.url)
        shop.deliver()
        assert shop.charged() == [3000]

    def test_double_click_shows_the_same_page(self, shop: Shop) -> None:
        _, first = shop.buy(PREMIUM)
        second = shop.collect(first.change_id)
        assert second.url == first.url
        assert len(shop.api.checkout.sessions.list().data) == 1

    def test_two_clicks_at_the_same_moment_open_one_page(self, shop: Shop) -> None:
        """Both get the same address, whoever was first."""
        change = shop.ask(shop.quote(PREMIUM))
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(shop.collect, [change] * 4))
        assert len({one.url for one in found}) == 1
        assert len(shop.api.checkout.sessions.list().data) == 1
        assert len(shop.api.customers.list().data) == 1

    def test_a_page_that_was_never_paid_expires(self, shop: Shop) -> None:
        """A new quote is needed then; the old page cannot be opened again."""
        _, collected = shop.buy(PREMIUM)
        shop.stripe.advance(timedelta(hours=3))
        with pytest.raises(PageExpired, match="new quote"):
            shop.collect(collected.change_id)

    def test_an_expired_quote_is_not_collected(self, shop: Shop) -> None:
        change = shop.ask(shop.quote(PREMIUM))
        shop.clock.advance(timedelta(hours=2))
        with pytest.raises(QuoteExpired):
            shop.collect(change)
        assert not shop.stripe.requests.writes()

    def test_an_amount_without_decimals_is_charged_as_it_is(self, sqlite_engine: Engine) -> None:
        """3,000 yen are 3000, not 300,000."""
        with Shop(sqlite_engine, currency="JPY") as shop:
            given, collected = shop.buy(PREMIUM)
            shop.pay_page(collected.url)
            shop.deliver()
            assert shop.charged() == [given.quote.due_now] == [3000]
            assert shop.change(collected.change_id).amount_paid == 3000
            assert shop.next_bill()[0] == 3000


class TestCard:
    def test_a_first_plan_is_charged_to_the_card_on_file(self, shop: Shop) -> None:
        shop.give_card()
        given, collected = shop.buy(PREMIUM)
        assert (collected.how, collected.paid, collected.url) == ("start", True, None)
        shop.deliver()
        assert shop.charged() == [3000]
        assert shop.next_bill() == (3000, given.quote.next_billing_at)
        assert shop.change(collected.change_id).state is ChangeState.ACCEPTED

    def test_an_upgrade_restarts_the_subscription_for_the_difference(self, shop: Shop) -> None:
        """Basic to Premium after ten days: one subscription, the quote's sum, a new cycle."""
        begin(shop, BASIC)
        before = shop.live()["id"]
        shop.clock.advance(timedelta(days=10))
        given, collected = shop.buy(PREMIUM)
        assert (collected.how, collected.paid) == ("restart", True)
        assert 0 < given.quote.due_now < 3000
        shop.deliver()
        assert shop.charged() == sorted([1000, given.quote.due_now])
        assert shop.live()["id"] == before
        assert shop.next_bill() == (3000, given.quote.next_billing_at)
        assert shop.change(collected.change_id).state is ChangeState.ACCEPTED

    def test_a_longer_period_begins_a_new_cycle(self, shop: Shop) -> None:
        begin(shop, PREMIUM)
        shop.clock.advance(timedelta(days=3))
        given, collected = shop.buy(PREMIUM, period=YEAR)
        assert collected.how == "restart"
        shop.deliver()
        assert shop.charged() == sorted([3000, given.quote.due_now])
        assert shop.next_bill() == (30000, given.quote.next_billing_at)

    def test_a_recurring_addon_joins_the_subscription(self, shop: Shop) -> None:
        """Paid for the rest of the term; from its end both are one bill."""
        begin(shop, PREMIUM)
        before = shop.next_bill()[1]
        shop.clock.advance(timedelta(days=10))
        given, collected = shop.buy(STORAGE)
        assert (collected.how, collected.paid) == ("invoice", True)
        shop.deliver()
        assert shop.change(collected.change_id).state is ChangeState.ACCEPTED
        shop.carry_out(collected.change_id)
        shop.sweep()
        shop.deliver()
        assert shop.charged() == sorted([3000, given.quote.due_now])
        assert len(shop.live()["items"]["data"]) == 2
        assert shop.next_bill() == (3500, before)
        assert given.quote.next_billing_amount == 3500

    def test_a_second_addon_leaves_the_first(self, shop: Shop) -> None:
        begin(shop, PREMIUM)
        for _ in range(2):
            _, collected = shop.buy(STORAGE)
            shop.deliver()
            shop.carry_out(collected.change_id)
            shop.sweep()
        assert shop.member().addons == {STORAGE: 2}
        assert shop.next_bill()[0] == 4000

    def test_something_bought_once_leaves_the_subscription_alone(self, shop: Shop) -> None:
        begin(shop, PREMIUM)
        before = shop.next_bill()
        _, collected = shop.buy(SETUP_HELP)
        assert collected.how == "invoice"
        shop.deliver()
        shop.carry_out(collected.change_id)
        shop.sweep()
        assert shop.charged() == sorted([3000, 2000])
        assert shop.next_bill() == before

    def test_a_plan_paid_for_ever_ends_the_subscription(self, shop: Shop) -> None:
        begin(shop, PREMIUM)
        shop.clock.advance(timedelta(days=10))
        given, collected = shop.buy(LIFETIME)
        shop.deliver()
        assert shop.live()["status"] == "active"
        shop.carry_out(collected.change_id)
        shop.sweep()
        shop.deliver()
        assert shop.charged() == sorted([3000, given.quote.due_now])
        assert [row["status"] for row in shop.subscriptions()] == ["canceled"]

    def test_a_declined_card_leaves_plan_and_subscription_as_they_were(self, shop: Shop) -> None:
        """The customer gets a page where he can pay the very same invoice."""
        begin(shop, BASIC)
        method = shop.live()["default_payment_method"]
        before = shop.next_bill()
        shop.stripe.change_card(method, "pm_card_chargeCustomerFail")
        _, collected = shop.buy(PREMIUM)
        assert not collected.paid
        assert collected.url
        assert "declined" in collected.why
        shop.deliver()
        assert shop.change(collected.change_id).state is ChangeState.AWAITING_PAYMENT
        assert shop.next_bill() == before
        assert shop.charged() == [1000]

    def test_what_the_bank_asks_for_is_asked_of_the_customer(self, shop: Shop) -> None:
        """The invoice waits; once he has confirmed, the change goes on."""
        begin(shop, PREMIUM)
        method = shop.live()["default_payment_method"]
        shop.stripe.change_card(method, "pm_card_authenticationRequired")
        given, collected = shop.buy(STORAGE)
        assert not collected.paid
        assert collected.url
        assert collected.why
        invoice = shop.api.invoices.retrieve(
            shop.collection(collected.change_id).stripe_id, {"expand": ["payments"]}
        )
        assert invoice.status == "open"
        shop.stripe.change_card(method, "pm_card_visa")
        shop.api.invoices.pay(invoice.id, {"payment_method": method})
        shop.deliver()
        assert shop.change(collected.change_id).state is ChangeState.ACCEPTED
        assert shop.charged() == sorted([3000, given.quote.due_now])

    def test_a_bank_debit_is_waited_for(self, shop: Shop) -> None:
        """Nothing is to be done by the customer; the change goes on when the bank has paid."""
        begin(shop, PREMIUM)
        shop.stripe.change_card(shop.live()["default_payment_method"], "pm_sepaDebit")
        given, collected = shop.buy(STORAGE)
        assert (collected.paid, collected.url) == (False, None)
        assert "bank" in collected.why
        again = shop.collect(collected.change_id)
        assert (again.paid, again.url) == (False, None)
        shop.deliver()
        assert shop.change(collected.change_id).state is ChangeState.AWAITING_PAYMENT
        intents = shop.api.payment_intents.list().data
        shop.stripe.settle_payment(next(one.id for one in intents if one.status == "processing"))
        shop.deliver()
        assert shop.change(collected.change_id).state is ChangeState.ACCEPTED
        assert shop.charged() == sorted([3000, given.quote.due_now])

    def test_double_click_charges_once(self, shop: Shop) -> None:
        begin(shop, PREMIUM)
        given, first = shop.buy(STORAGE)
        again = shop.collect(first.change_id)
        assert again.paid
        assert shop.charged() == sorted([3000, given.quote.due_now])

    def test_double_click_restarts_once(self, shop: Shop) -> None:
        begin(shop, BASIC)
        given, first = shop.buy(PREMIUM)
        again = shop.collect(first.change_id)
        assert again.paid
        assert shop.charged() == sorted([1000, given.quote.due_now])

    def test_double_click_starts_once(self, shop: Shop) -> None:
        shop.give_card()
        _, first = shop.buy(PREMIUM)
        again = shop.collect(first.change_id)
        assert again.paid
        assert shop.charged() == [3000]
