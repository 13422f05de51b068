"""What a collection is made for: the change, whose it is, what the customer is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bridge.payments.client import once_for
from bridge.payments.metadata import PaymentReference
from bridge.payments.situation import LiveSubscription

DONE_BY = "planbridge_done"
"""On a subscription: the change that it was last adjusted for."""

ENDS_BY = "planbridge_ends"
"""On a subscription: the change because of which it ends with its period."""

SCHEDULED_BY = "planbridge_scheduled"
"""On a subscription: the change that a schedule was made for."""


@dataclass(frozen=True, slots=True)
class Order:
    """One change to be collected.

    ``asked_at`` is when it was asked for, ``expires_at`` when its quote ends: requests are
    computed from them and not from the clock, so that repeating one repeats it exactly.
    ``names`` are the products' names by id. Stripe sends the customer to ``success_url`` or
    ``cancel_url``.
    """

    change_id: str
    reference: PaymentReference
    customer: str
    asked_at: datetime
    expires_at: datetime
    success_url: str
    cancel_url: str
    payment_method: str | None = None
    subscription: LiveSubscription | None = None
    names: Mapping[int, str] = field(default_factory=dict)

    def once(self, step: str) -> str:
        """The idempotency key of a step of this change."""
        return once_for(self.change_id, step)

    def paying(self) -> dict[str, str]:
        """Metadata of what collects the sum: it names the quote that is paid."""
        return self.reference.to_metadata()

    def standing(self) -> dict[str, str]:
        """Metadata of what collects nothing now.

        It names no quote, so that no later invoice is taken for its payment; an empty
        value takes an older one away.
        """
        return {**replace(self.reference, quote="").to_metadata(), "planbridge_quote": ""}


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking. ``url`` is where the customer has to go; None when he need not.

    ``paid`` is True when the sum has been collected. ``why`` says what stood in the way.
    """

    paid: bool
    url: str | None = None
    id: str = ""
    why: str = ""
