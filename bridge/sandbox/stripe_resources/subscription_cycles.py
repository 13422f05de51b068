"""What happens to a subscription as time goes by: trials end, periods end, it ends."""

from __future__ import annotations

from bridge.sandbox.stripe_errors import StripeObject
from bridge.sandbox.stripe_resources import (
    collection,
    previews,
    subscription_billing,
)
from bridge.sandbox.stripe_resources.subscription_parts import period_of
from bridge.sandbox.stripe_resources.subscription_status import ENDED, change_status, end
from bridge.sandbox.stripe_state import StripeState

_DAY = 86_400
_INCOMPLETE_FOR = 23 * 3600
_TRIAL_NOTICE = 3 * _DAY


def next_due(state: StripeState, subscription: StripeObject) -> int | None:
    """When a subscription goes on by itself."""
    status = subscription["status"]
    if status in ENDED:
        return None
    if status == "incomplete":
        return int(subscription["created"]) + _INCOMPLETE_FOR
    times = [subscription["cancel_at"]]
    if status != "paused":
        times.append(period_of(subscription).end)
        times.append(_upcoming(state, subscription))
    if status == "trialing":
        times.append(_notice(subscription))
    pause = subscription["pause_collection"]
    times.append(pause and pause["resumes_at"])
    pending = subscription["pending_update"]
    times.append(pending and pending["expires_at"])
    return min((int(at) for at in times if at), default=None)


def wake(state: StripeState, subscription: StripeObject) -> None:
    """Do the first of what is due."""
    now = state.now()
    pause, pending = subscription["pause_collection"], subscription["pending_update"]
    if subscription["status"] == "incomplete":
        _expire(state, subscription)
    elif pending and pending["expires_at"] <= now:
        collection.void(state, state.get("invoice", subscription["_postponed"]["invoice"]))
    elif pause and pause["resumes_at"] and pause["resumes_at"] <= now:
        subscription["pause_collection"] = None
        state.emit_change("customer.subscription.updated", subscription)
    elif subscription["cancel_at"] and subscription["cancel_at"] <= now:
        end(state, subscription, reason="cancellation_requested")
    elif period_of(subscription).end <= now:
        _renew(state, subscription)
    elif subscription["status"] == "trialing" and _is_now(_notice(subscription), now):
        subscription["_noticed"] = subscription["trial_end"]
        state.emit("customer.subscription.trial_will_end", subscription)
    else:
        subscription["_announced"] = period_of(subscription).end
        state.emit("invoice.upcoming", previews.renewal(state, subscription["id"]))


def _renew(state: StripeState, subscription: StripeObject) -> None:
    """The period ended: the next begins, and its invoice is a draft for a while."""
    if subscription["status"] == "trialing" and _ends_without_method(state, subscription):
        return
    invoice = subscription_billing.renew(state, subscription)
    if subscription["status"] == "unpaid":
        invoice["auto_advance"] = False
    else:
        draft_for = int(state.settings.draft_for.total_seconds())
        invoice["automatically_finalizes_at"] = state.now() + draft_for
    state.emit_change("customer.subscription.updated", subscription)


def _ends_without_method(state: StripeState, subscription: StripeObject) -> bool:
    """A trial ended; whether that ends or pauses the subscription for want of a method."""
    behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    customer = state.get("customer", subscription["customer"])
    has_method = (
        subscription["default_payment_method"]
        or customer["invoice_settings"]["default_payment_method"]
    )
    if has_method or behavior == "create_invoice":
        return False
    if behavior == "cancel":
        end(state, subscription, reason=None)
        return True
    subscription["status"] = "paused"
    state.emit_change("customer.subscription.paused", subscription, "customer.subscription.updated")
    return True


def _expire(state: StripeState, subscription: StripeObject) -> None:
    """Nobody paid the first invoice for 23 hours."""
    invoice = state.get("invoice", subscription["latest_invoice"])
    subscription["ended_at"] = state.now()
    change_status(state, subscription, "incomplete_expired")
    if invoice["status"] == "open":
        collection.void(state, invoice)


def _upcoming(state: StripeState, subscription: StripeObject) -> int | None:
    """When ``invoice.upcoming`` is due; not for what will not be renewed."""
    span = period_of(subscription)
    notice = span.end - state.settings.upcoming_days * _DAY
    told = subscription.get("_announced") == span.end
    ends = subscription["cancel_at"] is not None and subscription["cancel_at"] <= span.end
    return None if told or ends or notice <= span.start else notice


def _notice(subscription: StripeObject) -> int | None:
    """When ``trial_will_end`` is due: three days before, or at once for a shorter trial."""
    if subscription.get("_noticed") == subscription["trial_end"]:
        return None
    notice = int(subscription["trial_end"]) - _TRIAL_NOTICE
    return max(notice, int(subscription["trial_start"]))


def _is_now(at: int | None, now: int) -> bool:
    return at is not None and at <= now
