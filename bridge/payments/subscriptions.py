"""Subscriptions: begun, given other items, begun anew, ended. One per membership."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from bridge.domain.dates import add_calendar
from bridge.payments.checkout import card_used, credit_coupon
from bridge.payments.client import StripeAccount, StripeObject
from bridge.payments.collection import Collection, Then
from bridge.payments.invoices import invoices_of, outcome
from bridge.payments.order import DONE_BY, Asked, Order
from bridge.payments.products import one_off_price, price_items, recurring_price, stripe_product
from bridge.payments.recurring import Recurring
from bridge.payments.situation import LiveSubscription, is_of_change, live_subscription

_BEGUN = frozenset({"active", "trialing", "past_due", "incomplete"})


def start(account: StripeAccount, collection: Collection, order: Order) -> Asked:
    """Begin a subscription whose first invoice is exactly what is due.

    Raises:
        StripeFault: Stripe refused for another reason than the card.
    """
    assert collection.recurring is not None
    made = _made_for(account, order)
    if made is None:
        made = account.ask(
            account.api.subscriptions.create,
            once=order.once("start"),
            customer=order.customer,
            items=price_items(account, collection.recurring),
            default_payment_method=order.payment_method,
            off_session=True,
            payment_behavior="allow_incomplete",
            metadata=order.paying(),
            **_first_invoice(account, collection, order),
        )
    return _outcome(account, made, order)


def restart(account: StripeAccount, collection: Collection, order: Order) -> Asked:
    """Give the subscription its new items and begin a cycle, but only if it is paid.

    The first invoice is exactly what is due. Unpaid, everything stays as it was, and
    Stripe forgets the attempt within 23 hours.

    Raises:
        StripeFault: Stripe refused for another reason than the card.
    """
    asked_before = invoices_of(account, order)
    if asked_before:
        return outcome(account, asked_before[0], order)
    subscription = _present(order)
    assert collection.recurring is not None
    reference = subscription.reference
    if reference is None or reference.change != order.change_id:
        # A pending update takes no metadata; the invoice copies what is here before.
        account.ask(
            account.api.subscriptions.update,
            subscription.id,
            once=order.once("restart-mark"),
            metadata=order.paying(),
        )
    changed = account.ask(
        account.api.subscriptions.update,
        subscription.id,
        once=order.once("restart"),
        items=item_changes(account, subscription, collection.recurring),
        billing_cycle_anchor="now",
        proration_behavior="none",
        payment_behavior="pending_if_incomplete",
        **_extra_item(account, collection, collection.first_invoice_extra),
    )
    return _outcome(account, changed, order)


def arrange(account: StripeAccount, collection: Collection, order: Order) -> None:
    """Bring the subscription to where the change wants it, without charging anything.

    Doing it again does nothing.

    Raises:
        StripeFault: Stripe refused.
    """
    if collection.then is Then.START:
        _start_later(account, collection, order)
    elif collection.then is not Then.NOTHING and order.subscription is not None:
        _adjust(account, collection, order, order.subscription)


def keep_going(account: StripeAccount, order: Order) -> None:
    """Who pays for a change does not want the subscription to end with its period."""
    if order.subscription is not None and order.subscription.ends:
        account.ask(
            account.api.subscriptions.update,
            order.subscription.id,
            once=order.once("keep-going"),
            cancel_at_period_end=False,
        )


def item_changes(
    account: StripeAccount, subscription: LiveSubscription, wanted: Recurring
) -> list[dict[str, Any]]:
    """The ``items`` of an update that leaves exactly what is wanted."""
    changes: list[dict[str, Any]] = []
    missing = dict(wanted.items)
    for item in subscription.items:
        amount = missing.pop(item.product, None) if item.product is not None else None
        if amount is None:
            changes.append({"id": item.id, "deleted": True})
        elif (amount, wanted.period) != (item.amount, item.period):
            changes.append(
                {"id": item.id, "quantity": 1, **_price(account, item.product, amount, wanted)}
            )
    changes += [
        {"quantity": 1, **_price(account, product, amount, wanted)}
        for product, amount in missing.items()
    ]
    return changes


def differences(
    account: StripeAccount, subscription: LiveSubscription, wanted: Recurring
) -> dict[str, Any]:
    """The parameters of an update after which it bills exactly what is wanted; none if it does.

    Coupons and tax rates go: what is wanted has them in it.
    """
    changes: dict[str, Any] = {}
    if items := item_changes(account, subscription, wanted):
        changes["items"] = items
    if subscription.discounted:
        changes["discounts"] = ""
    if subscription.taxed:
        changes["default_tax_rates"] = ""
    return changes


def fingerprint(subscription: LiveSubscription) -> str:
    """Of what an update is computed from: after another's write, another request is made."""
    seen = (subscription.items, subscription.discounted, subscription.taxed, subscription.ends)
    return sha256(repr(seen).encode()).hexdigest()[:12]


def _adjust(
    account: StripeAccount, collection: Collection, order: Order, subscription: LiveSubscription
) -> None:
    if collection.then is Then.CANCEL:
        account.ask(
            account.api.subscriptions.cancel,
            subscription.id,
            once=order.once("cancel"),
            prorate=False,
            invoice_now=False,
        )
        return
    assert collection.recurring is not None
    kept = account.read(account.api.subscriptions.retrieve, subscription.id, expand=["discounts"])
    if (kept.get("metadata") or {}).get(DONE_BY) == order.change_id:
        return
    # As it is now: the plugin may have written to it since the order was made.
    present = live_subscription(account, kept)
    changes: dict[str, Any] = {
        "proration_behavior": "none",
        "metadata": {**order.standing(), DONE_BY: order.change_id},
        **differences(account, present, collection.recurring),
    }
    if present.ends:
        changes["cancel_at_period_end"] = False
    card = card_used(account, order.customer, order.change_id)
    if card is not None:
        changes["default_payment_method"] = card
    if collection.then is Then.RESTART and collection.next_at is not None:
        changes["trial_end"] = int(collection.next_at.timestamp())
    elif collection.then is Then.RESTART:
        changes["billing_cycle_anchor"] = "now"
        changes.update(_extra_item(account, collection, -collection.recurring.total))
    account.ask(
        account.api.subscriptions.update,
        subscription.id,
        once=order.once(f"adjust-{fingerprint(present)}"),
        **changes,
    )


def _start_later(account: StripeAccount, collection: Collection, order: Order) -> None:
    """Begin a subscription that bills for the first time at ``next_at``."""
    assert collection.recurring is not None
    assert collection.next_at is not None
    if order.subscription is not None or _made_for(account, order) is not None:
        return
    begins = int(collection.next_at.timestamp())
    natural = add_calendar(order.asked_at, collection.recurring.period)
    # Stripe refuses an anchor beyond one cycle; only a trial may be longer.
    when = "billing_cycle_anchor" if collection.next_at <= natural else "trial_end"
    card = card_used(account, order.customer, order.change_id) or order.payment_method
    metadata = {name: value for name, value in order.standing().items() if value}
    account.ask(
        account.api.subscriptions.create,
        once=order.once("start-later"),
        customer=order.customer,
        items=price_items(account, collection.recurring),
        proration_behavior="none",
        metadata={**metadata, DONE_BY: order.change_id},
        **({"default_payment_method": card} if card else {}),
        **{when: begins},
    )


def _made_for(account: StripeAccount, order: Order) -> StripeObject | None:
    rows = account.every(account.api.subscriptions.list, customer=order.customer, status="all")
    return next(
        (row for row in rows if is_of_change(row, order.change_id) and row["status"] in _BEGUN),
        None,
    )


def _first_invoice(account: StripeAccount, collection: Collection, order: Order) -> dict[str, Any]:
    extra = collection.first_invoice_extra
    if extra < 0:
        return {
            "discounts": [{"coupon": credit_coupon(account, -extra, collection.currency, order)}]
        }
    return _extra_item(account, collection, extra)


def _extra_item(account: StripeAccount, collection: Collection, minor: int) -> dict[str, Any]:
    if minor == 0:
        return {}
    product = stripe_product(account.network, collection.plan_id)
    price = one_off_price(product, minor, collection.currency)
    return {"add_invoice_items": [{"price_data": price, "quantity": 1}]}


def _price(
    account: StripeAccount, product: int | None, amount: int, wanted: Recurring
) -> dict[str, Any]:
    assert product is not None
    key = stripe_product(account.network, product)
    return {"price_data": recurring_price(key, amount, wanted.period, wanted.currency)}


def _outcome(account: StripeAccount, subscription: StripeObject, order: Order) -> Asked:
    invoice = account.read(account.api.invoices.retrieve, subscription["latest_invoice"])
    return outcome(account, invoice, order)


def _present(order: Order) -> LiveSubscription:
    assert order.subscription is not None, "decided with a subscription"
    return order.subscription
