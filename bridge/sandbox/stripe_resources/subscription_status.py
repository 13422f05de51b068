"""How a subscription changes its status, and how it ends."""

from __future__ import annotations

from typing import Final

from bridge.sandbox.stripe_errors import StripeObject
from bridge.sandbox.stripe_state import StripeState

ENDED: Final = frozenset({"canceled", "incomplete_expired"})


def change_status(state: StripeState, subscription: StripeObject, status: str) -> None:
    """Set the status and say so."""
    subscription["status"] = status
    state.emit_change("customer.subscription.updated", subscription)


def end(state: StripeState, subscription: StripeObject, *, reason: str | None) -> None:
    """Cancel now. Invoices that are still due are not collected any more."""
    now = state.now()
    subscription |= {
        "canceled_at": subscription["canceled_at"] or now,
        "ended_at": now,
        "pending_update": None,
        "status": "canceled",
    }
    details = subscription["cancellation_details"]
    details["reason"] = details["reason"] or reason
    schedule = state.look("subscription_schedule", subscription["schedule"] or "")
    subscription["schedule"] = None
    leave_alone(state, subscription)
    state.emit_change("customer.subscription.deleted", subscription)
    if schedule and schedule["status"] in ("not_started", "active"):
        schedule |= {"canceled_at": now, "current_phase": None, "status": "canceled"}
        aborted = reason == "payment_failed"
        state.emit_change(f"subscription_schedule.{'aborted' if aborted else 'canceled'}", schedule)


def leave_alone(state: StripeState, subscription: StripeObject) -> None:
    """Stop collecting the subscription's unpaid invoices by themselves."""
    for invoice in state.find(
        "invoice",
        lambda each: each["status"] in ("draft", "open") and _is_of(each, subscription["id"]),
    ):
        invoice["auto_advance"] = False
        invoice["automatically_finalizes_at"] = None
        invoice["next_payment_attempt"] = None
        state.emit_change("invoice.updated", invoice)


def _is_of(invoice: StripeObject, subscription: str) -> bool:
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return bool(details.get("subscription") == subscription)
