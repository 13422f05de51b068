"""Invoices by hand: items, totals, discounts, taxes, payment, giving up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import stripe

from tests.sandbox.stripe_scene import ACACIA, Scene, lines_of, refused


def draft(scene: Scene, *amounts: int, customer: Any = None, **more: Any) -> Any:
    buyer = customer or scene.customer()
    for number, amount in enumerate(amounts):
        scene.v1.invoice_items.create(
            {"customer": buyer.id, "amount": amount, "currency": "usd",
             "description": f"No {number}"}
        )  # fmt: skip
    return scene.v1.invoices.create(
        {"customer": buyer.id, "pending_invoice_items_behavior": "include", **more}
    )


class TestByHand:
    def test_from_draft_to_paid(self, scene: Scene) -> None:
        invoice = draft(scene, 1000, 250)
        assert (invoice.status, invoice.total, invoice.number) == ("draft", 1250, None)
        assert lines_of(invoice) == [("No 1", 250), ("No 0", 1000)]
        opened = scene.v1.invoices.finalize_invoice(invoice.id)
        assert (opened.status, opened.amount_due) == ("open", 1250)
        assert opened.number.endswith("-0001")
        paid = scene.v1.invoices.pay(invoice.id)
        assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 1250, 0)
        error = refused(lambda: scene.v1.invoices.pay(invoice.id))
        assert error.code == "invoice_already_paid"

    def test_an_empty_one(self, scene: Scene) -> None:
        buyer = scene.customer()
        invoice = scene.v1.invoices.create({"customer": buyer.id, "currency": "eur"})
        assert (invoice.total, invoice.lines.data) == (0, [])
        scene.v1.invoice_items.create(
            {"customer": buyer.id, "invoice": invoice.id, "amount": 700, "currency": "eur"}
        )
        assert scene.v1.invoices.retrieve(invoice.id).total == 700
        assert scene.v1.invoices.line_items.list(invoice.id).data[0].amount == 700

    def test_auto_advance(self, scene: Scene) -> None:
        invoice = draft(scene, 1000, auto_advance=True)
        scene.stripe.advance(timedelta(hours=1))
        assert scene.v1.invoices.retrieve(invoice.id).status == "paid"

    def test_a_draft_stays_a_draft(self, scene: Scene) -> None:
        invoice = draft(scene, 1000)
        scene.stripe.advance(timedelta(days=3))
        assert scene.v1.invoices.retrieve(invoice.id).status == "draft"

    def test_deleted(self, scene: Scene) -> None:
        """What was on it waits again."""
        invoice = draft(scene, 1000)
        assert scene.v1.invoices.delete(invoice.id).deleted
        assert refused(lambda: scene.v1.invoices.retrieve(invoice.id)).http_status == 404
        assert len(scene.v1.invoice_items.list({"pending": True}).data) == 1

    def test_a_final_one_cannot_be_deleted_or_changed(self, scene: Scene) -> None:
        invoice = draft(scene, 1000)
        scene.v1.invoices.finalize_invoice(invoice.id)
        refused(lambda: scene.v1.invoices.delete(invoice.id))
        error = refused(lambda: scene.v1.invoices.update(invoice.id, {"footer": "x"}))
        assert error.code == "invoice_not_editable"
        changed = scene.v1.invoices.update(invoice.id, {"metadata": {"a": "1"}})
        assert changed.metadata.to_dict() == {"a": "1"}

    def test_void(self, scene: Scene) -> None:
        invoice = draft(scene, 1000)
        refused(lambda: scene.v1.invoices.void_invoice(invoice.id))
        scene.v1.invoices.finalize_invoice(invoice.id)
        voided = scene.v1.invoices.void_invoice(invoice.id)
        assert (voided.status, scene.types()[-1]) == ("void", "invoice.voided")
        refused(lambda: scene.v1.invoices.pay(invoice.id))

    def test_uncollectible(self, scene: Scene) -> None:
        invoice = draft(scene, 1000)
        scene.v1.invoices.finalize_invoice(invoice.id)
        given_up = scene.v1.invoices.mark_uncollectible(invoice.id)
        assert given_up.status == "uncollectible"
        assert scene.types()[-1] == "invoice.marked_uncollectible"
        assert scene.v1.invoices.pay(invoice.id).status == "paid"

    def test_out_of_band(self, scene: Scene) -> None:
        invoice = draft(scene, 1000)
        scene.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
        old = scene.client_of(ACACIA).v1.invoices.retrieve(invoice.id)
        assert (old.paid, old.paid_out_of_band, old.charge) == (True, True, None)

    def test_a_declined_payment(self, scene: Scene) -> None:
        invoice = draft(scene, 1000, customer=scene.customer("pm_card_chargeCustomerFail"))
        error = refused(lambda: scene.v1.invoices.pay(invoice.id))
        assert isinstance(error, stripe.CardError)
        assert error.http_status == 402
        seen = scene.v1.invoices.retrieve(invoice.id)
        assert (seen.status, seen.attempt_count) == ("open", 1)
        assert scene.v1.invoices.pay(invoice.id, {"payment_method": "pm_card_visa"}).status == (
            "paid"
        )

    def test_sent(self, scene: Scene) -> None:
        invoice = draft(scene, 1000, collection_method="send_invoice", days_until_due=30)
        sent = scene.v1.invoices.send_invoice(invoice.id)
        assert (sent.status, sent.due_date - sent.created) == ("open", 30 * 86400)

    def test_lists(self, scene: Scene) -> None:
        first, second = draft(scene, 1000), draft(scene, 2000)
        scene.v1.invoices.pay(first.id)
        listed = scene.v1.invoices.list
        assert [each.id for each in listed({"status": "draft"}).data] == [second.id]
        assert [each.id for each in listed({"customer": first.customer}).data] == [first.id]
        payments = scene.v1.invoice_payments.list({"invoice": first.id}).data
        found = scene.v1.invoice_payments.list(
            {"payment": {"type": "payment_intent",
                         "payment_intent": payments[0].payment.payment_intent}}
        )  # fmt: skip
        assert [each.invoice for each in found.data] == [first.id]


class TestTotals:
    def test_percent_off(self, scene: Scene) -> None:
        coupon = scene.v1.coupons.create({"percent_off": 12.5, "duration": "once"})
        invoice = draft(scene, 999, 1001, discounts=[{"coupon": coupon.id}])
        assert (invoice.subtotal, invoice.total) == (2000, 1750)
        assert invoice.total_discount_amounts[0].amount == 250

    def test_an_amount_off_loses_no_cent(self, scene: Scene) -> None:
        coupon = scene.v1.coupons.create({"amount_off": 100, "currency": "usd", "duration": "once"})
        invoice = draft(scene, 333, 333, 334, discounts=[{"coupon": coupon.id}])
        parts = [line.discount_amounts[0].amount for line in invoice.lines.data]
        assert (sum(parts), invoice.total) == (100, 900)

    def test_never_below_zero(self, scene: Scene) -> None:
        coupon = scene.v1.coupons.create(
            {"amount_off": 5000, "currency": "usd", "duration": "once"}
        )
        assert draft(scene, 333, discounts=[{"coupon": coupon.id}]).total == 0

    @pytest.mark.parametrize(
        ("inclusive", "total", "tax", "excluding"),
        [(False, 1190, 190, 1000), (True, 1000, 160, 840)],
    )
    def test_taxes(
        self, scene: Scene, inclusive: bool, total: int, tax: int, excluding: int
    ) -> None:
        rate = scene.v1.tax_rates.create(
            {"display_name": "VAT", "percentage": 19, "inclusive": inclusive}
        )
        invoice = draft(scene, 1000, default_tax_rates=[rate.id])
        assert (invoice.total, invoice.total_excluding_tax) == (total, excluding)
        assert invoice.total_taxes[0].amount == tax
        old = scene.client_of(ACACIA).v1.invoices.retrieve(invoice.id)
        assert (old.tax, old.total_tax_amounts[0].inclusive) == (tax, inclusive)

    def test_a_credit_pays_first(self, scene: Scene) -> None:
        customer = scene.customer()
        scene.v1.customers.balance_transactions.create(
            customer.id, {"amount": -700, "currency": "usd"}
        )
        invoice = scene.v1.invoices.pay(draft(scene, 1000, customer=customer).id)
        assert (invoice.total, invoice.amount_paid, invoice.ending_balance) == (1000, 300, 0)
        entries = scene.v1.customers.balance_transactions.list(customer.id).data
        assert [(each.type, each.amount) for each in entries] == [
            ("applied_to_invoice", 700), ("adjustment", -700),
        ]  # fmt: skip

    def test_once_is_once(self, scene: Scene) -> None:
        coupon = scene.v1.coupons.create({"percent_off": 50, "duration": "once"})
        subscription = scene.subscribe(scene.price(2000), discounts=[{"coupon": coupon.id}])
        scene.stripe.advance(timedelta(days=32))
        assert [each.amount_paid for each in scene.invoices(subscription.id)] == [1000, 2000]

    def test_repeating_ends(self, scene: Scene) -> None:
        coupon = scene.v1.coupons.create(
            {"percent_off": 50, "duration": "repeating", "duration_in_months": 2}
        )
        subscription = scene.subscribe(scene.price(2000), discounts=[{"coupon": coupon.id}])
        scene.stripe.advance(timedelta(days=95))
        assert [each.amount_paid for each in scene.invoices(subscription.id)] == [
            1000, 1000, 2000, 2000,
        ]  # fmt: skip


class TestItems:
    def test_changed_and_deleted_while_waiting(self, scene: Scene) -> None:
        customer = scene.customer()
        item = scene.v1.invoice_items.create(
            {"customer": customer.id, "amount": 100, "currency": "usd"}
        )
        assert scene.v1.invoice_items.update(item.id, {"amount": 150}).amount == 150
        assert scene.v1.invoice_items.delete(item.id).deleted
        assert not scene.v1.invoice_items.list().data

    def test_of_a_price(self, scene: Scene) -> None:
        price = scene.price(900, None, name="Set-up")
        item = scene.v1.invoice_items.create(
            {"customer": scene.customer().id, "pricing": {"price": price.id}, "quantity": 3}
        )
        assert (item.amount, item.description) == (2700, "Set-up")
        assert item.pricing.price_details.price == price.id

    def test_on_an_invoice_it_is_fixed(self, scene: Scene) -> None:
        invoice = draft(scene, 1000)
        item = scene.v1.invoice_items.list({"invoice": invoice.id}).data[0]
        error = refused(lambda: scene.v1.invoice_items.update(item.id, {"amount": 1}))
        assert error.code == "invoice_not_editable"

    @pytest.mark.parametrize("wrong", [{}, {"amount": 100}, {"price": "price_no"}])
    def test_what_cannot_be(self, scene: Scene, wrong: dict[str, Any]) -> None:
        customer = scene.customer()
        refused(lambda: scene.v1.invoice_items.create({"customer": customer.id, **wrong}))
