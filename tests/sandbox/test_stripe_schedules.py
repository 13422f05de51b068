"""Subscription schedules: what is planned for later, shown, replaced, revoked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.stripe_scene import DAY, START, Scene, day, period, refused


def at(*date: int) -> int:
    return int(day(*date).timestamp())


def downgrade(scene: Scene, subscription: Any, price: Any, **more: Any) -> Any:
    """Plan another price for the end of the period, as one does: in two steps."""
    schedule = scene.v1.subscription_schedules.create({"from_subscription": subscription.id})
    current = schedule.phases[0]
    return scene.v1.subscription_schedules.update(
        schedule.id,
        {
            "phases": [
                {
                    "items": [
                        {"price": item.price, "quantity": item.quantity}
                        for item in current["items"]
                    ],
                    "start_date": current.start_date,
                    "end_date": current.end_date,
                },
                {"items": [{"price": price.id}], "proration_behavior": "none"},
            ],
            **more,
        },
    )


class TestDowngradeAtTheEnd:
    def test_the_new_price_from_the_next_period_on(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(5000))
        cheaper = scene.price(2000)
        schedule = downgrade(scene, subscription, cheaper)
        assert schedule.status == "active"
        assert scene.subscription(subscription.id).schedule == schedule.id
        assert (schedule.current_phase.start_date, schedule.current_phase.end_date) == (
            int(START.timestamp()), at(2026, 2, 15),
        )  # fmt: skip
        scene.stripe.advance(30 * DAY)
        assert scene.subscription(subscription.id)["items"].data[0].price.unit_amount == 5000
        scene.stripe.advance(2 * DAY)
        seen = scene.subscription(subscription.id)
        assert seen["items"].data[0].price.id == cheaper.id
        assert seen["items"].data[0].id == subscription["items"].data[0].id
        assert [each.amount_paid for each in scene.invoices(subscription.id)] == [5000, 2000]
        assert period(seen) == (day(2026, 2, 15), day(2026, 3, 15))

    def test_it_lets_go_after_its_last_phase(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(5000))
        schedule = downgrade(scene, subscription, scene.price(2000))
        scene.stripe.advance(61 * DAY)
        seen = scene.v1.subscription_schedules.retrieve(schedule.id)
        assert (seen.status, seen.released_subscription) == ("released", subscription.id)
        assert scene.subscription(subscription.id).schedule is None
        assert [each.amount_paid for each in scene.invoices(subscription.id)] == [5000, 2000, 2000]

    def test_yearly_to_monthly_begins_a_month_at_the_end_of_the_year(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(50000, "year"))
        downgrade(scene, subscription, scene.price(5000))
        scene.stripe.advance(to=day(2027, 1, 16))
        seen = scene.subscription(subscription.id)
        assert period(seen) == (day(2027, 1, 15), day(2027, 2, 15))
        assert [each.amount_paid for each in scene.invoices(subscription.id)] == [50000, 5000]
        scene.stripe.advance(32 * DAY)
        assert len(scene.invoices(subscription.id)) == 3

    def test_the_preview_knows_what_is_planned(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(5000))
        downgrade(scene, subscription, scene.price(2000))
        shown = scene.v1.invoices.create_preview({"subscription": subscription.id})
        assert shown.amount_due == 2000
        assert scene.subscription(subscription.id)["items"].data[0].price.unit_amount == 5000

    def test_revoked(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(5000))
        schedule = downgrade(scene, subscription, scene.price(2000))
        released = scene.v1.subscription_schedules.release(schedule.id)
        assert released.status == "released"
        assert scene.subscription(subscription.id).schedule is None
        scene.stripe.advance(32 * DAY)
        assert [each.amount_paid for each in scene.invoices(subscription.id)] == [5000, 5000]
        refused(lambda: scene.v1.subscription_schedules.release(schedule.id))

    def test_replaced(self, scene: Scene) -> None:
        """A second plan takes the place of the first, on the same schedule."""
        subscription = scene.subscribe(scene.price(5000))
        schedule = downgrade(scene, subscription, scene.price(2000))
        other = scene.price(1000)
        current = schedule.phases[0]
        scene.v1.subscription_schedules.update(
            schedule.id,
            {
                "phases": [
                    {"items": [{"price": current["items"][0].price}],
                     "start_date": current.start_date, "end_date": current.end_date},
                    {"items": [{"price": other.id}]},
                ]
            },
        )  # fmt: skip
        scene.stripe.advance(32 * DAY)
        assert [each.amount_paid for each in scene.invoices(subscription.id)] == [5000, 1000]

    def test_a_subscription_has_one_schedule(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(5000))
        downgrade(scene, subscription, scene.price(2000))
        error = refused(lambda: downgrade(scene, subscription, scene.price(1000)))
        assert "already attached to a schedule" in str(error)

    def test_its_end_is_planned_on_the_schedule(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(5000))
        downgrade(scene, subscription, scene.price(2000))
        error = refused(
            lambda: scene.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
        )
        assert "managed by the subscription schedule" in str(error)


class TestOtherSchedules:
    def test_an_upgrade_at_once_by_changing_the_current_phase(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(3100))
        dearer = scene.price(6200)
        schedule = scene.v1.subscription_schedules.create({"from_subscription": subscription.id})
        scene.stripe.advance(DAY)
        scene.v1.subscription_schedules.update(
            schedule.id,
            {
                "phases": [
                    {"items": [{"price": dearer.id}],
                     "start_date": schedule.phases[0].start_date,
                     "end_date": schedule.phases[0].end_date}
                ],
                "proration_behavior": "always_invoice",
            },
        )  # fmt: skip
        assert scene.invoices(subscription.id)[-1].amount_paid == 3000

    def test_one_that_begins_later(self, scene: Scene) -> None:
        customer = scene.customer()
        price, later = scene.price(2000), scene.price(3000)
        schedule = scene.v1.subscription_schedules.create(
            {
                "customer": customer.id,
                "start_date": at(2026, 2, 1),
                "end_behavior": "cancel",
                "phases": [
                    {"items": [{"price": price.id}],
                     "duration": {"interval": "month", "interval_count": 2}},
                    {"items": [{"price": later.id}], "end_date": at(2026, 5, 1)},
                ],
            }
        )  # fmt: skip
        assert (schedule.status, schedule.subscription) == ("not_started", None)
        scene.stripe.advance(to=day(2026, 2, 2))
        seen = scene.v1.subscription_schedules.retrieve(schedule.id)
        assert seen.status == "active"
        scene.stripe.advance(to=day(2026, 6, 1))
        subscription = scene.subscription(seen.subscription)
        assert (subscription.status, subscription.ended_at) == ("canceled", at(2026, 5, 1))
        assert [each.amount_paid for each in scene.invoices(subscription.id)] == [2000, 2000, 3000]
        assert scene.v1.subscription_schedules.retrieve(schedule.id).status == "completed"

    def test_canceled_with_its_subscription(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(3100))
        schedule = scene.v1.subscription_schedules.create({"from_subscription": subscription.id})
        scene.stripe.advance(DAY)
        seen = scene.v1.subscription_schedules.cancel(schedule.id)
        assert seen.status == "canceled"
        assert scene.subscription(subscription.id).status == "canceled"
        assert scene.invoices(subscription.id)[-1].total == -3000

    def test_a_canceled_subscription_takes_its_schedule_along(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(3100))
        schedule = scene.v1.subscription_schedules.create({"from_subscription": subscription.id})
        scene.v1.subscriptions.cancel(subscription.id)
        assert scene.v1.subscription_schedules.retrieve(schedule.id).status == "canceled"
        assert scene.types()[-1] == "subscription_schedule.canceled"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"phases": [{"items": []}]},
            {"phases": [{"items": [{"price": "price_no"}]}]},
            {"phases": []},
            {},
        ],
    )
    def test_what_cannot_be(self, scene: Scene, wrong: dict[str, Any]) -> None:
        customer = scene.customer()
        error = refused(
            lambda: scene.v1.subscription_schedules.create({"customer": customer.id, **wrong})
        )
        assert error.http_status == 400

    def test_the_start_of_the_current_phase_stays(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(3100))
        schedule = scene.v1.subscription_schedules.create({"from_subscription": subscription.id})
        error = refused(
            lambda: scene.v1.subscription_schedules.update(
                schedule.id,
                {"phases": [{"items": [{"price": schedule.phases[0]["items"][0].price}],
                             "start_date": at(2026, 1, 20)}]},
            )
        )  # fmt: skip
        assert error.param == "phases[0][start_date]"
