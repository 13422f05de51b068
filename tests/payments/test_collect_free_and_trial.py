"""Collecting where the customer pays elsewhere, later or nothing."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from bridge.domain.memberships import MembershipStatus
from bridge.store.tables import ChangeState, CollectionState
from tests.payments.shop import (
    BASIC,
    FREE,
    MEMBERSHIP,
    MONTH,
    NOW,
    PREMIUM,
    STORAGE,
    YEAR,
    Shop,
)
from tests.payments.test_collect import (
    begin,
)


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
