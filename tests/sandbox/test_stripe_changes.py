"""Changes of a subscription: prorations, new cycles, previews, payments that fail."""

from __future__ import annotations

from typing import Any

from tests.sandbox.stripe_scene import DAY, START, Scene, day, lines_of, period, refused


def item_of(subscription: Any) -> str:
    return str(subscription["items"].data[0].id)


def swap(subscription: Any, price: Any, **more: Any) -> dict[str, Any]:
    return {"items": [{"id": item_of(subscription), "price": price.id}], **more}


def preview(scene: Scene, subscription: Any, **details: Any) -> Any:
    return scene.v1.invoices.create_preview(
        {"subscription": subscription.id, "subscription_details": details}
    )


class TestProrations:
    def test_at_once(self, scene: Scene) -> None:
        """21 of 31 days: 2000 → 1354.84 back, 5000 → 3387.10 to pay; an invoice of its own."""
        subscription = scene.subscribe(scene.price(2000))
        dearer = scene.price(5000, name="Max")
        scene.stripe.advance(10 * DAY)
        changed = scene.v1.subscriptions.update(
            subscription.id,
            swap(subscription, dearer, proration_behavior="always_invoice",
                 expand=["latest_invoice"]),
        )  # fmt: skip
        invoice = changed.latest_invoice
        assert lines_of(invoice) == [
            ("Remaining time on Max after 25 Jan 2026", 3387),
            ("Unused time on Pro after 25 Jan 2026", -1355),
        ]
        assert (invoice.status, invoice.amount_paid) == ("paid", 2032)
        assert invoice.billing_reason == "subscription_update"
        assert period(changed) == (START, day(2026, 2, 15))
        for line in invoice.lines.data:
            details = line.parent.subscription_item_details
            assert details.proration
            assert details.invoice_item.startswith("ii_")
            assert (line.period.start, line.period.end) == (
                int(day(2026, 1, 25).timestamp()), int(day(2026, 2, 15).timestamp()),
            )  # fmt: skip

    def test_a_credit_says_what_it_gives_back(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        first = scene.invoices(subscription.id)[0]
        scene.stripe.advance(10 * DAY)
        scene.v1.subscriptions.update(
            subscription.id,
            swap(subscription, scene.price(5000), proration_behavior="always_invoice"),
        )
        credit = scene.invoices(subscription.id)[-1].lines.data[1]
        credited = credit.parent.subscription_item_details.proration_details.credited_items
        assert credited.invoice == first.id
        assert credited.invoice_line_items == [first.lines.data[0].id]

    def test_with_the_next_invoice(self, scene: Scene) -> None:
        """The default: nothing is charged now, the renewal carries the difference."""
        subscription = scene.subscribe(scene.price(2000))
        dearer = scene.price(5000, name="Max")
        scene.stripe.advance(10 * DAY)
        scene.v1.subscriptions.update(subscription.id, swap(subscription, dearer))
        assert len(scene.invoices(subscription.id)) == 1
        waiting = scene.v1.invoice_items.list({"pending": True}).data
        assert sorted(each.amount for each in waiting) == [-1355, 3387]
        scene.stripe.advance(22 * DAY)
        renewal = scene.invoices(subscription.id)[-1]
        assert lines_of(renewal) == [
            ("Remaining time on Max after 25 Jan 2026", 3387),
            ("Unused time on Pro after 25 Jan 2026", -1355),
            ("1 × Max (at $50.00 / month)", 5000),
        ]
        assert renewal.amount_paid == 7032
        assert not scene.v1.invoice_items.list({"pending": True}).data

    def test_none(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        scene.stripe.advance(10 * DAY)
        scene.v1.subscriptions.update(
            subscription.id, swap(subscription, scene.price(5000), proration_behavior="none")
        )
        scene.stripe.advance(22 * DAY)
        assert [each.amount_paid for each in scene.invoices(subscription.id)] == [2000, 5000]

    def test_a_proration_date(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(3100))
        scene.stripe.advance(10 * DAY)
        changed = scene.v1.subscriptions.update(
            subscription.id,
            swap(subscription, scene.price(6200), proration_behavior="always_invoice",
                 proration_date=int(day(2026, 1, 16).timestamp()), expand=["latest_invoice"]),
        )  # fmt: skip
        assert changed.latest_invoice.amount_paid == 3000
        error = refused(
            lambda: scene.v1.subscriptions.update(
                subscription.id, {"proration_date": int(day(2026, 3, 1).timestamp())}
            )
        )
        assert error.param == "proration_date"

    def test_more_of_the_same(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(1000))
        scene.stripe.advance(15.5 * DAY)
        changed = scene.v1.subscriptions.update(
            subscription.id,
            {"items": [{"id": item_of(subscription), "quantity": 4}],
             "proration_behavior": "always_invoice", "expand": ["latest_invoice"]},
        )  # fmt: skip
        assert lines_of(changed.latest_invoice) == [
            ("Remaining time on 4 × Pro after 31 Jan 2026", 2000),
            ("Unused time on Pro after 31 Jan 2026", -500),
        ]

    def test_an_item_added_and_removed(self, scene: Scene) -> None:
        """An add-on pays for the rest of the period, and gets it back when it goes."""
        subscription = scene.subscribe(scene.price(2000))
        addon = scene.price(3100, name="Backup")
        scene.stripe.advance(DAY)
        item = scene.v1.subscription_items.create(
            {"subscription": subscription.id, "price": addon.id,
             "proration_behavior": "always_invoice"}
        )  # fmt: skip
        assert scene.invoices(subscription.id)[-1].amount_paid == 3000
        scene.stripe.advance(10 * DAY)
        scene.v1.subscription_items.delete(item.id)
        assert [each.amount for each in scene.v1.invoice_items.list({"pending": True}).data] == [
            -2000
        ]
        scene.stripe.advance(21 * DAY)
        assert scene.invoices(subscription.id)[-1].total == 0

    def test_a_downgrade_at_once_becomes_a_credit_for_later(self, scene: Scene) -> None:
        customer = scene.customer()
        subscription = scene.subscribe(scene.price(6200), customer=customer)
        scene.stripe.advance(DAY)
        scene.v1.subscriptions.update(
            subscription.id,
            swap(subscription, scene.price(3100), proration_behavior="always_invoice"),
        )
        invoice = scene.invoices(subscription.id)[-1]
        assert (invoice.total, invoice.amount_due, invoice.ending_balance) == (-3000, 0, -3000)
        assert scene.v1.customers.retrieve(customer.id).balance == -3000
        scene.stripe.advance(32 * DAY)
        renewal = scene.invoices(subscription.id)[-1]
        assert (renewal.total, renewal.amount_paid, renewal.starting_balance) == (3100, 100, -3000)
        assert scene.v1.customers.retrieve(customer.id).balance == 0

    def test_a_discount_counts_in_prorations(self, scene: Scene) -> None:
        coupon = scene.v1.coupons.create({"percent_off": 50, "duration": "forever"})
        subscription = scene.subscribe(scene.price(3100), discounts=[{"coupon": coupon.id}])
        assert scene.invoices(subscription.id)[0].amount_paid == 1550
        scene.stripe.advance(DAY)
        scene.v1.subscriptions.update(
            subscription.id,
            swap(subscription, scene.price(6200), proration_behavior="always_invoice"),
        )
        assert scene.invoices(subscription.id)[-1].amount_paid == 1500

    def test_taxes_count_in_prorations(self, scene: Scene) -> None:
        rate = scene.v1.tax_rates.create(
            {"display_name": "VAT", "percentage": 20, "inclusive": False}
        )
        subscription = scene.subscribe(scene.price(3100), default_tax_rates=[rate.id])
        assert scene.invoices(subscription.id)[0].amount_paid == 3720
        scene.stripe.advance(DAY)
        scene.v1.subscriptions.update(
            subscription.id,
            swap(subscription, scene.price(6200), proration_behavior="always_invoice"),
        )
        assert scene.invoices(subscription.id)[-1].amount_paid == 3600


class TestExtras:
    """``add_invoice_items`` with an update: with the next invoice, or with one of its own."""

    def extra(self, price: Any, amount: int) -> dict[str, Any]:
        data = {"currency": "usd", "product": price.product, "unit_amount": amount}
        return {"add_invoice_items": [{"price_data": data}]}

    def test_at_once_where_asked(self, scene: Scene) -> None:
        price = scene.price(2000)
        subscription = scene.subscribe(price)
        scene.v1.subscriptions.update(
            subscription.id, {**self.extra(price, 700), "proration_behavior": "always_invoice"}
        )
        assert scene.invoices(subscription.id)[-1].amount_paid == 700

    def test_later_otherwise(self, scene: Scene) -> None:
        price = scene.price(2000)
        subscription = scene.subscribe(price)
        scene.v1.subscriptions.update(subscription.id, self.extra(price, 700))
        assert len(scene.invoices(subscription.id)) == 1
        scene.stripe.advance(32 * DAY)
        assert scene.invoices(subscription.id)[-1].amount_paid == 2700

    def test_a_credit(self, scene: Scene) -> None:
        """A new cycle less what the customer has coming: exactly what was quoted is charged."""
        price = scene.price(2000)
        subscription = scene.subscribe(price)
        scene.stripe.advance(10 * DAY)
        change = {
            **self.extra(price, -655), "billing_cycle_anchor": "now", "proration_behavior": "none",
        }  # fmt: skip
        scene.v1.subscriptions.update(subscription.id, change)
        assert scene.invoices(subscription.id)[-1].amount_paid == 1345

    def test_elsewhere_amounts_are_not_negative(self, scene: Scene) -> None:
        data = {"currency": "usd", "product": scene.price(1).product, "unit_amount": -1}
        customer = scene.customer().id
        for call in (
            lambda: scene.v1.invoice_items.create({"customer": customer, "price_data": data}),
            lambda: scene.v1.subscriptions.create(
                {"customer": customer,
                 "items": [{"price_data": {**data, "recurring": {"interval": "month"}}}]}
            ),
        ):  # fmt: skip
            assert refused(call).code == "parameter_invalid_integer"

    def test_a_discount_of_its_own(self, scene: Scene) -> None:
        coupon = scene.v1.coupons.create({"percent_off": 50, "duration": "once"})
        setup = scene.price(900, None)
        subscription = scene.subscribe(
            scene.price(2000),
            add_invoice_items=[{"price": setup.id, "discounts": [{"coupon": coupon.id}]}],
        )
        assert scene.invoices(subscription.id)[0].amount_paid == 2450
