"""Trials, endings and lists of subscriptions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.sandbox.stripe_scene import DAY, START, Scene, day, lines_of, period, refused


class TestTrials:
    def test_from_trial_to_paid(self, scene: Scene) -> None:
        subscription = scene.subscribe(
            scene.price(2000), trial_period_days=14, expand=["latest_invoice"]
        )
        assert subscription.status == "trialing"
        assert lines_of(subscription.latest_invoice) == [("Trial period for Pro", 0)]
        assert subscription.latest_invoice.status == "paid"
        scene.stripe.advance(11 * DAY)
        assert len(scene.stripe.events("customer.subscription.trial_will_end")) == 1
        scene.stripe.advance(to=day(2026, 1, 29))
        seen = scene.subscription(subscription.id)
        assert (seen.status, period(seen)) == ("active", (day(2026, 1, 29), day(2026, 2, 28)))
        scene.stripe.advance(timedelta(hours=1))
        assert scene.invoices(subscription.id)[-1].amount_paid == 2000
        scene.stripe.advance(to=day(2026, 3, 30))
        assert period(scene.subscription(subscription.id))[0] == day(2026, 3, 29)

    def test_a_trial_ended_now(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000), trial_period_days=14)
        scene.stripe.advance(2 * DAY)
        seen = scene.v1.subscriptions.update(subscription.id, {"trial_end": "now"})
        assert (seen.status, period(seen)[0]) == ("active", day(2026, 1, 17))
        assert scene.invoices(subscription.id)[-1].amount_paid == 2000

    def test_a_trial_made_longer(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000), trial_period_days=14)
        later = int(day(2026, 3, 1).timestamp())
        seen = scene.v1.subscriptions.update(subscription.id, {"trial_end": later})
        assert (seen.status, seen.trial_end) == ("trialing", later)
        assert len(scene.invoices(subscription.id)) == 1

    def test_changing_the_plan_in_a_trial_costs_nothing(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000), trial_period_days=14)
        item = subscription["items"].data[0].id
        scene.v1.subscriptions.update(
            subscription.id, {"items": [{"id": item, "price": scene.price(5000).id}]}
        )
        scene.stripe.advance(15 * DAY)
        assert [each.amount_paid for each in scene.invoices(subscription.id)] == [0, 5000]

    @pytest.mark.parametrize(
        ("behavior", "status"),
        [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")],
    )
    def test_a_trial_that_ends_without_a_card(
        self, scene: Scene, behavior: str, status: str
    ) -> None:
        subscription = scene.subscribe(
            scene.price(2000), customer=scene.customer(card=None), trial_period_days=7,
            trial_settings={"end_behavior": {"missing_payment_method": behavior}},
        )  # fmt: skip
        scene.stripe.advance(8 * DAY)
        assert scene.subscription(subscription.id).status == status

    def test_a_paused_one_is_resumed(self, scene: Scene) -> None:
        customer = scene.customer(card=None)
        subscription = scene.subscribe(
            scene.price(2000), customer=customer, trial_period_days=7,
            trial_settings={"end_behavior": {"missing_payment_method": "pause"}},
        )  # fmt: skip
        scene.stripe.advance(20 * DAY)
        method = scene.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        scene.v1.subscriptions.update(subscription.id, {"default_payment_method": method.id})
        seen = scene.v1.subscriptions.resume(subscription.id)
        assert (seen.status, period(seen)[0]) == ("active", day(2026, 2, 4))
        assert scene.invoices(subscription.id)[-1].amount_paid == 2000
        assert {"customer.subscription.paused", "customer.subscription.resumed"} <= set(
            scene.types()
        )


class TestEnding:
    def test_at_once(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        seen = scene.v1.subscriptions.cancel(
            subscription.id, {"cancellation_details": {"feedback": "too_expensive"}}
        )
        assert (seen.status, seen.ended_at) == ("canceled", int(START.timestamp()))
        assert seen.cancellation_details.reason == "cancellation_requested"
        assert seen.cancellation_details.feedback == "too_expensive"
        assert not scene.v1.subscriptions.list().data
        scene.stripe.advance(60 * DAY)
        assert len(scene.invoices(subscription.id)) == 1
        refused(lambda: scene.v1.subscriptions.cancel(subscription.id))

    def test_at_once_with_the_rest_given_back(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(3100))
        scene.stripe.advance(DAY)
        scene.v1.subscriptions.cancel(subscription.id, {"prorate": True, "invoice_now": True})
        invoice = scene.invoices(subscription.id)[-1]
        assert (invoice.total, invoice.status) == (-3000, "paid")
        assert scene.v1.customers.retrieve(subscription.customer).balance == -3000

    def test_at_the_end_of_the_period(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        seen = scene.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
        assert (seen.status, seen.cancel_at) == ("active", int(day(2026, 2, 15).timestamp()))
        assert seen.canceled_at == int(START.timestamp())
        scene.stripe.advance(60 * DAY)
        ended = scene.subscription(subscription.id)
        assert (ended.status, ended.ended_at) == ("canceled", int(day(2026, 2, 15).timestamp()))
        assert len(scene.invoices(subscription.id)) == 1
        assert not scene.stripe.events("invoice.upcoming")

    def test_taken_back_in_time(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        scene.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
        seen = scene.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
        assert (seen.cancel_at, seen.canceled_at) == (None, None)
        scene.stripe.advance(32 * DAY)
        assert scene.subscription(subscription.id).status == "active"

    def test_at_a_time(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        at = int(day(2026, 1, 20).timestamp())
        scene.v1.subscriptions.update(subscription.id, {"cancel_at": at})
        scene.stripe.advance(10 * DAY)
        assert scene.subscription(subscription.id).ended_at == at

    def test_previous_attributes_tell_what_changed(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000), metadata={"a": "1"})
        scene.v1.subscriptions.update(
            subscription.id, {"cancel_at_period_end": True, "metadata": {"a": "2"}}
        )
        event = scene.stripe.events("customer.subscription.updated")[-1]
        assert event["data"]["previous_attributes"] == {
            "cancel_at": None,
            "cancel_at_period_end": False,
            "canceled_at": None,
            "cancellation_details": {"reason": None},
            "metadata": {"a": "1"},
        }

    def test_previous_items_are_shown_in_their_list(self, scene: Scene) -> None:
        cheap, dear = scene.price(2000), scene.price(5000)
        subscription = scene.subscribe(cheap)
        item = subscription["items"].data[0].id
        scene.v1.subscriptions.update(
            subscription.id,
            {"items": [{"id": item, "price": dear.id}], "proration_behavior": "none"},
        )
        event = scene.stripe.events("customer.subscription.updated")[-1]
        before = event["data"]["previous_attributes"]["items"]
        assert list(before) == ["data"]
        assert before["data"][0]["price"]["id"] == cheap.id

    def test_a_canceled_one_keeps_a_note(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        scene.v1.subscriptions.cancel(subscription.id)
        seen = scene.v1.subscriptions.update(subscription.id, {"metadata": {"a": "1"}})
        assert (seen.status, seen.metadata.to_dict()) == ("canceled", {"a": "1"})

    def test_a_canceled_one_stays_as_it_is(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        scene.v1.subscriptions.cancel(subscription.id)
        refused(
            lambda: scene.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
        )

    def test_of_a_deleted_customer(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000))
        deleted = scene.v1.customers.delete(subscription.customer)
        assert deleted.deleted
        assert scene.subscription(subscription.id).status == "canceled"
        assert scene.types()[-2:] == ["customer.subscription.deleted", "customer.deleted"]
        assert scene.v1.customers.retrieve(subscription.customer).deleted
        assert not scene.v1.customers.list().data


class TestLists:
    def test_by_status_price_and_customer(self, scene: Scene) -> None:
        price = scene.price(2000)
        first = scene.subscribe(price)
        second = scene.subscribe(scene.price(3000))
        scene.v1.subscriptions.cancel(second.id)
        listed = scene.v1.subscriptions.list
        assert [each.id for each in listed().data] == [first.id]
        assert [each.id for each in listed({"status": "all"}).data] == [second.id, first.id]
        assert [each.id for each in listed({"status": "canceled"}).data] == [second.id]
        assert [each.id for each in listed({"price": price.id}).data] == [first.id]
        assert not listed({"customer": second.customer}).data

    def test_items(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(2000), scene.price(500, name="Backup"))
        listed = scene.v1.subscription_items.list({"subscription": subscription.id})
        assert [each.price.unit_amount for each in listed.data] == [2000, 500]
        item = scene.v1.subscription_items.retrieve(listed.data[1].id)
        assert item.subscription == subscription.id
        changed = scene.v1.subscription_items.update(item.id, {"quantity": 3})
        assert changed.quantity == 3
