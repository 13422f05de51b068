"""What handlers have in common: an event's object, read, and the sentence about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.store.events import EventResult
from webhooks.decisions import Collected, Finding, StripeEvent, ignored
from webhooks.stripe_objects import READERS, reference_in, text


def found(
    event: StripeEvent, says: str, *, operator: bool = False, collected: Collected | None = None
) -> Finding | EventResult:
    """The finding about an event's own object."""
    read = READERS.get(text(event.subject.get("object")))
    if read is None or not event.subject.get("id"):
        return ignored(f"{event.type} about something that planbridge does not know")
    return Finding(
        sighting=read(event.subject, event.created),
        says=says,
        reference=reference_in(event.subject),
        operator=operator,
        collected=collected,
    )


def amount_words(subject: Mapping[str, Any], name: str = "amount") -> str:
    """``4522 USD`` in Stripe's units, as the object shows it."""
    return f"{subject.get(name)} {text(subject.get('currency')).upper()} (Stripe's units)"
