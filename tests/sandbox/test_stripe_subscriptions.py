"""The life of a subscription on a moving clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import stripe

from bridge.sandbox.stripe_settings import Dunning
from tests.sandbox.stripe_scene import DAY, START, Scene, day, lines_of, period, refused

FAILS = "pm_card_chargeCustomerFail"


class TestBeginning:
    def test_paid_at_once(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000), expand=["latest_invoice"])
        assert subscription.status == "active"
        assert period(subscription) == (START, day(2026, 2, 15))
        invoice = subscription.latest_invoice
        assert (invoice.status, invoice.amount_paid) == ("paid", 2000)
        assert invoice.billing_reason == "subscription_create"
        assert lines_of(invoice) == [("1 × Pro (at $20.00 / month)", 2000)]
        assert invoice.parent.subscription_details.subscription == subscription.id

    def test_the_events_of_a_beginning(self, scene: Scene) -> None:
        """The subscription is announced as it is in the end, once."""
        scene.subscribe(scene.price(2000))
        types = scene.types()
        assert types[types.index("invoice.created") :] == [
            "invoice.created", "invoice.finalized", "payment_intent.created", "charge.succeeded",
            "payment_intent.succeeded", "invoice_payment.paid", "invoice.updated", "invoice.paid",
            "invoice.payment_succeeded", "customer.subscription.created",
        ]  # fmt: skip
        created = scene.stripe.events("customer.subscription.created")[0]
        assert created["data"]["object"]["status"] == "active"

    def test_metadata_is_on_the_invoice_too(self, scene: Scene) -> None:
        subscription = scene.subscribe(
            scene.price(2000), metadata={"network": "one"}, expand=["latest_invoice"]
        )
        invoice = subscription.latest_invoice
        assert invoice.parent.subscription_details.metadata.to_dict() == {"network": "one"}
        assert invoice.lines.data[0].metadata.to_dict() == {"network": "one"}
        assert invoice.metadata.to_dict() == {}

    def test_nothing_to_pay_with(self, scene: Scene) -> None:
        customer = scene.customer(card=None)
        error = refused(lambda: scene.subscribe(scene.price(2000), customer=customer))
        assert (error.http_status, error.code) == (400, "resource_missing")
        assert not scene.v1.subscriptions.list({"status": "all"}).data

    def test_declined_is_incomplete_and_expires(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000), customer=scene.customer(FAILS))
        assert subscription.status == "incomplete"
        scene.stripe.advance(timedelta(hours=23))
        seen = scene.subscription(subscription.id)
        assert seen.status == "incomplete_expired"
        assert scene.v1.invoices.retrieve(seen.latest_invoice).status == "void"

    def test_incomplete_until_paid(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000), customer=scene.customer(FAILS))
        scene.v1.invoices.pay(subscription.latest_invoice, {"payment_method": "pm_card_visa"})
        assert scene.subscription(subscription.id).status == "active"

    def test_default_incomplete_waits_for_a_confirmation(self, scene: Scene) -> None:
        customer = scene.customer(card=None)
        subscription = scene.subscribe(
            scene.price(2000), customer=customer, payment_behavior="default_incomplete",
            payment_settings={"save_default_payment_method": "on_subscription"},
            expand=["latest_invoice.confirmation_secret", "latest_invoice.payments"],
        )  # fmt: skip
        assert subscription.status == "incomplete"
        intent = subscription.latest_invoice.payments.data[0].payment.payment_intent
        secret = subscription.latest_invoice.confirmation_secret.client_secret
        assert secret.startswith(intent)
        method = scene.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        scene.v1.payment_intents.confirm(intent, {"payment_method": method.id})
        seen = scene.subscription(subscription.id)
        assert (seen.status, seen.default_payment_method) == ("active", method.id)

    def test_error_if_incomplete(self, scene: Scene) -> None:
        customer = scene.customer(FAILS)
        error = refused(
            lambda: scene.subscribe(
                scene.price(2000), customer=customer, payment_behavior="error_if_incomplete"
            )
        )
        assert isinstance(error, stripe.CardError)
        assert not scene.v1.subscriptions.list({"status": "all"}).data

    def test_a_part_of_a_month_until_the_anchor(self, scene: Scene) -> None:
        anchor = int(day(2026, 2, 1).timestamp())
        subscription = scene.subscribe(
            scene.price(3100), billing_cycle_anchor=anchor, expand=["latest_invoice"]
        )
        assert subscription.latest_invoice.amount_paid == 1700
        assert period(subscription) == (START, day(2026, 2, 1))
        scene.stripe.advance(20 * DAY)
        assert period(scene.subscription(subscription.id)) == (day(2026, 2, 1), day(2026, 3, 1))
        assert scene.invoices(subscription.id)[-1].amount_paid == 3100

    def test_free_until_the_anchor(self, scene: Scene) -> None:
        anchor = int(day(2026, 2, 1).timestamp())
        subscription = scene.subscribe(
            scene.price(3100), billing_cycle_anchor=anchor, proration_behavior="none"
        )
        assert scene.invoices(subscription.id)[0].amount_due == 0
        assert subscription.status == "active"

    def test_an_anchor_by_its_day(self, scene: Scene) -> None:
        subscription = scene.subscribe(
            scene.price(3100), billing_cycle_anchor_config={"day_of_month": 31}
        )
        assert period(subscription)[1] == day(2026, 1, 31)
        scene.stripe.advance(20 * DAY)
        assert period(scene.subscription(subscription.id))[1] == day(2026, 2, 28)

    def test_one_offs_come_with_the_first_invoice(self, scene: Scene) -> None:
        setup = scene.price(900, None, name="Set-up")
        subscription = scene.subscribe(
            scene.price(2000), add_invoice_items=[{"price": setup.id}], expand=["latest_invoice"]
        )
        assert lines_of(subscription.latest_invoice) == [
            ("Set-up", 900), ("1 × Pro (at $20.00 / month)", 2000),
        ]  # fmt: skip

    def test_less_than_can_be_charged_is_carried_over(self, scene: Scene) -> None:
        """Below 50 cents nothing is charged; the balance owes it to the next invoice."""
        customer = scene.customer()
        subscription = scene.subscribe(scene.price(30), customer=customer)
        first = scene.invoices(subscription.id)[0]
        assert (first.total, first.amount_due, first.status) == (30, 0, "paid")
        assert scene.v1.customers.retrieve(customer.id).balance == 30
        scene.stripe.advance(32 * DAY)
        assert scene.invoices(subscription.id)[1].amount_paid == 60

    @pytest.mark.parametrize(
        "wrong",
        [
            {"customer": "cus_no"},
            {"items": []},
            {"items": [{"price": "price_no"}]},
            {"trial_end": 1, "trial_period_days": 1},
            {"trial_end": 1},
            {"billing_cycle_anchor": 1},
            {"collection_method": "send_invoice"},
            {"days_until_due": 3},
            {"default_payment_method": "pm_no"},
            {"coupon": "x"},
            {"billing_mode": {"type": "flexible"}},
        ],
    )
    def test_what_cannot_be(self, scene: Scene, wrong: dict[str, Any]) -> None:
        price = scene.price(2000)
        customer = scene.customer()
        params = {"customer": customer.id, "items": [{"price": price.id}], **wrong}
        before = scene.types()
        error = refused(lambda: scene.v1.subscriptions.create(params))
        assert error.http_status == 400
        assert scene.types() == before


class TestRenewal:
    def test_a_draft_for_an_hour_then_paid(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        scene.stripe.advance(to=day(2026, 2, 15))
        seen = scene.subscription(subscription.id)
        assert period(seen) == (day(2026, 2, 15), day(2026, 3, 15))
        draft = scene.v1.invoices.retrieve(seen.latest_invoice)
        assert (draft.status, draft.billing_reason) == ("draft", "subscription_cycle")
        assert draft.period_end == int(day(2026, 2, 15).timestamp())
        scene.stripe.advance(timedelta(minutes=59))
        assert scene.v1.invoices.retrieve(draft.id).status == "draft"
        scene.stripe.advance(timedelta(minutes=1))
        paid = scene.v1.invoices.retrieve(draft.id)
        assert (paid.status, paid.amount_paid) == ("paid", 2000)
        assert paid.status_transitions.paid_at == draft.created + 3600

    def test_two_years_of_month_ends(self, scene: Scene) -> None:
        scene.stripe.advance(to=day(2026, 1, 31))
        subscription = scene.subscribe(scene.price(2000))
        scene.stripe.advance(to=day(2028, 3, 1))
        found = scene.invoices(subscription.id)
        assert [each.amount_paid for each in found] == [2000] * 26
        starts = [each.lines.data[0].period.start for each in found]
        assert [starts[1], starts[2], starts[25]] == [
            int(day(2026, 2, 28).timestamp()), int(day(2026, 3, 31).timestamp()),
            int(day(2028, 2, 29).timestamp()),
        ]  # fmt: skip

    def test_everything_has_its_own_time(self, scene: Scene) -> None:
        """Caught up at once or step by step, the same happens at the same times."""
        price = scene.price(2000)
        scene.subscribe(price)
        scene.clock.advance(70 * DAY)
        scene.stripe.run_due()
        created = [(event["type"], event["created"]) for event in scene.stripe.events()]
        at = int(day(2026, 2, 15).timestamp())
        assert ("invoice.created", at) in created
        assert ("invoice.paid", at + 3600) in created
        assert [moment for _, moment in created] == sorted(moment for _, moment in created)

    def test_upcoming_is_announced_a_week_before(self, scene: Scene) -> None:
        scene.subscribe(scene.price(2000))
        scene.stripe.advance(32 * DAY)
        upcoming = scene.stripe.events("invoice.upcoming")
        assert [each["created"] for each in upcoming] == [int(day(2026, 2, 8).timestamp())]
        assert upcoming[0]["data"]["object"]["amount_due"] == 2000

    def test_what_waits_comes_along(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        customer = subscription.customer
        scene.v1.invoice_items.create(
            {"customer": customer, "amount": 500, "currency": "usd", "description": "Extra"}
        )
        scene.v1.invoice_items.create(
            {"customer": customer, "amount": -200, "currency": "usd",
             "subscription": subscription.id}
        )  # fmt: skip
        other = scene.subscribe(scene.price(100), customer=scene.customer())
        scene.stripe.advance(32 * DAY)
        assert scene.invoices(subscription.id)[-1].amount_paid == 2300
        assert scene.invoices(other.id)[-1].amount_paid == 100

    @pytest.mark.parametrize(
        ("behavior", "status"),
        [("keep_as_draft", "draft"), ("void", "void"), ("mark_uncollectible", "uncollectible")],
    )
    def test_collection_paused(self, scene: Scene, behavior: str, status: str) -> None:
        subscription = scene.subscribe(scene.price(2000))
        scene.v1.subscriptions.update(
            subscription.id,
            {"pause_collection": {"behavior": behavior,
                                  "resumes_at": int(day(2026, 3, 1).timestamp())}},
        )  # fmt: skip
        scene.stripe.advance(32 * DAY)
        assert scene.invoices(subscription.id)[-1].status == status
        scene.stripe.advance(30 * DAY)
        assert scene.subscription(subscription.id).pause_collection is None
        assert scene.invoices(subscription.id)[-1].status == "paid"

    def test_by_invoice(self, scene: Scene) -> None:
        """Sent to the customer, overdue after the days that he has."""
        customer = scene.customer(card=None)
        subscription = scene.subscribe(
            scene.price(2000), customer=customer, collection_method="send_invoice",
            days_until_due=10,
        )  # fmt: skip
        assert subscription.status == "active"
        invoice = scene.invoices(subscription.id)[0]
        assert (invoice.status, invoice.due_date) == ("open", int(day(2026, 1, 25).timestamp()))
        scene.stripe.advance(11 * DAY)
        assert scene.subscription(subscription.id).status == "past_due"
        scene.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
        assert scene.subscription(subscription.id).status == "active"


class TestFailedRenewal:
    def failing(self, scene: Scene) -> Any:
        subscription = scene.subscribe(scene.price(2000))
        scene.stripe.change_card(scene.method_of(subscription.customer).id, FAILS)
        scene.stripe.advance(to=day(2026, 2, 16))
        return subscription

    def test_past_due_and_tried_again(self, scene: Scene) -> None:
        subscription = self.failing(scene)
        assert scene.subscription(subscription.id).status == "past_due"
        invoice = scene.invoices(subscription.id)[-1]
        assert (invoice.status, invoice.attempt_count) == ("open", 1)
        assert invoice.next_payment_attempt == invoice.status_transitions.finalized_at + 3 * 86400
        failed = scene.stripe.events("invoice.payment_failed")[-1]["data"]["object"]
        assert failed["id"] == invoice.id
        intent = scene.v1.invoice_payments.list({"invoice": invoice.id}).data[0].payment
        error = scene.v1.payment_intents.retrieve(intent.payment_intent).last_payment_error
        assert (error.code, error.decline_code) == ("card_declined", "generic_decline")

    def test_recovers_by_itself_when_the_card_works_again(self, scene: Scene) -> None:
        subscription = self.failing(scene)
        scene.stripe.change_card(scene.method_of(subscription.customer).id, "pm_card_visa")
        scene.stripe.advance(3 * DAY)
        assert scene.subscription(subscription.id).status == "active"
        assert scene.invoices(subscription.id)[-1].attempt_count == 2

    def test_recovers_with_another_card(self, scene: Scene) -> None:
        subscription = self.failing(scene)
        method = scene.v1.payment_methods.attach(
            "pm_card_mastercard", {"customer": subscription.customer}
        )
        scene.v1.customers.update(
            subscription.customer, {"invoice_settings": {"default_payment_method": method.id}}
        )
        scene.v1.invoices.pay(scene.invoices(subscription.id)[-1].id)
        assert scene.subscription(subscription.id).status == "active"

    @pytest.mark.parametrize(
        ("finally_", "status"),
        [("cancel", "canceled"), ("unpaid", "unpaid"), ("past_due", "past_due")],
    )
    def test_what_the_settings_say_in_the_end(
        self, scene: Scene, finally_: Any, status: str
    ) -> None:
        scene.stripe.settings.dunning = Dunning(retries=(1, 2), finally_=finally_)
        subscription = self.failing(scene)
        scene.stripe.advance(2 * DAY)
        assert scene.subscription(subscription.id).status == "past_due"
        scene.stripe.advance(2 * DAY)
        seen = scene.subscription(subscription.id)
        assert seen.status == status
        invoice = scene.invoices(subscription.id)[-1]
        assert (invoice.attempt_count, invoice.next_payment_attempt) == (3, None)
        if status == "canceled":
            assert seen.cancellation_details.reason == "payment_failed"
            assert scene.types()[-1] == "customer.subscription.deleted"

    def test_unpaid_bills_on_without_collecting(self, scene: Scene) -> None:
        scene.stripe.settings.dunning = Dunning(retries=(), finally_="unpaid")
        subscription = self.failing(scene)
        scene.stripe.advance(60 * DAY)
        latest = scene.invoices(subscription.id)[-1]
        assert (latest.status, latest.auto_advance) == ("draft", False)
        scene.stripe.change_card(scene.method_of(subscription.customer).id, "pm_card_visa")
        scene.v1.invoices.pay(latest.id)
        assert scene.subscription(subscription.id).status == "active"

    def test_a_bank_that_asks_at_renewal(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        scene.stripe.change_card(
            scene.method_of(subscription.customer).id, "pm_card_threeDSecure2Required"
        )
        scene.stripe.advance(32 * DAY)
        invoice = scene.invoices(subscription.id)[-1]
        assert scene.stripe.events("invoice.payment_action_required")[0]["data"]["object"][
            "id"
        ] == invoice.id  # fmt: skip
        assert scene.subscription(subscription.id).status == "past_due"
        intent = scene.v1.invoice_payments.list({"invoice": invoice.id}).data[0].payment
        scene.stripe.authenticate(intent.payment_intent)
        assert scene.subscription(subscription.id).status == "active"
