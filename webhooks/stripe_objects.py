"""What matters of Stripe's objects, read in both shapes, before and after "Basil".

Basil (March 2025) moved ``invoice.subscription`` below ``invoice.parent`` and a
subscription's period to its items, and took the intent off the invoice and the invoice off
the charge (domain/billing-stripe.md §3). Each reader looks in both places. All times are
seconds since 1970, all amounts in Stripe's units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bridge.payments.invoices import RENEWAL
from bridge.payments.metadata import PaymentReference, read_reference
from bridge.store.sightings import Sighting

StripeObject = Mapping[str, Any]

_INVOICE_RANKS = {"draft": 0, "open": 1, "uncollectible": 2, "void": 3, "paid": 3}
_SUBSCRIPTION_RANKS = {"incomplete": 0, "canceled": 9, "incomplete_expired": 9}
_REFUND_RANKS = {"succeeded": 1, "failed": 2, "canceled": 2}
_DISPUTE_RANKS = {"needs_response": 0, "warning_needs_response": 0, "won": 2, "lost": 2}
_SESSION_RANKS = {"open": 0, "complete": 1, "expired": 2}
_MANY = 1000
_LAST_SECOND = 253_402_300_799


def invoice(subject: StripeObject, at: datetime) -> Sighting:
    """An invoice: what it is for, whether it is paid, and the end of the term it pays for."""
    times = mapping(subject.get("status_transitions"))
    attempts = max(0, _whole(subject.get("attempt_count")) or 0)
    return Sighting(
        kind="invoice",
        id=identity(subject),
        at=at,
        rank=_INVOICE_RANKS.get(text(subject.get("status")), 1) * _MANY + min(attempts, _MANY - 1),
        facts={
            "status": text(subject.get("status")),
            "renews": pays_for_cycle(subject),
            "ours": reference_in(subject) is not None,
            "attempts": attempts,
            "next_attempt": _seconds(subject.get("next_payment_attempt")),
            "due_since": _seconds(times.get("finalized_at")) or _seconds(subject.get("created")),
            "paid_at": _seconds(times.get("paid_at")),
            "period_end": _term_end(subject),
            "amount_due": _whole(subject.get("amount_due")),
            "amount_paid": _whole(subject.get("amount_paid")),
            "tax": _tax(subject),
            "currency": text(subject.get("currency")).upper(),
        },
        subscription=subscription_of(subject),
        payment=_ids(subject.get("id"), subject.get("payment_intent"), subject.get("charge")),
    )


def subscription(subject: StripeObject, at: datetime) -> Sighting:
    """A subscription: status, period, and why it ended."""
    first = next(iter(_rows(subject.get("items"))), {})
    status = text(subject.get("status"))
    details = mapping(subject.get("cancellation_details"))
    return Sighting(
        kind="subscription",
        id=identity(subject),
        at=at,
        rank=_SUBSCRIPTION_RANKS.get(status, 1),
        facts={
            "status": status,
            "ours": reference_in(subject) is not None,
            "period_start": _seconds(
                first.get("current_period_start") or subject.get("current_period_start")
            ),
            "period_end": _seconds(
                first.get("current_period_end") or subject.get("current_period_end")
            ),
            "trial_end": _seconds(subject.get("trial_end")),
            "ends_at_period_end": bool(subject.get("cancel_at_period_end")),
            "ended_at": _seconds(subject.get("ended_at")),
            "ended_why": text(details.get("reason")),
        },
        subscription=identity(subject),
    )


def payment_intent(subject: StripeObject, at: datetime) -> Sighting:
    """A payment intent: whether the money came."""
    status = text(subject.get("status"))
    return Sighting(
        kind="payment_intent",
        id=identity(subject),
        at=at,
        rank=int(status in ("succeeded", "canceled")),
        facts={
            "status": status,
            "amount": _whole(subject.get("amount_received")),
            "currency": text(subject.get("currency")).upper(),
            "declined": text(mapping(subject.get("last_payment_error")).get("code")),
        },
        payment=_ids(subject.get("id"), subject.get("invoice"), subject.get("latest_charge")),
    )


def charge(subject: StripeObject, at: datetime) -> Sighting:
    """A charge: how much of it was given back altogether."""
    refunded = _whole(subject.get("amount_refunded")) or 0
    return Sighting(
        kind="charge",
        id=identity(subject),
        at=at,
        rank=refunded,
        facts={
            "status": text(subject.get("status")),
            "amount": _whole(subject.get("amount")),
            "refunded": refunded,
            "currency": text(subject.get("currency")).upper(),
        },
        payment=_ids(subject.get("id"), subject.get("payment_intent"), subject.get("invoice")),
    )


def refund(subject: StripeObject, at: datetime) -> Sighting:
    """One refund of a charge."""
    status = text(subject.get("status"))
    return Sighting(
        kind="refund",
        id=identity(subject),
        at=at,
        rank=_REFUND_RANKS.get(status, 0),
        facts={
            "status": status,
            "amount": _whole(subject.get("amount")),
            "currency": text(subject.get("currency")).upper(),
        },
        payment=_ids(subject.get("charge"), subject.get("payment_intent"), subject.get("id")),
    )


def dispute(subject: StripeObject, at: datetime) -> Sighting:
    """A dispute of a charge."""
    status = text(subject.get("status"))
    return Sighting(
        kind="dispute",
        id=identity(subject),
        at=at,
        rank=_DISPUTE_RANKS.get(status, 2 if status in ("warning_closed", "prevented") else 1),
        facts={
            "status": status,
            "amount": _whole(subject.get("amount")),
            "currency": text(subject.get("currency")).upper(),
            "reason": text(subject.get("reason")),
        },
        payment=_ids(subject.get("charge"), subject.get("payment_intent"), subject.get("id")),
    )


def session(subject: StripeObject, at: datetime) -> Sighting:
    """A Checkout Session: whether the customer went through with it, and paid."""
    status, paid = text(subject.get("status")), text(subject.get("payment_status"))
    return Sighting(
        kind="checkout.session",
        id=identity(subject),
        at=at,
        rank=_SESSION_RANKS.get(status, 0) * 2 + int(paid != "unpaid"),
        facts={"status": status, "payment_status": paid},
        subscription=identity(subject.get("subscription")),
        payment=_ids(subject.get("id"), subject.get("payment_intent"), subject.get("invoice")),
    )


def invoice_payment(subject: StripeObject, at: datetime) -> Sighting:
    """Which intent or charge paid an invoice: Basil says it nowhere else."""
    paid_by = mapping(subject.get("payment"))
    return Sighting(
        kind="invoice_payment",
        id=identity(subject),
        at=at,
        rank=int(subject.get("status") in ("paid", "canceled")),
        facts={"status": text(subject.get("status"))},
        payment=_ids(
            subject.get("invoice"),
            paid_by.get("payment_intent"),
            paid_by.get("charge"),
            subject.get("id"),
        ),
    )


def customer(subject: StripeObject, at: datetime) -> Sighting:
    """A customer that was deleted."""
    key = identity(subject)
    return Sighting(
        kind="customer", id=key, at=at, rank=1, facts={"status": "deleted"}, customer=key
    )


_UPDATE: Final = "subscription_update"

READERS: Final[Mapping[str, Callable[[StripeObject, datetime], Sighting]]] = {
    "charge": charge,
    "checkout.session": session,
    "customer": customer,
    "dispute": dispute,
    "invoice": invoice,
    "invoice_payment": invoice_payment,
    "payment_intent": payment_intent,
    "refund": refund,
    "subscription": subscription,
}
"""By Stripe's name of the object."""


def reference_in(subject: StripeObject) -> PaymentReference | None:
    """Our reference: on the object itself, else what an invoice took over from a subscription."""
    own = read_reference(subject.get("metadata"))
    if own is not None:
        return own
    parent = mapping(subject.get("parent"))
    for details in (parent.get("subscription_details"), subject.get("subscription_details")):
        reference = read_reference(mapping(details).get("metadata"))
        if reference is not None:
            return reference
    return None


def pays_for_cycle(invoice: StripeObject) -> bool:
    """Whether a new cycle made the invoice, and no quote.

    A renewal carries the metadata of its subscription, and with it the quote that the
    subscription began with; it does not pay for it. A scheduled change that begins another
    period makes Stripe bill an update instead: its subscription is marked ours and names no
    quote any more.
    """
    own = read_reference(invoice.get("metadata"))
    if own is not None and own.quote:
        return False
    if invoice.get("billing_reason") != _UPDATE:
        return invoice.get("billing_reason") == RENEWAL
    told = reference_in(invoice)
    return told is not None and not told.quote


def subscription_of(invoice: StripeObject) -> str:
    """The subscription that an invoice is of; "" for none."""
    details = mapping(mapping(invoice.get("parent")).get("subscription_details"))
    return identity(details.get("subscription")) or identity(invoice.get("subscription"))


def identity(value: object) -> str:
    """An id, given as such or as the expanded object."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else ""


def mapping(value: object) -> Mapping[str, Any]:
    """The value, or nothing where it is none."""
    return value if isinstance(value, Mapping) else {}


def text(value: object) -> str:
    """The value, or "" where it is no text."""
    return value if isinstance(value, str) else ""


def moment(value: object) -> datetime | None:
    """Seconds since 1970 as a time; None where they are none."""
    seconds = _seconds(value)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _term_end(invoice: StripeObject) -> int | None:
    """The latest end of a cycle that is billed; of any line where none says what it is."""
    lines = _rows(invoice.get("lines"))
    cycles = [line for line in lines if _is_cycle(line)] or lines
    ends = [_seconds(mapping(line.get("period")).get("end")) for line in cycles]
    return max((end for end in ends if end is not None), default=None)


def _is_cycle(line: StripeObject) -> bool:
    parent = mapping(line.get("parent"))
    if parent:
        details = mapping(parent.get("subscription_item_details"))
        return parent.get("type") == "subscription_item_details" and not details.get("proration")
    return line.get("type") == "subscription" and not line.get("proration")


def _tax(invoice: StripeObject) -> int:
    taxes = invoice.get("total_taxes")
    if isinstance(taxes, list):
        return sum(_whole(mapping(tax).get("amount")) or 0 for tax in taxes)
    return _whole(invoice.get("tax")) or 0


def _ids(*values: object) -> tuple[str, ...]:
    return tuple(found for value in values if (found := identity(value)))


def _rows(shown: object) -> list[Mapping[str, Any]]:
    """The objects of a list of Stripe's."""
    data = mapping(shown).get("data")
    return [mapping(row) for row in data] if isinstance(data, list) else []


def _seconds(value: object) -> int | None:
    """A time in seconds since 1970, if it can be one."""
    seconds = _whole(value)
    return seconds if seconds is not None and 0 <= seconds <= _LAST_SECOND else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
