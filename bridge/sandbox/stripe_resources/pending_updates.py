"""Changes that wait for their invoice to be paid (``payment_behavior=pending_if_incomplete``).

https://docs.stripe.com/billing/subscriptions/pending-updates. They expire after 23 hours, or
at the end of the period or trial if that is sooner. The subscription keeps, out
of sight, the fields that it gets once the invoice is paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.sandbox.stripe_errors import StripeObject
from bridge.sandbox.stripe_state import StripeState

_OPEN_FOR = 23 * 3600


def postpone(
    state: StripeState,
    subscription: StripeObject,
    wanted: Mapping[str, Any],
    *,
    invoice: StripeObject,
) -> None:
    """Let the wanted fields wait for the invoice."""
    items = wanted["items"]["data"]
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    restarts = wanted["billing_cycle_anchor"] != subscription["billing_cycle_anchor"]
    subscription["pending_update"] = {
        "billing_cycle_anchor": wanted["billing_cycle_anchor"] if restarts else None,
        "discount": None,
        "discounts": [],
        "expires_at": min(state.now() + _OPEN_FOR, *ends),
        "metadata": None,
        "subscription_items": [dict(item) for item in items],
        "trial_end": wanted["trial_end"],
        "trial_from_plan": None,
    }
    subscription["_postponed"] = {"fields": dict(wanted), "invoice": invoice["id"]}
    invoice["_pending_update"] = True


def apply(state: StripeState, subscription: StripeObject) -> None:
    """The invoice is paid: the fields are set."""
    postponed = subscription.pop("_postponed", None)
    if postponed is None:
        return
    subscription |= postponed["fields"]
    subscription["pending_update"] = None
    state.emit_change(
        "customer.subscription.updated",
        subscription,
        "customer.subscription.pending_update_applied",
    )


def invoice_of(subscription: StripeObject) -> str | None:
    """The invoice that a pending update waits for."""
    postponed = subscription.get("_postponed")
    return postponed["invoice"] if postponed else None


def forget(state: StripeState, subscription: StripeObject) -> None:
    """Its invoice is void: nothing is changed."""
    del subscription["_postponed"]
    subscription["pending_update"] = None
    state.emit_change(
        "customer.subscription.updated",
        subscription,
        "customer.subscription.pending_update_expired",
    )
