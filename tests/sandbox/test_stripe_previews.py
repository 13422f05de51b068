"""Changes that begin a cycle, and their previews."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.sandbox.stripe_scene import DAY, Scene, day, lines_of, period, refused
from tests.sandbox.test_stripe_changes import (
    item_of,
    preview,
    swap,
)


class TestNewCycles:
    def test_monthly_to_yearly_begins_a_year_now(self, scene: Scene) -> None:
        """Charged at once whatever is asked for; the rest of the month is credited."""
        subscription = scene.subscribe(scene.price(3100))
        yearly = scene.price(30000, "year", name="Pro yearly")
        scene.stripe.advance(10 * DAY)
        changed = scene.v1.subscriptions.update(subscription.id, swap(subscription, yearly))
        invoice = scene.invoices(subscription.id)[-1]
        assert lines_of(invoice) == [
            ("Unused time on Pro after 25 Jan 2026", -2100),
            ("1 × Pro yearly (at $300.00 / year)", 30000),
        ]
        assert period(changed) == (day(2026, 1, 25), day(2027, 1, 25))
        assert changed.billing_cycle_anchor == int(day(2026, 1, 25).timestamp())

    def test_with_no_prorations_the_new_price_is_charged_in_full(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(3100))
        yearly = scene.price(30000, "year")
        scene.stripe.advance(10 * DAY)
        scene.v1.subscriptions.update(
            subscription.id, swap(subscription, yearly, proration_behavior="none")
        )
        assert scene.invoices(subscription.id)[-1].amount_paid == 30000

    def test_the_anchor_now(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(3100))
        scene.stripe.advance(10 * DAY)
        changed = scene.v1.subscriptions.update(subscription.id, {"billing_cycle_anchor": "now"})
        assert period(changed) == (day(2026, 1, 25), day(2026, 2, 25))
        assert scene.invoices(subscription.id)[-1].amount_paid == 3100 - 2100

    def test_free_to_paid(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(0, name="Free"))
        scene.stripe.advance(10 * DAY)
        changed = scene.v1.subscriptions.update(
            subscription.id, swap(subscription, scene.price(2000))
        )
        assert scene.invoices(subscription.id)[-1].amount_paid == 2000
        assert period(changed) == (day(2026, 1, 25), day(2026, 2, 25))

    def test_different_intervals_do_not_mix(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        yearly = scene.price(9000, "year")
        error = refused(
            lambda: scene.v1.subscriptions.update(
                subscription.id, {"items": [{"price": yearly.id}]}
            )
        )
        assert error.param == "items"

    @pytest.mark.parametrize("which", ["same price", "no item", "unknown item"])
    def test_items_that_cannot_be(self, scene: Scene, which: str) -> None:
        price = scene.price(2000)
        subscription = scene.subscribe(price)
        items = {
            "same price": {"price": price.id},
            "no item": {"id": item_of(subscription), "deleted": True},
            "unknown item": {"id": "si_no", "quantity": 2},
        }
        refused(lambda: scene.v1.subscriptions.update(subscription.id, {"items": [items[which]]}))
        assert scene.subscription(subscription.id) == subscription


class TestPreviews:
    @pytest.mark.parametrize("behavior", ["always_invoice", "create_prorations", "none"])
    @pytest.mark.parametrize("interval", ["month", "year"])
    def test_a_preview_has_the_lines_of_the_change(
        self, scene: Scene, behavior: str, interval: str
    ) -> None:
        """Asked first, then done: the invoice that comes has the same lines and sum."""
        subscription = scene.subscribe(scene.price(1999))
        other = scene.price(4999, interval, name="Max")
        scene.stripe.advance(9.37 * DAY)
        change = swap(subscription, other, proration_behavior=behavior)
        shown = preview(scene, subscription, **change)
        before = scene.types()
        assert scene.subscription(subscription.id) == subscription
        assert len(scene.invoices(subscription.id)) == 1
        scene.v1.subscriptions.update(subscription.id, change)
        assert scene.types()[: len(before)] == before
        if len(scene.invoices(subscription.id)) == 1:
            scene.stripe.advance(32 * DAY)
        real = scene.invoices(subscription.id)[1]
        assert lines_of(real) == lines_of(shown)
        assert real.total == shown.total
        assert [(each.period.start, each.period.end) for each in real.lines.data] == [
            (each.period.start, each.period.end) for each in shown.lines.data
        ]

    def test_the_next_renewal(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        shown = scene.v1.invoices.create_preview({"subscription": subscription.id})
        assert (shown.amount_due, shown.status) == (2000, "draft")
        assert shown.id.startswith("upcoming_in_")
        assert shown.created == int(day(2026, 2, 15).timestamp())

    def test_what_ends_has_no_next_invoice(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        scene.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
        error = refused(lambda: scene.v1.invoices.create_preview({"subscription": subscription.id}))
        assert (error.http_status, error.code) == (404, "invoice_upcoming_none")

    def test_an_end_now(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(3100))
        scene.stripe.advance(DAY)
        shown = preview(scene, subscription, cancel_now=True)
        assert lines_of(shown) == [("Unused time on Pro after 16 Jan 2026", -3000)]
        assert scene.subscription(subscription.id).status == "active"

    def test_a_beginning(self, scene: Scene) -> None:
        price = scene.price(2000)
        shown = scene.v1.invoices.create_preview(
            {"subscription_details": {"items": [{"price": price.id, "quantity": 3}]}}
        )
        assert shown.amount_due == 6000
        assert scene.v1.customers.list().data == []

    def test_with_something_on_top(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        shown = scene.v1.invoices.create_preview(
            {
                "subscription": subscription.id,
                "invoice_items": [
                    {"amount": 750, "currency": "usd", "description": "Set-up"},
                    {"amount": -50, "currency": "usd"},
                ],
            }
        )
        assert shown.amount_due == 2700

    def test_in_the_old_shape(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        old = scene.client_of("2025-02-24.acacia").v1
        shown = old.invoices.create_preview({"subscription": subscription.id})
        assert shown.subscription == subscription.id
        assert shown.lines.data[0].price.unit_amount == 2000


class TestPayments:
    def decline(self, scene: Scene, subscription: Any) -> None:
        scene.stripe.change_card(
            scene.method_of(subscription.customer).id, "pm_card_chargeCustomerFail"
        )

    def test_error_if_incomplete_changes_nothing(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        self.decline(scene, subscription)
        before = scene.types()
        error = refused(
            lambda: scene.v1.subscriptions.update(
                subscription.id,
                swap(subscription, scene.price(5000), proration_behavior="always_invoice",
                     payment_behavior="error_if_incomplete"),
            )
        )  # fmt: skip
        assert isinstance(error, stripe.CardError)
        assert scene.subscription(subscription.id) == subscription
        assert [each for each in scene.types()[len(before) :] if "pr" not in each] == []

    def test_allow_incomplete_changes_and_owes(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        self.decline(scene, subscription)
        dearer = scene.price(5000)
        changed = scene.v1.subscriptions.update(
            subscription.id, swap(subscription, dearer, proration_behavior="always_invoice")
        )
        assert changed.status == "past_due"
        assert changed["items"].data[0].price.id == dearer.id

    def test_a_pending_update_waits_for_its_money(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        self.decline(scene, subscription)
        dearer = scene.price(5000)
        waiting = scene.v1.subscriptions.update(
            subscription.id,
            swap(subscription, dearer, proration_behavior="always_invoice",
                 payment_behavior="pending_if_incomplete"),
        )  # fmt: skip
        assert waiting.status == "active"
        assert waiting["items"].data[0].price.unit_amount == 2000
        assert waiting.pending_update.subscription_items[0].price.id == dearer.id
        scene.v1.invoices.pay(waiting.latest_invoice, {"payment_method": "pm_card_visa"})
        paid = scene.subscription(subscription.id)
        assert paid.pending_update is None
        assert paid["items"].data[0].price.id == dearer.id
        assert "customer.subscription.pending_update_applied" in scene.types()

    def test_a_pending_update_is_forgotten_after_23_hours(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        self.decline(scene, subscription)
        waiting = scene.v1.subscriptions.update(
            subscription.id,
            swap(subscription, scene.price(5000), proration_behavior="always_invoice",
                 payment_behavior="pending_if_incomplete"),
        )  # fmt: skip
        scene.stripe.advance(DAY)
        seen = scene.subscription(subscription.id)
        assert seen.pending_update is None
        assert seen["items"].data[0].price.unit_amount == 2000
        assert scene.v1.invoices.retrieve(waiting.latest_invoice).status == "void"
        assert seen.status == "active"

    def test_voiding_its_invoice_cancels_a_pending_update(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        self.decline(scene, subscription)
        waiting = scene.v1.subscriptions.update(
            subscription.id,
            swap(subscription, scene.price(5000), proration_behavior="always_invoice",
                 payment_behavior="pending_if_incomplete"),
        )  # fmt: skip
        scene.v1.invoices.void_invoice(waiting.latest_invoice)
        assert scene.subscription(subscription.id).pending_update is None
        assert scene.types()[-1] == "customer.subscription.updated"

    def test_a_pending_update_gives_way_to_another(self, scene: Scene) -> None:
        """A change that bills takes the place of the one that waits; its invoice is void."""
        subscription = scene.subscribe(scene.price(2000))
        self.decline(scene, subscription)
        pending = {
            "proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete",
        }  # fmt: skip
        first = scene.v1.subscriptions.update(
            subscription.id, swap(subscription, scene.price(5000), **pending)
        )
        second = scene.v1.subscriptions.update(
            subscription.id, swap(subscription, scene.price(6000), **pending)
        )
        assert scene.v1.invoices.retrieve(first.latest_invoice).status == "void"
        scene.v1.invoices.pay(second.latest_invoice, {"payment_method": "pm_card_visa"})
        seen = scene.subscription(subscription.id)
        assert seen["items"].data[0].price.unit_amount == 6000

    def test_a_pending_update_does_not_outlive_the_period(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        scene.stripe.advance(30.5 * DAY)
        self.decline(scene, subscription)
        waiting = scene.v1.subscriptions.update(
            subscription.id,
            swap(subscription, scene.price(500000), proration_behavior="always_invoice",
                 payment_behavior="pending_if_incomplete"),
        )  # fmt: skip
        assert waiting.pending_update.expires_at == int(day(2026, 2, 15).timestamp())

    def test_an_incomplete_one_cannot_be_changed(self, scene: Scene) -> None:
        subscription = scene.subscribe(
            scene.price(2000), customer=scene.customer("pm_card_chargeCustomerFail")
        )
        dearer = scene.price(5000)
        refused(lambda: scene.v1.subscriptions.update(subscription.id, swap(subscription, dearer)))
        scene.v1.subscriptions.update(subscription.id, {"metadata": {"a": "1"}})

    def test_a_bank_that_asks(self, scene: Scene) -> None:
        """The change is there but owed, until the customer answers."""
        customer = scene.customer("pm_card_threeDSecure2Required")
        subscription = scene.subscribe(scene.price(0), customer=customer)
        changed = scene.v1.subscriptions.update(
            subscription.id,
            swap(subscription, scene.price(2000), expand=["latest_invoice.payments"]),
        )
        assert changed.status == "past_due"
        intent = changed.latest_invoice.payments.data[0].payment.payment_intent
        assert scene.v1.payment_intents.retrieve(intent).status == "requires_action"
        assert "invoice.payment_action_required" in scene.types()
        scene.stripe.authenticate(intent)
        assert scene.subscription(subscription.id).status == "active"
