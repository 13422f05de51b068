"""A discount on the customer at Stripe is taken off all his invoices, and no quote knows of it.

What is charged would not be what was quoted, so nothing recurring is begun or changed; a single
sum is charged by an invoice that does not inherit it.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.payments.faults import CustomerDiscounted
from tests.payments.shop import BASIC, FREE, LIFETIME, PREMIUM, STORAGE, Shop


def discount(shop: Shop, *, duration: str = "forever") -> None:
    coupon = shop.api.coupons.create(
        {"id": "FRIENDS", "percent_off": 20, "duration": duration, "duration_in_months": 2}
        if duration == "repeating"
        else {"id": "FRIENDS", "percent_off": 20, "duration": duration}
    )
    shop.stripe.discount_customer(shop.stripe_customer(), coupon.id)


def begun(shop: Shop, product: int) -> None:
    """He has bought it a month ago, with a card."""
    shop.give_card()
    shop.buy(product)
    shop.deliver()
    shop.carry_out(shop.changes()[0].id)
    shop.sweep()
    shop.clock.advance(timedelta(days=10))


@pytest.mark.parametrize("card", [True, False])
@pytest.mark.parametrize("duration", ["once", "repeating", "forever"])
def test_no_subscription_is_begun(shop: Shop, card: bool, duration: str) -> None:
    """Not by the card, nor on a page: its invoices would inherit the discount."""
    if card:
        shop.give_card()
    discount(shop, duration=duration)
    change = shop.ask(shop.quote(PREMIUM))
    shop.stripe.requests.clear()
    with pytest.raises(
        CustomerDiscounted, match=r"discount FRIENDS.*Remove it from the customer at Stripe"
    ):
        shop.collect(change)
    assert not shop.stripe.requests.writes()


@pytest.mark.parametrize("product", [PREMIUM, STORAGE])
def test_none_is_changed(shop: Shop, product: int) -> None:
    """Neither for another plan nor for an add-on."""
    begun(shop, BASIC)
    discount(shop)
    charged = shop.charged()
    change = shop.ask(shop.quote(product))
    with pytest.raises(CustomerDiscounted):
        shop.collect(change)
    assert shop.charged() == charged


def test_once_it_is_removed_the_same_change_goes_on(shop: Shop) -> None:
    shop.give_card()
    discount(shop)
    given = shop.quote(PREMIUM)
    change = shop.ask(given)
    with pytest.raises(CustomerDiscounted):
        shop.collect(change)
    shop.api.customers.delete_discount(shop.stripe_customer())
    assert shop.collect(change).paid
    assert shop.charged() == [given.quote.due_now]
    assert shop.next_bill()[0] == given.quote.next_billing_amount


def test_one_that_has_ended_stands_in_nobodys_way(shop: Shop) -> None:
    """Stripe takes it off the customer by itself."""
    shop.give_card()
    discount(shop, duration="repeating")
    shop.stripe.advance(timedelta(days=62))
    given, collected = shop.buy(PREMIUM)
    assert collected.paid
    assert shop.charged() == [given.quote.due_now]


@pytest.mark.parametrize("card", [True, False])
def test_what_is_paid_once_and_for_all_costs_what_was_quoted(shop: Shop, card: bool) -> None:
    if card:
        shop.give_card()
    discount(shop)
    given, collected = shop.buy(LIFETIME)
    if not card:
        shop.pay_page(collected.url)
    assert shop.charged() == [given.quote.due_now]
    shop.deliver()


def test_the_end_of_a_subscription_is_not_held_up(shop: Shop) -> None:
    """Nothing is billed again that could be discounted."""
    begun(shop, BASIC)
    discount(shop)
    shop.ask(shop.quote(FREE))
    shop.sweep()
    assert shop.live()["cancel_at_period_end"]
