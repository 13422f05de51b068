"""No object of the stand-in has a field that Stripe's own examples do not have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.stripe_scene import ACACIA, BASIL, DAY, Scene

SHARED = Path(__file__).parents[2].parent / "shared" / "stripe"
EXAMPLES = {
    ACACIA: json.loads((SHARED / "fixtures3-2025-02-acacia.json").read_text())["resources"],
    BASIL: json.loads((SHARED / "fixtures3-2026-07.json").read_text())["resources"],
}

# What Stripe's typed client documents as optional, and its examples leave out.
OPTIONAL = {
    "dispute": {"payment_method_details.card.network_reason_code"},
    "event": {"data.previous_attributes"},
    "invoice": {"payments", "confirmation_secret"},
    "invoice_payment": {"payment.payment_intent"},
    "invoiceitem": {
        "parent.subscription_details.subscription_item",
        "pricing.price_details",
    },
    "line_item": {
        "pricing.price_details",
        "subscription_item",
    },
    "payment_intent": {
        "automatic_payment_methods.allow_redirects",
        "next_action.use_stripe_sdk",
        "next_action.redirect_to_url",
    },
    "refund": {"failure_reason", "failure_balance_transaction"},
    "setup_intent": {"next_action.use_stripe_sdk"},
    "subscription_schedule": {"default_settings.billing_thresholds"},
    "webhook_endpoint": {"secret"},
}
# Maps of anything, errors (which the examples show as {"type"} only), and snapshots.
OPEN = {
    "metadata", "last_payment_error", "last_setup_error", "previous_attributes", "taxes",
    "total_taxes", "tax_amounts", "total_tax_amounts", "discount_amounts",
    "total_discount_amounts", "credited_items", "price_details", "use_stripe_sdk",
    "redirect_to_url", "confirmation_secret",
}  # fmt: skip


def strange(thing: dict[str, Any], version: str) -> Iterator[str]:
    """Paths of fields that the examples of this version do not have."""
    kind = thing["object"]
    if kind == "list":
        for each in thing["data"]:
            yield from strange(each, version)
        return
    yield from _strange(thing, EXAMPLES[version][kind], kind, "", version)


def _strange(
    thing: dict[str, Any], example: Any, kind: str, path: str, version: str
) -> Iterator[str]:
    for name, value in thing.items():
        here = f"{path}{name}"
        known = isinstance(example, dict) and name in example
        if not known and here not in OPTIONAL.get(kind, ()):
            yield f"{kind}.{here}"
        if name in OPEN:
            continue
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, dict):
                continue
            if isinstance(each.get("object"), str):
                yield from strange(each, version)
                continue
            inner = example.get(name) if known else None
            inner = inner[0] if isinstance(inner, list) and inner else inner
            if inner:
                yield from _strange(each, inner, kind, f"{here}.", version)


@pytest.fixture
def busy(scene: Scene) -> Scene:
    """An account on which one of everything happened."""
    scene.listen()
    scene.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/x", "enabled_events": ["x"]})
    monthly, dearer = scene.price(2000), scene.price(5000)
    once = scene.price(900, None, name="Set-up")
    coupon = scene.v1.coupons.create({"percent_off": 10, "duration": "forever"})
    rate = scene.v1.tax_rates.create(
        {"display_name": "VAT", "percentage": 19, "inclusive": False, "country": "DE"}
    )
    customer = scene.customer()
    scene.v1.customers.balance_transactions.create(customer.id, {"amount": -100, "currency": "usd"})
    subscription = scene.subscribe(
        monthly,
        customer=customer,
        discounts=[{"coupon": coupon.id}],
        default_tax_rates=[rate.id],
        add_invoice_items=[{"price": once.id}],
    )
    scene.stripe.advance(10 * DAY)
    scene.v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": subscription["items"].data[0].id, "price": dearer.id}],
            "proration_behavior": "always_invoice",
        },
    )
    schedule = scene.v1.subscription_schedules.create({"from_subscription": subscription.id})
    scene.v1.subscription_schedules.update(
        schedule.id,
        {
            "phases": [
                {
                    "items": [{"price": dearer.id}],
                    "start_date": schedule.phases[0].start_date,
                    "end_date": schedule.phases[0].end_date,
                },
                {"items": [{"price": monthly.id}]},
            ]
        },
    )
    charges = scene.v1.charges.list({"customer": customer.id}).data
    scene.v1.refunds.create({"charge": charges[0].id, "amount": 100})
    scene.stripe.open_dispute(charges[1].id)
    for card in ("pm_card_chargeDeclined", "pm_card_threeDSecure2Required", "pm_sepaDebit"):
        scene.raw(
            "POST",
            "/v1/payment_intents",
            data={
                "amount": 100, "currency": "usd", "payment_method": card, "confirm": "true",
                "automatic_payment_methods[enabled]": "true", "return_url": "http://x",
            },
        )  # fmt: skip
    scene.v1.setup_intents.create(
        {"payment_method": "pm_card_threeDSecure2Required", "confirm": True}
    )
    for mode, items in (
        ("payment", [{"price": once.id, "quantity": 2}]),
        ("subscription", [{"price": monthly.id, "quantity": 1}]),
        ("setup", None),
    ):
        more = {"line_items": items} if items else {"currency": "usd"}
        session = scene.v1.checkout.sessions.create(
            {"mode": mode, "success_url": "http://x", **more}
        )
        scene.stripe.complete_checkout(session.id)
    scene.v1.checkout.sessions.create({"mode": "setup", "success_url": "http://x"})
    scene.stripe.advance(timedelta(days=33))
    return scene


@pytest.mark.parametrize("version", [ACACIA, BASIL])
def test_every_object_of_every_kind(busy: Scene, version: str) -> None:
    """Everything the account holds, listed in both shapes, field by field."""
    found: dict[str, int] = {}
    wrong: set[str] = set()
    for path in (
        "account", "charges", "checkout/sessions", "coupons", "customers", "disputes", "events",
        "invoiceitems", "invoices", "payment_intents", "payment_methods", "prices", "products",
        "refunds", "setup_intents", "subscription_schedules", "subscriptions", "tax_rates",
        "webhook_endpoints", "invoice_payments",
    ):  # fmt: skip
        params = {"limit": 100, "status": "all"} if path == "subscriptions" else {"limit": 100}
        if path == "account":
            params = {}
        if path == "invoice_payments" and version == ACACIA:
            continue
        answer = busy.raw("GET", f"/v1/{path}", params=params, headers={"Stripe-Version": version})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        # Events show their objects in the account's own version.
        shown = BASIL if path == "events" else version
        wrong |= set(strange(body, shown))
        for each in body.get("data", [body]):
            found[each["object"]] = found.get(each["object"], 0) + 1
    assert sorted(wrong) == []
    assert len(found) == (20 if version == BASIL else 19)


def test_events_in_the_old_shape(scene: Scene) -> None:
    """An endpoint of an old version gets old objects, an account's own list keeps new ones."""
    old = scene.listen(api_version=ACACIA)
    new = scene.listen()
    scene.subscribe(scene.price(2000))
    scene.stripe.settle()
    for listener, version in ((old, ACACIA), (new, BASIL)):
        assert {event["api_version"] for event in listener.events} == {version}
        for event in listener.events:
            assert not list(strange(event["data"]["object"], version)), event["type"]
    paid = [event for event in old.events if event["type"] == "invoice.paid"]
    assert paid[0]["data"]["object"]["subscription"].startswith("sub_")


def test_the_events_seen_are_of_every_kind(busy: Scene) -> None:
    kinds = {event["type"].rsplit(".", 1)[0] for event in busy.stripe.events()}
    assert {"checkout.session", "customer.subscription", "invoice", "charge.dispute"} <= kinds
