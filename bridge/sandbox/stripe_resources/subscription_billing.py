"""The invoices that a subscription has made: its first, its renewals, those of changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.sandbox.stripe_errors import ApiError, StripeObject
from bridge.sandbox.stripe_periods import Span
from bridge.sandbox.stripe_proration import Priced, Proration, part
from bridge.sandbox.stripe_resources import collection, drafts, invoice_items, lines
from bridge.sandbox.stripe_resources.charging import refuse
from bridge.sandbox.stripe_resources.subscription_parts import (
    cycle_of,
    items_of,
    period_of,
    priced,
    set_period,
)
from bridge.sandbox.stripe_state import StripeState


def bill(
    state: StripeState,
    subscription: StripeObject,
    own_lines: Sequence[StripeObject],
    *,
    reason: str,
    span: Span,
) -> StripeObject:
    """A draft of these lines and of all that waits for an invoice."""
    invoice = drafts.of_subscription(state, subscription, reason=reason, span=span)
    waiting = lines.pending(state, subscription["customer"], subscription["id"])
    taken = lines.take(state, waiting, invoice["id"])
    subscription["latest_invoice"] = invoice["id"]
    return drafts.seal(state, invoice, [*taken, *own_lines])


def renew(state: StripeState, subscription: StripeObject) -> StripeObject:
    """Begin the next period; its draft, which bills the items in advance."""
    old = period_of(subscription)
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    cycle = cycle_of(state, subscription)
    span = cycle.span_around(subscription["billing_cycle_anchor"], old.end)
    set_period(subscription, Span(old.end, span.end))
    own = full_lines(state, subscription, period_of(subscription))
    return bill(state, subscription, own, reason="subscription_cycle", span=old)


def restart(state: StripeState, subscription: StripeObject, *, anchored: bool) -> None:
    """Begin a period now, with an invoice at once; ``anchored``: the cycle counts from now."""
    now = state.now()
    if anchored:
        subscription["billing_cycle_anchor"] = now
    subscription["status"] = "active"
    span = cycle_of(state, subscription).span_around(subscription["billing_cycle_anchor"], now)
    set_period(subscription, Span(now, span.end))
    own = full_lines(state, subscription, period_of(subscription))
    invoice = bill(state, subscription, own, reason="subscription_cycle", span=Span(now, now))
    state.emit_change(
        "customer.subscription.resumed", subscription, "customer.subscription.updated"
    )
    collection.collect(state, invoice)


def full_lines(state: StripeState, subscription: StripeObject, span: Span) -> list[StripeObject]:
    """A whole period of every item; the newest item first, as Stripe sorts them."""
    if subscription["status"] == "trialing":
        return [
            lines.of_trial(state, subscription, item, span)
            for item in reversed(items_of(subscription))
        ]
    return [
        lines.of_item(state, subscription, item, span) for item in reversed(items_of(subscription))
    ]


def first_lines(
    state: StripeState, subscription: StripeObject, *, prorates: bool
) -> list[StripeObject]:
    """The first period, which may be a part of a whole one: then it is prorated or free."""
    span = period_of(subscription)
    anchor = subscription["billing_cycle_anchor"]
    whole = Span(cycle_of(state, subscription).boundary(anchor, -1), anchor)
    if subscription["status"] == "trialing" or anchor <= span.start or whole.start >= span.start:
        return full_lines(state, subscription, span)
    if not prorates:
        return []
    by_item = {item["id"]: item for item in items_of(subscription)}
    return [
        lines.of_part(
            state,
            subscription,
            by_item[each.item],
            span,
            part(each.amount, whole, span.start),
        )
        for each in reversed(priced(state, subscription, list(by_item.values())))
    ]


def add_one_offs(
    state: StripeState, subscription: StripeObject, sent: Sequence[Mapping[str, Any]]
) -> None:
    """What ``add_invoice_items`` puts on the next invoice of the subscription."""
    for number, each in enumerate(sent):
        wanted = {**each, "subscription": subscription["id"]}
        thing = invoice_items.one_off(
            state, subscription["customer"], wanted, param=f"add_invoice_items[{number}]"
        )
        state.emit("invoiceitem.created", thing)


def add_prorations(
    state: StripeState, subscription: StripeObject, found: Sequence[Proration]
) -> None:
    """Let prorations wait for the next invoice, credits made before charges."""
    by_item = {item["id"]: item for item in items_of(subscription)}
    for proration in found:
        item = by_item.get(proration.of.item)
        invoice_items.of_proration(
            state,
            subscription,
            proration,
            rates=list(item["tax_rates"]) if item else [],
            credited=_billed(state, subscription, proration.of) if proration.is_credit else None,
        )


def collect_first(
    state: StripeState, subscription: StripeObject, invoice: StripeObject, *, behavior: str
) -> None:
    """Collect a subscription's invoice at once, in the presence of the customer.

    Raises:
        ApiError: ``error_if_incomplete`` and it was not paid; then nothing may stay.
    """
    drafts.finalize(state, invoice)
    if not invoice["amount_due"]:
        collection.mark_paid(state, invoice)
    elif subscription["collection_method"] == "send_invoice":
        state.emit("invoice.sent", invoice)
        if subscription["status"] == "incomplete":
            subscription["status"] = "active"
    elif behavior != "default_incomplete":
        collection.attempt(state, invoice, present=True)
    if behavior == "error_if_incomplete" and invoice["status"] != "paid":
        raise without_effects(state, invoice)


def without_effects(state: StripeState, invoice: StripeObject) -> ApiError:
    """The refusal of a request that must leave no trace because its invoice was not paid."""
    intent = state.get("payment_intent", invoice["_payment_intent"])
    if intent["last_payment_error"]:
        refusal = refuse(state, intent)
        refusal.keeps_effects = False
        return refusal
    return ApiError(
        "This subscription requires additional user action before it can be completed "
        "successfully. Payment can be completed using the PaymentIntent associated with "
        "`subscription.latest_invoice`.",
        status=402,
        kind="card_error",
        code="subscription_payment_intent_requires_action",
    )


def check_payable(state: StripeState, subscription: StripeObject, invoice: StripeObject) -> None:
    """Refuse to begin what nothing can pay.

    Raises:
        ApiError: the customer has no payment method.
    """
    if subscription["collection_method"] == "send_invoice" or not invoice["amount_due"]:
        return
    if collection.usual_method(state, invoice) is None:
        raise ApiError(
            "This customer has no attached payment source or default payment method. Please "
            "consider adding a default payment method. For more information, visit "
            "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#"
            "payment-method-priority.",
            code="resource_missing",
        )


def _billed(state: StripeState, subscription: StripeObject, what: Priced) -> StripeObject | None:
    """The invoice and the line by which the time to be credited was billed."""
    invoices = state.find(
        "invoice",
        lambda each: drafts.details_of(each).get("subscription") == subscription["id"],
    )
    for invoice in reversed(invoices):
        for line in invoice["lines"]["data"]:
            details = line["parent"]["subscription_item_details"] or {}
            if details.get("subscription_item") == what.item and line["_price"] == what.price:
                return {"invoice": invoice["id"], "invoice_line_items": [line["id"]]}
    return None
