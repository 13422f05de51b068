"""Events that take something back: refunds, disputes, deleted customers, removed cards."""

from __future__ import annotations

from bridge.store.events import EventResult
from bridge.store.sightings import Sighting
from webhooks.decisions import Finding, StripeEvent
from webhooks.findings import amount_words, found
from webhooks.stripe_objects import identity, text


def charge_refunded(event: StripeEvent) -> Finding | EventResult:
    """Sets the payment's refunded sum on the network to what was given back altogether."""
    total = amount_words(event.subject, "amount_refunded")
    return found(event, f"{total} of {identity(event.subject)} given back altogether")


def refund_changed(event: StripeEvent) -> Finding | EventResult:
    """Counts once by its id, as long as it did not fail; failed, it counts no more."""
    sum_ = amount_words(event.subject)
    status = text(event.subject.get("status"))
    return found(
        event, f"refund {identity(event.subject)} of {sum_}: {status}", operator=status == "failed"
    )


def dispute_opened(event: StripeEvent) -> Finding | EventResult:
    """Freezes the membership, so that no change is begun until it is decided; tells you."""
    return found(
        event,
        f"dispute {identity(event.subject)} over {amount_words(event.subject)} "
        f"({text(event.subject.get('reason'))}): answer it at Stripe. No change of the membership "
        "is begun until it is decided",
        operator=True,
    )


def dispute_closed(event: StripeEvent) -> Finding | EventResult:
    """Ends the freeze; tells you when it was lost."""
    status = text(event.subject.get("status"))
    return found(event, f"dispute {identity(event.subject)}: {status}", operator=status == "lost")


def customer_deleted(event: StripeEvent) -> Finding | EventResult:
    """Forgets the customer, so that the next collection makes a new one; tells you."""
    return found(
        event,
        f"customer {identity(event.subject)} was deleted at Stripe, with every card and "
        "subscription",
        operator=True,
    )


def card_removed(event: StripeEvent) -> Finding | EventResult:
    """Shown: the next renewal fails unless there is another card."""
    key = identity(event.subject)
    return Finding(
        sighting=Sighting(
            kind="payment_method",
            id=key,
            at=event.created,
            rank=1,
            facts={"status": "detached"},
            customer=identity(event.subject.get("customer"))
            or identity(event.before.get("customer")),
        ),
        says=f"payment method {key} was removed",
    )
