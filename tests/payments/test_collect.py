"""Stripe charges what was quoted: each way of collecting, through the official package."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from bridge.domain.memberships import MembershipStatus
from bridge.errors import QuoteExpired
from bridge.payments.faults import PageExpired
from bridge.store.tables import ChangeState, CollectionState
from tests.payments.shop import (
    BASIC,
    FREE,
    LIFETIME,
    MEMBERSHIP,
    MONTH,
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


class TestReference:
    def test_it_is_on_everything_that_collects(self, shop: Shop) -> None:
        """Session, subscription, invoice and intent name network, membership, quote, change."""
        given, collected = shop.buy(PREMIUM)
        session = shop.pay_page(collected.url)
        expected = {
            "planbridge_network": "main",
            "planbridge_membership": str(MEMBERSHIP),
            "planbridge_quote": given.id,
            "planbridge_change": collected.change_id,
        }
        assert session["metadata"] == expected
        assert shop.live()["metadata"] == expected
        invoice = shop.api.invoices.retrieve(session["invoice"])
        assert invoice.parent.subscription_details.metadata.to_dict() == expected
        shop.give_card()
        shop.deliver()
        shop.carry_out(collected.change_id)
        given, bought = shop.buy(STORAGE)
        invoice = shop.api.invoices.retrieve(
            shop.collection(bought.change_id).stripe_id, {"expand": ["payments"]}
        )
        expected |= {"planbridge_quote": given.id, "planbridge_change": bought.change_id}
        assert invoice.metadata.to_dict() == expected
        intent = invoice.payments.data[0].payment.payment_intent
        assert shop.api.payment_intents.retrieve(intent).metadata.to_dict() == expected

    def test_a_renewal_pays_for_no_quote(self, shop: Shop) -> None:
        """Nothing is applied a second time when the next cycle is paid."""
        begin(shop, PREMIUM)
        shop.stripe.advance(timedelta(days=40))
        shop.deliver()
        assert shop.charged() == [3000, 3000]
        assert len(shop.changes()) == 1


class TestNothingDue:
    def test_without_anything_at_stripe_nothing_is_asked_of_it(self, sqlite_engine: Engine) -> None:
        """A member who pays by hand goes down at the end of his term."""
        with Shop(
            sqlite_engine,
            plan_id=PREMIUM,
            amount=3000,
            recurring=True,
            gateway="manual",
            date_expiration=NOW + timedelta(days=10),
        ) as shop:
            _, collected = shop.buy(BASIC)
            assert collected.how == "nothing"
            assert not shop.stripe.requests.writes()
            assert shop.collection(collected.change_id).state is CollectionState.DONE

    def test_a_change_that_costs_nothing_now_still_reprices_the_subscription(
        self, shop: Shop
    ) -> None:
        """The same day, from yearly Premium to monthly: the credit is more than the price."""
        shop.give_card()
        _, first = shop.buy(PREMIUM, period=YEAR)
        shop.deliver()
        shop.carry_out(first.change_id)
        shop.sweep()
        assert shop.charged() == [30000]
        change = shop.ask(shop.quote(FREE))
        shop.sweep()
        assert shop.change(change).state is ChangeState.SCHEDULED
        assert shop.live()["cancel_at_period_end"] is True


def test_a_trial_asks_for_a_card_and_charges_at_its_end(sqlite_engine: Engine) -> None:
    """Nothing is due, the card is wanted: the page collects it, the bill comes later."""
    from sqlmodel import Session

    from bridge.store.tables import ProductRecord

    with Shop(sqlite_engine) as shop:
        with Session(sqlite_engine) as session:
            product = session.get_one(ProductRecord, (shop.network.key, PREMIUM))
            product.trial_duration, product.trial_duration_unit = 14, "day"
            session.add(product)
            session.commit()
        given, collected = shop.buy(PREMIUM)
        assert given.quote.has_trial
        assert given.quote.due_now == 0
        assert collected.how == "checkout_subscription"
        shop.pay_page(collected.url)
        shop.deliver()
        assert shop.charged() == []
        assert shop.next_bill() == (3000, given.quote.next_billing_at)
        assert len(shop.changes()) == 1


def test_a_member_on_hold_is_active_again_once_paid(sqlite_engine: Engine) -> None:
    with Shop(
        sqlite_engine,
        plan_id=BASIC,
        amount=1000,
        recurring=True,
        gateway="manual",
        status=MembershipStatus.EXPIRED,
        date_expiration=NOW - timedelta(days=10),
        period=MONTH,
    ) as shop:
        given, collected = shop.buy(PREMIUM)
        shop.pay_page(collected.url)
        shop.deliver()
        shop.carry_out(collected.change_id)
        assert shop.charged() == [given.quote.due_now]
        assert shop.member().status is MembershipStatus.ACTIVE
