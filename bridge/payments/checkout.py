"""Payment pages: Checkout Sessions, where there is no card that could be charged."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bridge.payments.amounts import to_stripe
from bridge.payments.client import StripeAccount, StripeObject
from bridge.payments.collection import Collection, How, Then
from bridge.payments.faults import PageExpired
from bridge.payments.order import Asked, Order
from bridge.payments.products import one_off_price, price_items, stripe_product
from bridge.payments.situation import is_of_change

# Stripe wants a page to live for 30 minutes to 24 hours from when it is made, which is
# later than when it was asked for, and a trial to end after two days.
_SHORTEST_PAGE = timedelta(minutes=90)
_LONGEST_PAGE = timedelta(hours=23)
_SHORTEST_TRIAL = timedelta(hours=49)


def open_page(account: StripeAccount, collection: Collection, order: Order) -> Asked:
    """Open a payment page for what is due, or show the one that was opened before.

    Raises:
        PageExpired: it is too late for that.
        StripeFault: Stripe refused.
    """
    session = page_of(account, order.customer, order.change_id)
    if session is None:
        session = account.ask(
            account.api.checkout.sessions.create,
            once=order.once("page"),
            **_parameters(account, collection, order),
        )
    if session["status"] == "expired":
        raise PageExpired(change=order.change_id)
    return Asked(
        paid=session["status"] == "complete" and session["payment_status"] != "unpaid",
        url=session.get("url") if session["status"] == "open" else None,
        id=session["id"],
    )


def page_of(account: StripeAccount, customer: str, change_id: str) -> StripeObject | None:
    """The payment page of a change, or None."""
    pages = account.every(account.api.checkout.sessions.list, customer=customer)
    return next((page for page in pages if is_of_change(page, change_id)), None)


def card_used(account: StripeAccount, customer: str, change_id: str) -> str | None:
    """The card with which a payment page of a change was paid, or None."""
    page = page_of(account, customer, change_id)
    if page is None or not page.get("payment_intent"):
        return None
    intent = account.read(account.api.payment_intents.retrieve, page["payment_intent"])
    method: str | None = intent.get("payment_method")
    return method


def credit_coupon(account: StripeAccount, minor: int, currency: str, order: Order) -> str:
    """A coupon that takes ``minor`` off one invoice, for this change only."""
    key = f"planbridge-{order.change_id}"
    if account.find(account.api.coupons.retrieve, key) is None:
        account.ask(
            account.api.coupons.create,
            once=order.once("coupon"),
            id=key,
            name="Credit",
            amount_off=to_stripe(minor, currency),
            currency=currency.lower(),
            duration="once",
            max_redemptions=1,
        )
    return key


def _parameters(account: StripeAccount, collection: Collection, order: Order) -> dict[str, Any]:
    shared: dict[str, Any] = {
        "customer": order.customer,
        "client_reference_id": order.change_id,
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "expires_at": int(_page_ends(order).timestamp()),
    }
    if collection.how is How.CHECKOUT_PAYMENT:
        return {**shared, **_one_payment(collection, order, account)}
    return {**shared, **_subscription(account, collection, order)}


def _one_payment(collection: Collection, order: Order, account: StripeAccount) -> dict[str, Any]:
    intent: dict[str, Any] = {"metadata": order.paying()}
    if collection.then is not Then.NOTHING:
        # The subscription is to be paid with the same card.
        intent["setup_future_usage"] = "off_session"
    return {
        "mode": "payment",
        "metadata": order.paying(),
        "payment_intent_data": intent,
        "line_items": [_single(account, collection, collection.due)],
    }


def _subscription(account: StripeAccount, collection: Collection, order: Order) -> dict[str, Any]:
    assert collection.recurring is not None
    metadata = order.paying() if collection.due else order.standing()
    metadata = {name: value for name, value in metadata.items() if value}
    data: dict[str, Any] = {"metadata": metadata}
    page: dict[str, Any] = {
        "mode": "subscription",
        "metadata": metadata,
        "line_items": price_items(account, collection.recurring),
        "subscription_data": data,
    }
    extra = collection.first_invoice_extra
    if collection.next_at is not None:
        ends = max(collection.next_at, order.asked_at + _SHORTEST_TRIAL)
        data["trial_end"] = int(ends.timestamp())
    elif extra > 0:
        page["line_items"].append(_single(account, collection, extra))
    elif extra < 0:
        coupon = credit_coupon(account, -extra, collection.currency, order)
        page["discounts"] = [{"coupon": coupon}]
    return page


def _single(account: StripeAccount, collection: Collection, minor: int) -> StripeObject:
    product = stripe_product(account.network, collection.plan_id)
    return {"price_data": one_off_price(product, minor, collection.currency), "quantity": 1}


def _page_ends(order: Order) -> datetime:
    latest = order.asked_at + _LONGEST_PAGE
    return min(max(order.expires_at, order.asked_at + _SHORTEST_PAGE), latest)
