"""Events about money that came, or did not: invoices, sessions, intents.

One payment may arrive as all three. Each carries what it knows of the others' ids, and a
quote is carried out once.
"""

from __future__ import annotations

from datetime import datetime

from bridge.store.events import EventResult
from webhooks.decisions import Collected, Finding, StripeEvent, needs_attention
from webhooks.findings import found
from webhooks.stripe_objects import identity, mapping, moment, pays_for_cycle, reference_in, text


def invoice_paid(event: StripeEvent) -> Finding | EventResult:
    """A renewal extends the membership on the network; any other pays for the quote it names."""
    invoice = event.subject
    if pays_for_cycle(invoice):
        return found(event, f"renewal {identity(invoice)} is paid")
    paid_at = moment(mapping(invoice.get("status_transitions")).get("paid_at"))
    # Since Basil the event no longer carries the intent that paid.
    return _with_money(
        event,
        key=identity(invoice.get("payment_intent")) or identity(invoice),
        amount=invoice.get("amount_paid"),
        paid_at=paid_at or event.created,
    )


def invoice_payment_paid(event: StripeEvent) -> Finding | EventResult:
    """Keeps invoice and intent together as one payment: since Basil only this event says so."""
    return found(event, "says which intent paid which invoice")


def session_completed(event: StripeEvent) -> Finding | EventResult:
    """Pays for its quote, unless the money is still on its way (bank debits)."""
    status = text(event.subject.get("payment_status"))
    if status not in ("paid", "no_payment_required"):
        return found(event, f"payment_status is {status}: waits for async_payment_succeeded")
    return session_paid(event)


def session_paid(event: StripeEvent) -> Finding | EventResult:
    """The delayed payment pays for its quote."""
    session = event.subject
    return _with_money(
        event,
        key=identity(session.get("payment_intent"))
        or identity(session.get("invoice"))
        or identity(session),
        amount=session.get("amount_total"),
        paid_at=event.created,
    )


def session_failed(event: StripeEvent) -> Finding | EventResult:
    """Shown; the change still waits for its payment."""
    return found(event, "the delayed payment failed; the change still waits for one")


def session_expired(event: StripeEvent) -> Finding | EventResult:
    """Shown; the change waits until it is revoked, replaced or collected again."""
    return found(event, "the payment page expired before anybody paid")


def intent_succeeded(event: StripeEvent) -> Finding | EventResult:
    """Pays for the quote it names."""
    return _with_money(
        event,
        key=identity(event.subject),
        amount=event.subject.get("amount_received"),
        paid_at=event.created,
    )


def intent_failed(event: StripeEvent) -> Finding | EventResult:
    """Shown with the bank's reason; what follows is said by the invoice."""
    error = mapping(event.subject.get("last_payment_error"))
    why = text(error.get("decline_code")) or text(error.get("code")) or "no reason was given"
    return found(event, f"a payment failed: {why}")


def _with_money(
    event: StripeEvent, *, key: str, amount: object, paid_at: datetime
) -> Finding | EventResult:
    currency = event.subject.get("currency")
    if isinstance(amount, int) and isinstance(currency, str) and key:
        money = Collected(key, amount, currency.upper(), paid_at)
        return found(event, f"{key} is paid", collected=money)
    if reference_in(event.subject) is not None:
        return needs_attention(f"{event.type} without id, amount or currency")
    return found(event, f"{event.type} without id, amount or currency")
