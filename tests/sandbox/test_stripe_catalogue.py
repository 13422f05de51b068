"""Customers, products, prices, coupons, tax rates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.sandbox.stripe_scene import ACACIA, Scene, refused


class TestCustomers:
    def test_changed(self, scene: Scene) -> None:
        made = scene.v1.customers.create({"email": "a@example.com", "name": "Ann"})
        changed = scene.v1.customers.update(made.id, {"name": "", "phone": "+41"})
        assert (changed.name, changed.phone, changed.email) == (None, "+41", "a@example.com")
        event = scene.stripe.events("customer.updated")[0]
        assert event["data"]["previous_attributes"] == {"name": "Ann", "phone": None}

    def test_nothing_changed_tells_nothing(self, scene: Scene) -> None:
        made = scene.v1.customers.create({"name": "Ann"})
        scene.v1.customers.update(made.id, {"name": "Ann"})
        assert not scene.stripe.events("customer.updated")

    def test_found_by_mail(self, scene: Scene) -> None:
        made = scene.v1.customers.create({"email": "a@example.com"})
        scene.v1.customers.create({"email": "b@example.com"})
        found = scene.v1.customers.list({"email": "a@example.com"}).data
        assert [each.id for each in found] == [made.id]

    def test_the_default_method_must_be_his(self, scene: Scene) -> None:
        other = scene.method_of(scene.customer().id)
        mine = scene.customer()
        error = refused(
            lambda: scene.v1.customers.update(
                mine.id, {"invoice_settings": {"default_payment_method": other.id}}
            )
        )
        assert error.param == "invoice_settings[default_payment_method]"

    def test_a_deleted_one_cannot_be_used(self, scene: Scene) -> None:
        made = scene.customer()
        scene.v1.customers.delete(made.id)
        assert refused(lambda: scene.v1.customers.update(made.id, {})).http_status == 404
        refused(lambda: scene.v1.invoices.create({"customer": made.id}))
        refused(lambda: scene.v1.customers.delete(made.id))

    def test_with_his_subscriptions(self, scene: Scene) -> None:
        subscription = scene.subscribe(scene.price(100))
        shown = scene.v1.customers.retrieve(subscription.customer, {"expand": ["subscriptions"]})
        assert [each.id for each in shown.subscriptions.data] == [subscription.id]


class TestProducts:
    def test_made_changed_deleted(self, scene: Scene) -> None:
        made = scene.v1.products.create({"id": "prod_pro", "name": "Pro"})
        assert made.id == "prod_pro"
        error = refused(lambda: scene.v1.products.create({"id": "prod_pro", "name": "Pro"}))
        assert error.code == "resource_already_exists"
        scene.clock.advance(timedelta(seconds=5))
        changed = scene.v1.products.update("prod_pro", {"active": False})
        assert (changed.active, changed.updated - changed.created) == (False, 5)
        assert not scene.v1.products.list({"active": True}).data
        assert scene.v1.products.delete("prod_pro").deleted
        assert refused(lambda: scene.v1.products.retrieve("prod_pro")).http_status == 404

    def test_not_deleted_while_it_has_a_price(self, scene: Scene) -> None:
        price = scene.price(100)
        refused(lambda: scene.v1.products.delete(price.product))


class TestPrices:
    def test_recurring(self, scene: Scene) -> None:
        price = scene.price(100, "year")
        assert (price.type, price.recurring.interval, price.recurring.interval_count) == (
            "recurring", "year", 1,
        )  # fmt: skip
        old = scene.client_of(ACACIA).v1.prices.retrieve(price.id)
        assert old.recurring.aggregate_usage is None

    def test_parts_of_a_cent(self, scene: Scene) -> None:
        product = scene.v1.products.create({"name": "Hits"})
        price = scene.v1.prices.create(
            {"product": product.id, "currency": "usd", "unit_amount_decimal": "0.5",
             "recurring": {"interval": "month"}}
        )  # fmt: skip
        assert price.unit_amount is None
        customer = scene.customer()
        subscription = scene.v1.subscriptions.create(
            {"customer": customer.id, "items": [{"price": price.id, "quantity": 333}]}
        )
        assert scene.invoices(subscription.id)[0].total == 167

    def test_a_lookup_key_moves(self, scene: Scene) -> None:
        first = scene.price(100, lookup_key="pro")
        second = scene.price(200, lookup_key="pro", transfer_lookup_key=True)
        found = scene.v1.prices.list({"lookup_keys": ["pro"]}).data
        assert [each.id for each in found] == [second.id]
        assert scene.v1.prices.retrieve(first.id).lookup_key is None

    def test_an_inactive_price_cannot_be_subscribed_to(self, scene: Scene) -> None:
        price = scene.price(100)
        scene.v1.prices.update(price.id, {"active": False})
        assert "inactive" in str(refused(lambda: scene.subscribe(price)))

    def test_the_amount_is_for_ever(self, scene: Scene) -> None:
        price = scene.price(100)
        error = refused(lambda: scene.v1.prices.update(price.id, {"unit_amount": 200}))
        assert error.code == "parameter_unknown"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"unit_amount": 100},
            {"currency": "usd"},
            {"currency": "usd", "unit_amount": 1, "product": "prod_no"},
            {"currency": "usd", "unit_amount": 1, "unit_amount_decimal": "1"},
            {"currency": "usd", "unit_amount": 1, "recurring": {"interval": "decade"}},
        ],
    )
    def test_what_cannot_be(self, scene: Scene, wrong: dict[str, Any]) -> None:
        assert refused(lambda: scene.v1.prices.create(wrong)).http_status == 400

    def test_a_one_off_price_is_no_plan(self, scene: Scene) -> None:
        assert "one_time" in str(refused(lambda: scene.subscribe(scene.price(100, None))))


class TestCoupons:
    def test_used_up(self, scene: Scene) -> None:
        coupon = scene.v1.coupons.create(
            {"id": "WELCOME", "percent_off": 10, "duration": "once", "max_redemptions": 1}
        )
        scene.subscribe(scene.price(1000), discounts=[{"coupon": coupon.id}])
        seen = scene.v1.coupons.retrieve("WELCOME")
        assert (seen.times_redeemed, seen.valid) == (1, False)
        error = refused(
            lambda: scene.subscribe(scene.price(1000), discounts=[{"coupon": "WELCOME"}])
        )
        assert error.code == "coupon_expired"

    def test_too_late(self, scene: Scene) -> None:
        by = int((scene.clock() + timedelta(days=1)).timestamp())
        coupon = scene.v1.coupons.create({"percent_off": 10, "duration": "once", "redeem_by": by})
        scene.stripe.advance(timedelta(days=2))
        refused(lambda: scene.subscribe(scene.price(1000), discounts=[{"coupon": coupon.id}]))

    def test_deleted_it_counts_on(self, scene: Scene) -> None:
        coupon = scene.v1.coupons.create({"percent_off": 10, "duration": "forever"})
        subscription = scene.subscribe(scene.price(1000), discounts=[{"coupon": coupon.id}])
        scene.v1.coupons.delete(coupon.id)
        scene.stripe.advance(timedelta(days=32))
        assert scene.invoices(subscription.id)[-1].amount_paid == 900
        refused(lambda: scene.subscribe(scene.price(1000), discounts=[{"coupon": coupon.id}]))

    def test_in_both_shapes(self, scene: Scene) -> None:
        coupon = scene.v1.coupons.create({"percent_off": 10, "duration": "forever"})
        subscription = scene.subscribe(scene.price(1000), discounts=[{"coupon": coupon.id}])
        new = scene.v1.subscriptions.retrieve(subscription.id, {"expand": ["discounts"]})
        assert new.discounts[0].source.coupon == coupon.id
        old = scene.client_of(ACACIA).v1.subscriptions.retrieve(subscription.id)
        assert old.discount.coupon.percent_off == 10

    @pytest.mark.parametrize(
        "wrong",
        [
            {"duration": "once"},
            {"duration": "once", "amount_off": 100},
            {"duration": "repeating", "percent_off": 10},
            {"duration": "once", "percent_off": 101},
            {"duration": "once", "percent_off": 10, "amount_off": 100, "currency": "usd"},
        ],
    )
    def test_what_cannot_be(self, scene: Scene, wrong: dict[str, Any]) -> None:
        assert refused(lambda: scene.v1.coupons.create(wrong)).http_status == 400


def test_tax_rates(scene: Scene) -> None:
    rate = scene.v1.tax_rates.create(
        {"display_name": "VAT", "percentage": 7.25, "inclusive": False, "country": "US"}
    )
    assert (rate.percentage, rate.active) == (7.25, True)
    scene.v1.tax_rates.update(rate.id, {"active": False})
    assert not scene.v1.tax_rates.list({"active": True}).data
    assert "percentage" in str(
        refused(lambda: scene.v1.tax_rates.update(rate.id, {"percentage": 8}))
    )
