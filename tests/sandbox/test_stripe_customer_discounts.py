"""A customer's own discount: on all his invoices that name none, as Stripe's reference says.

``discounts`` of an invoice: "If not specified, inherits the discount from the invoice's
customer. Pass an empty string to avoid inheriting any discounts." Of a subscription: "If not
specified or empty, inherits the discount from the subscription's customer."
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bridge.sandbox.stripe_server import NotPossible
from tests.sandbox.stripe_scene import ACACIA, Scene, refused


def discounted(scene: Scene, *, duration: str = "forever", **coupon: Any) -> Any:
    """A customer with a card, and 20 % off everything."""
    buyer = scene.customer()
    terms = coupon or {"percent_off": 20}
    made = scene.v1.coupons.create({"duration": duration, **terms})
    scene.stripe.discount_customer(buyer.id, made.id)
    return buyer


def test_the_customer_shows_it_in_both_shapes(scene: Scene) -> None:
    buyer = discounted(scene)
    new = scene.v1.customers.retrieve(buyer.id).discount
    assert (new.customer, new.source.type, new.subscription) == (buyer.id, "coupon", None)
    old = scene.v1.customers.retrieve(buyer.id, options={"stripe_version": ACACIA}).discount
    assert old.coupon.percent_off == 20
    assert scene.types()[-1] == "customer.discount.created"


def test_every_invoice_of_a_subscription_inherits_it(scene: Scene) -> None:
    """The first one, the preview of the next one, and that one."""
    buyer = discounted(scene)
    subscription = scene.subscribe(scene.price(1000), customer=buyer)
    assert scene.v1.invoices.retrieve(subscription.latest_invoice).amount_paid == 800
    preview = scene.v1.invoices.create_preview({"subscription": subscription.id})
    assert preview.total == 800
    scene.stripe.advance(timedelta(days=32))
    renewed = scene.v1.subscriptions.retrieve(subscription.id)
    assert renewed.discounts == []
    assert scene.v1.invoices.retrieve(renewed.latest_invoice).amount_paid == 800


def test_a_subscriptions_own_discount_takes_its_place(scene: Scene) -> None:
    """Not both of them; when its own is used up, the customer's counts again."""
    buyer = discounted(scene)
    own = scene.v1.coupons.create({"percent_off": 50, "duration": "once"})
    subscription = scene.subscribe(
        scene.price(1000), customer=buyer, discounts=[{"coupon": own.id}]
    )
    assert scene.v1.invoices.retrieve(subscription.latest_invoice).amount_paid == 500
    assert scene.v1.invoices.create_preview({"subscription": subscription.id}).total == 800


def test_an_invoice_by_hand_inherits_it_unless_told_not_to(scene: Scene) -> None:
    buyer = discounted(scene)
    for sent, total in (({}, 800), ({"discounts": ""}, 1000)):
        invoice = scene.v1.invoices.create({"customer": buyer.id, "currency": "usd", **sent})
        scene.v1.invoice_items.create(
            {"customer": buyer.id, "invoice": invoice.id, "amount": 1000, "currency": "usd"}
        )
        assert scene.v1.invoices.finalize_invoice(invoice.id).total == total


def test_it_counts_in_prorations(scene: Scene) -> None:
    buyer = discounted(scene, percent_off=50)
    subscription = scene.subscribe(scene.price(3100), customer=buyer)
    preview = scene.v1.invoices.create_preview(
        {
            "subscription": subscription.id,
            "subscription_details": {
                "items": [{"id": subscription["items"].data[0].id, "deleted": True},
                          {"price": scene.price(6200).id}],
                "proration_behavior": "always_invoice",
            },
        }
    )  # fmt: skip
    assert preview.total == 1550


@pytest.mark.parametrize(("mode", "total"), [("subscription", 800), ("payment", 1000)])
def test_a_payment_page(scene: Scene, mode: str, total: int) -> None:
    """A subscription begun there inherits it; a single payment has no invoice that could."""
    buyer = discounted(scene)
    price = scene.price(1000, "month" if mode == "subscription" else None)
    session = scene.v1.checkout.sessions.create(
        {
            "mode": mode,
            "customer": buyer.id,
            "line_items": [{"price": price.id, "quantity": 1}],
            "success_url": "https://example.com",
        }
    )
    assert session.amount_total == total


def test_a_coupon_for_once_is_used_up_by_the_first_invoice_that_charges(scene: Scene) -> None:
    buyer = discounted(scene, duration="once")
    subscription = scene.subscribe(scene.price(1000), customer=buyer)
    assert scene.v1.invoices.retrieve(subscription.latest_invoice).amount_paid == 800
    assert scene.v1.customers.retrieve(buyer.id).discount is None
    assert scene.v1.invoices.create_preview({"subscription": subscription.id}).total == 1000


def test_it_can_be_taken_away(scene: Scene) -> None:
    buyer = discounted(scene)
    assert scene.v1.customers.delete_discount(buyer.id).deleted
    assert scene.v1.customers.retrieve(buyer.id).discount is None
    assert scene.types()[-1] == "customer.discount.deleted"
    assert refused(lambda: scene.v1.customers.delete_discount(buyer.id)).http_status == 404
    subscription = scene.subscribe(scene.price(1000), customer=buyer)
    assert scene.v1.invoices.retrieve(subscription.latest_invoice).amount_paid == 1000


def test_a_coupon_that_is_not_valid(scene: Scene) -> None:
    buyer = scene.customer()
    with pytest.raises(NotPossible, match="No such coupon"):
        scene.stripe.discount_customer(buyer.id, "nope")
