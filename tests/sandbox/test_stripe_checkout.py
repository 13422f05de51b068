"""Checkout sessions and the customer's page."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import requests
import stripe

from bridge.sandbox.stripe_server import CardDeclined, NotPossible
from tests.sandbox.stripe_scene import DAY, START, Scene, day, lines_of, period, refused

URLS = {"success_url": "http://shop/ok?s={CHECKOUT_SESSION_ID}", "cancel_url": "http://shop/no"}


def session_of(scene: Scene, mode: str, *prices: Any, **more: Any) -> Any:
    items = {"line_items": [{"price": each.id, "quantity": 1} for each in prices]}
    return scene.v1.checkout.sessions.create(
        {"mode": mode, **URLS, **(items if prices else {}), **more}
    )


def seen(scene: Scene, session: Any, *expand: str) -> Any:
    return scene.v1.checkout.sessions.retrieve(session.id, {"expand": list(expand)})


class TestPaying:
    def test_once(self, scene: Scene) -> None:
        session = session_of(
            scene, "payment", scene.price(1500, None, name="Set-up"),
            metadata={"quote": "q1"}, payment_intent_data={"metadata": {"quote": "q1"}},
            client_reference_id="m7", expand=["line_items"],
        )  # fmt: skip
        assert (session.status, session.payment_status, session.amount_total) == (
            "open", "unpaid", 1500,
        )  # fmt: skip
        assert session.line_items.data[0].description == "Set-up"
        assert session.payment_intent is None
        scene.stripe.complete_checkout(session.id, email="ann@example.com")
        done = seen(scene, session, "payment_intent")
        assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
        assert done.payment_intent.metadata.to_dict() == {"quote": "q1"}
        assert done.customer_details.email == "ann@example.com"
        assert done.customer is None
        event = scene.stripe.events("checkout.session.completed")[0]
        assert event["data"]["object"]["metadata"] == {"quote": "q1"}
        assert event["data"]["object"]["client_reference_id"] == "m7"

    def test_a_price_made_up_for_it(self, scene: Scene) -> None:
        """A quote is charged as it is, without a price in the catalogue."""
        session = scene.v1.checkout.sessions.create(
            {
                "mode": "payment", **URLS, "customer_creation": "always",
                "line_items": [
                    {"price_data": {"currency": "eur", "unit_amount": 4522,
                                    "product_data": {"name": "Upgrade to Max"}},
                     "quantity": 1}
                ],
            }
        )  # fmt: skip
        assert (session.amount_total, session.currency) == (4522, "eur")
        scene.stripe.complete_checkout(session.id)
        assert seen(scene, session, "customer").customer.email == "customer@example.com"
        assert not scene.v1.prices.list({"active": True}).data

    def test_declined_and_tried_again(self, scene: Scene) -> None:
        session = session_of(scene, "payment", scene.price(1500, None))
        with pytest.raises(CardDeclined, match="declined"):
            scene.stripe.complete_checkout(session.id, payment_method="pm_card_chargeDeclined")
        assert seen(scene, session).status == "open"
        assert scene.types()[-1] == "payment_intent.payment_failed"
        scene.stripe.complete_checkout(session.id)
        assert seen(scene, session).status == "complete"
        assert scene.types().count("payment_intent.created") == 1
        with pytest.raises(NotPossible, match="complete"):
            scene.stripe.complete_checkout(session.id)

    def test_a_bank_that_asks(self, scene: Scene) -> None:
        session = session_of(scene, "payment", scene.price(1500, None))
        card = "pm_card_threeDSecure2Required"
        open_still = scene.stripe.complete_checkout(session.id, payment_method=card)
        assert open_still["status"] == "open"
        with pytest.raises(NotPossible, match="not answered"):
            scene.stripe.complete_checkout(session.id)
        scene.stripe.authenticate(open_still["payment_intent"])
        assert seen(scene, session).payment_status == "paid"

    @pytest.mark.parametrize(
        ("succeeded", "status", "kind"),
        [(True, "paid", "async_payment_succeeded"), (False, "unpaid", "async_payment_failed")],
    )
    def test_a_bank_debit(self, scene: Scene, succeeded: bool, status: str, kind: str) -> None:
        session = session_of(scene, "payment", scene.price(1500, None))
        done = scene.stripe.complete_checkout(session.id, payment_method="pm_sepaDebit")
        assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
        scene.stripe.advance(5 * DAY)
        scene.stripe.settle_payment(done["payment_intent"], succeeded=succeeded)
        assert seen(scene, session).payment_status == status
        assert scene.types()[-1] == f"checkout.session.{kind}"

    def test_with_an_invoice(self, scene: Scene) -> None:
        session = session_of(
            scene, "payment", scene.price(1500, None, name="Set-up"),
            invoice_creation={"enabled": True, "invoice_data": {"metadata": {"quote": "q1"}}},
        )  # fmt: skip
        scene.stripe.complete_checkout(session.id)
        invoice = seen(scene, session, "invoice").invoice
        assert (invoice.status, invoice.amount_paid) == ("paid", 1500)
        assert invoice.metadata.to_dict() == {"quote": "q1"}
        assert lines_of(invoice) == [("Set-up", 1500)]
        assert scene.types().count("charge.succeeded") == 1

    def test_nothing_to_pay(self, scene: Scene) -> None:
        coupon = scene.v1.coupons.create({"percent_off": 100, "duration": "once"})
        session = session_of(
            scene, "payment", scene.price(1500, None), discounts=[{"coupon": coupon.id}]
        )
        assert (session.amount_total, session.total_details.amount_discount) == (0, 1500)
        scene.stripe.complete_checkout(session.id)
        assert seen(scene, session).payment_status == "no_payment_required"


class TestSubscribing:
    def test_subscribed(self, scene: Scene) -> None:
        session = session_of(
            scene, "subscription", scene.price(2000), scene.price(900, None, name="Set-up"),
            subscription_data={"metadata": {"quote": "q1"}},
        )  # fmt: skip
        assert session.amount_total == 2900
        scene.stripe.complete_checkout(session.id)
        done = seen(scene, session, "subscription", "invoice", "customer")
        assert (done.payment_status, done.subscription.status) == ("paid", "active")
        assert done.subscription.metadata.to_dict() == {"quote": "q1"}
        assert done.invoice.amount_paid == 2900
        assert done.subscription.default_payment_method.startswith("pm_")
        created = scene.stripe.events("customer.subscription.created")[0]
        assert created["data"]["object"]["status"] == "incomplete"
        assert scene.types()[-1] == "checkout.session.completed"
        scene.stripe.advance(32 * DAY)
        assert scene.invoices(done.subscription.id)[-1].amount_paid == 2000

    def test_by_a_known_customer(self, scene: Scene) -> None:
        customer = scene.customer(card=None)
        session = session_of(scene, "subscription", scene.price(2000), customer=customer.id)
        scene.stripe.complete_checkout(session.id)
        done = seen(scene, session)
        assert (done.customer, done.customer_details.email) == (customer.id, "jenny@example.com")
        assert [
            each.id for each in scene.v1.checkout.sessions.list({"customer": customer.id}).data
        ] == [session.id]

    def test_nothing_stays_of_a_declined_attempt(self, scene: Scene) -> None:
        session = session_of(scene, "subscription", scene.price(2000))
        before = scene.types()
        for card in ("pm_card_chargeDeclined", "pm_card_chargeCustomerFail"):
            with pytest.raises(CardDeclined):
                scene.stripe.complete_checkout(session.id, payment_method=card)
        assert scene.types() == before
        scene.stripe.complete_checkout(session.id)
        assert seen(scene, session).status == "complete"

    def test_a_trial(self, scene: Scene) -> None:
        session = session_of(
            scene, "subscription", scene.price(2000), subscription_data={"trial_period_days": 14}
        )
        assert session.amount_total == 0
        scene.stripe.complete_checkout(session.id)
        done = seen(scene, session, "subscription")
        assert (done.payment_status, done.subscription.status) == (
            "no_payment_required", "trialing",
        )  # fmt: skip
        scene.stripe.advance(15 * DAY)
        assert scene.invoices(done.subscription.id)[-1].amount_paid == 2000

    def test_an_anchor(self, scene: Scene) -> None:
        anchor = int(day(2026, 2, 1).timestamp())
        session = session_of(
            scene, "subscription", scene.price(3100),
            subscription_data={"billing_cycle_anchor": anchor},
        )  # fmt: skip
        assert session.amount_total == 1700
        scene.stripe.complete_checkout(session.id)
        subscription = seen(scene, session, "subscription").subscription
        assert period(subscription) == (START, day(2026, 2, 1))

    def test_a_bank_that_asks(self, scene: Scene) -> None:
        session = session_of(scene, "subscription", scene.price(2000))
        card = "pm_card_threeDSecure2Required"
        assert scene.stripe.complete_checkout(session.id, payment_method=card)["status"] == "open"
        intent = scene.v1.payment_intents.list().data[0]
        scene.stripe.authenticate(intent.id)
        done = seen(scene, session, "subscription")
        assert (done.status, done.subscription.status) == ("complete", "active")

    def test_a_bank_that_is_not_answered_well(self, scene: Scene) -> None:
        session = session_of(scene, "subscription", scene.price(2000))
        card = "pm_card_threeDSecure2Required"
        scene.stripe.complete_checkout(session.id, payment_method=card)
        scene.stripe.authenticate(scene.v1.payment_intents.list().data[0].id, succeeded=False)
        scene.stripe.complete_checkout(session.id)
        active = scene.v1.subscriptions.list({"status": "active"}).data
        assert [each.id for each in active] == [seen(scene, session).subscription]

    def test_a_bank_debit_starts_it_and_may_fail(self, scene: Scene) -> None:
        session = session_of(scene, "subscription", scene.price(2000))
        scene.stripe.complete_checkout(session.id, payment_method="pm_sepaDebit")
        done = seen(scene, session, "subscription")
        assert (done.payment_status, done.subscription.status) == ("unpaid", "active")
        intent = scene.v1.payment_intents.list().data[0]
        scene.stripe.settle_payment(intent.id, succeeded=False)
        assert scene.subscription(done.subscription.id).status == "past_due"
        assert scene.types()[-1] == "checkout.session.async_payment_failed"


class TestSettingUp:
    def test_a_card_for_later(self, scene: Scene) -> None:
        customer = scene.customer(card=None)
        session = session_of(
            scene, "setup", customer=customer.id, currency="usd",
            setup_intent_data={"metadata": {"quote": "q1"}},
        )  # fmt: skip
        with pytest.raises(CardDeclined):
            scene.stripe.complete_checkout(session.id, payment_method="pm_card_chargeDeclined")
        scene.stripe.complete_checkout(session.id)
        done = seen(scene, session, "setup_intent")
        assert (done.status, done.payment_status) == ("complete", "no_payment_required")
        assert done.setup_intent.status == "succeeded"
        assert scene.method_of(customer.id).id == done.setup_intent.payment_method


class TestExpiry:
    def test_after_a_day(self, scene: Scene) -> None:
        session = session_of(scene, "payment", scene.price(1500, None))
        scene.stripe.advance(DAY - timedelta(seconds=1))
        assert seen(scene, session).status == "open"
        scene.stripe.advance(timedelta(seconds=1))
        assert (seen(scene, session).status, seen(scene, session).url) == ("expired", None)
        assert scene.types()[-1] == "checkout.session.expired"
        with pytest.raises(NotPossible):
            scene.stripe.complete_checkout(session.id)

    def test_by_request(self, scene: Scene) -> None:
        session = session_of(scene, "payment", scene.price(1500, None))
        assert scene.v1.checkout.sessions.expire(session.id).status == "expired"
        refused(lambda: scene.v1.checkout.sessions.expire(session.id))

    @pytest.mark.parametrize("minutes", [29, 24 * 60 + 1])
    def test_between_half_an_hour_and_a_day(self, scene: Scene, minutes: int) -> None:
        at = int((START + timedelta(minutes=minutes)).timestamp())
        price = scene.price(1500, None)
        error = refused(lambda: session_of(scene, "payment", price, expires_at=at))
        assert error.param == "expires_at"


class TestRefusals:
    @pytest.mark.parametrize(
        ("mode", "more", "param"),
        [
            ("payment", {}, "line_items"),
            ("payment", {"success_url": ""}, "success_url"),
            ("setup", {"line_items": [{"price": "once", "quantity": 1}]}, "line_items"),
            ("payment", {"line_items": [{"price": "monthly", "quantity": 1}]}, "line_items"),
            ("subscription", {"line_items": [{"price": "once", "quantity": 1}]}, "line_items"),
            (
                "payment",
                {"line_items": [{"price": "once"}], "subscription_data": {"description": "x"}},
                "subscription_data",
            ),
            ("payment", {"line_items": [{"price": "once"}], "customer": "cus_no"}, "customer"),
        ],
    )
    def test_what_cannot_be(
        self, scene: Scene, mode: str, more: dict[str, Any], param: str
    ) -> None:
        known = {"once": scene.price(100, None).id, "monthly": scene.price(100).id}
        for item in more.get("line_items", ()):
            item["price"] = known.get(item["price"], item["price"])
        error = refused(lambda: session_of(scene, mode, **more))
        assert (error.http_status, (error.param or "")[: len(param)]) == (400, param)


class TestPage:
    def form(self, page: requests.Response) -> list[str]:
        return re.findall(r'<button name="do" value="(\w+)">', page.text)

    def test_pay(self, scene: Scene) -> None:
        session = session_of(scene, "payment", scene.price(1500, None, name="<Set-up>"))
        page = requests.get(session.url, timeout=5)
        assert page.status_code == 200
        assert "$15.00" in page.text
        assert "&lt;Set-up&gt;" in page.text
        assert self.form(page) == ["pay", "cancel"]
        paid = requests.post(session.url, data={"do": "pay"}, allow_redirects=False, timeout=5)
        assert (paid.status_code, paid.headers["location"]) == (
            303, f"http://shop/ok?s={session.id}",
        )  # fmt: skip
        assert seen(scene, session).payment_status == "paid"
        assert requests.get(session.url or "", timeout=5).status_code == 410

    def test_cancel(self, scene: Scene) -> None:
        session = session_of(scene, "payment", scene.price(1500, None))
        left = requests.post(session.url, data={"do": "cancel"}, allow_redirects=False, timeout=5)
        assert (left.status_code, left.headers["location"]) == (303, "http://shop/no")
        assert seen(scene, session).status == "open"

    def test_declined(self, scene: Scene) -> None:
        session = session_of(scene, "payment", scene.price(1500, None))
        data = {"do": "pay", "card": "pm_card_chargeDeclined"}
        page = requests.post(session.url, data=data, allow_redirects=False, timeout=5)
        assert page.status_code == 402
        assert "Your card was declined." in page.text
        assert self.form(page) == ["pay", "cancel"]

    def test_a_bank_that_asks(self, scene: Scene) -> None:
        session = session_of(scene, "payment", scene.price(1500, None))
        data = {"do": "pay", "card": "pm_card_threeDSecure2Required"}
        page = requests.post(session.url, data=data, timeout=5)
        assert self.form(page) == ["confirm", "fail"]
        back = requests.post(page.url, data={"do": "confirm"}, allow_redirects=False, timeout=5)
        assert back.headers["location"] == f"http://shop/ok?s={session.id}"

    def test_no_such_page(self, scene: Scene) -> None:
        assert requests.get(scene.stripe.url + "/c/pay/cs_no", timeout=5).status_code == 404
        assert requests.get(scene.stripe.url + "/", timeout=5).status_code == 404


def test_line_items_have_pages(scene: Scene) -> None:
    prices = [scene.price(100 * n, None, name=str(n)) for n in range(1, 4)]
    session = session_of(scene, "payment", *prices)
    first = scene.v1.checkout.sessions.line_items.list(session.id, {"limit": 2})
    assert [each.amount_total for each in first.data] == [100, 200]
    assert first.has_more
    assert isinstance(first, stripe.ListObject)
