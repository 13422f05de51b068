"""Events that say money was collected: paid invoices, finished sessions, succeeded intents.

One payment may arrive as all three; each finds the same quote, and a quote is carried out
once. Read in both shapes, before and after Stripe's "Basil" change of March 2025, which
moved ``invoice.subscription_details`` below ``invoice.parent``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bridge.payments.metadata import PaymentReference, read_reference
from bridge.store.events import EventResult
from webhooks.decisions import Collected, StripeEvent, ignored, needs_attention

_NOT_OURS = "no planbridge metadata"

# The first invoice of a subscription and those that a change makes pay for a quote. Later
# ones carry the metadata of the subscription, and with it the quote it began with.
_RENEWAL = "subscription_cycle"


def invoice_paid(event: StripeEvent) -> Collected | EventResult:
    """`invoice.paid`: occurs when an invoice is paid, also outside Stripe.

    Reads the invoice's own metadata first, then what it took over from its subscription.
    """
    invoice = event.subject
    reference = read_reference(invoice.get("metadata"))
    if reference is None:
        reference = _subscription_reference(invoice)
        if reference is not None and invoice.get("billing_reason") == _RENEWAL:
            return ignored("renewal of a subscription: pays for no quote")
    # Since Basil the event no longer carries the intent that paid.
    key = _id(invoice.get("payment_intent")) or _id(invoice.get("id"))
    paid_at = _mapping(invoice.get("status_transitions")).get("paid_at")
    return _collected(
        event,
        reference,
        key=key,
        amount=invoice.get("amount_paid"),
        paid_at=_time(paid_at) or event.created,
    )


def session_completed(event: StripeEvent) -> Collected | EventResult:
    """`checkout.session.completed`: occurs when the customer is through the payment page.

    The money may still be on its way (bank debits): then it is collected only when
    `checkout.session.async_payment_succeeded` says so.
    """
    status = event.subject.get("payment_status")
    if status not in ("paid", "no_payment_required"):
        return ignored(f"payment_status is {status}: waits for async_payment_succeeded")
    return session_paid(event)


def session_paid(event: StripeEvent) -> Collected | EventResult:
    """`checkout.session.async_payment_succeeded`: occurs when a delayed payment arrived."""
    session = event.subject
    key = (
        _id(session.get("payment_intent")) or _id(session.get("invoice")) or _id(session.get("id"))
    )
    return _collected(
        event,
        read_reference(session.get("metadata")),
        key=key,
        amount=session.get("amount_total"),
        paid_at=event.created,
    )


def intent_succeeded(event: StripeEvent) -> Collected | EventResult:
    """`payment_intent.succeeded`: occurs when a payment is complete."""
    intent = event.subject
    return _collected(
        event,
        read_reference(intent.get("metadata")),
        key=_id(intent.get("id")),
        amount=intent.get("amount_received"),
        paid_at=event.created,
    )


def _collected(
    event: StripeEvent,
    reference: PaymentReference | None,
    *,
    key: str,
    amount: object,
    paid_at: datetime,
) -> Collected | EventResult:
    if reference is None:
        return ignored(_NOT_OURS)
    currency = event.subject.get("currency")
    if not isinstance(amount, int) or not isinstance(currency, str) or not key:
        return needs_attention(f"{event.type} without id, amount or currency")
    return Collected(reference, key, amount, currency.upper(), paid_at)


def _subscription_reference(invoice: Mapping[str, Any]) -> PaymentReference | None:
    parent = _mapping(invoice.get("parent"))
    for details in (parent.get("subscription_details"), invoice.get("subscription_details")):
        reference = read_reference(_mapping(details).get("metadata"))
        if reference is not None:
            return reference
    return None


def _id(value: object) -> str:
    """An id, given as such or as the expanded object."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _time(value: object) -> datetime | None:
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int) else None
