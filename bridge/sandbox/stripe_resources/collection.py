"""Collecting an invoice, and what a payment or its failure does to the subscription.

https://docs.stripe.com/billing/subscriptions/overview: a first invoice that is not paid
leaves the subscription ``incomplete``, a later one ``past_due`` until the retries are used
up; then the account's settings decide. Paying the latest invoice makes it active again.
"""

from __future__ import annotations

from bridge.sandbox.stripe_errors import ApiError, StripeObject
from bridge.sandbox.stripe_resources import charging, pending_updates
from bridge.sandbox.stripe_resources.drafts import details_of, finalize
from bridge.sandbox.stripe_resources.subscription_status import ENDED, change_status, end
from bridge.sandbox.stripe_state import StripeState

_DAY = 86_400


def collect(state: StripeState, invoice: StripeObject, *, present: bool = False) -> None:
    """Finalize a draft and try to have it paid; ``present``: the customer can be asked."""
    if invoice["status"] == "draft":
        finalize(state, invoice)
    if not invoice["amount_due"]:
        mark_paid(state, invoice)
    elif invoice["collection_method"] == "charge_automatically":
        attempt(state, invoice, present=present)
    else:
        state.emit("invoice.sent", invoice)


def attempt(
    state: StripeState, invoice: StripeObject, *, method: str | None = None, present: bool = False
) -> None:
    """Try once to have an open invoice paid, by this method or by the usual one."""
    intent = state.get("payment_intent", invoice["_payment_intent"])
    key = method or usual_method(state, invoice)
    invoice["attempted"] = True
    if key is None:
        _failed(state, invoice)
        return
    charging.confirm(state, intent, state.get("payment_method", key), present=present)
    after_intent(state, intent)


def after_intent(state: StripeState, intent: StripeObject) -> None:
    """Carry the outcome of an invoice's intent over to the invoice."""
    invoice = state.look("invoice", intent.get("_invoice") or "")
    if invoice is None or invoice["status"] != "open":
        return
    if intent["status"] == "succeeded":
        invoice["attempt_count"] += 1
        invoice["_charge"] = intent["latest_charge"]
        mark_paid(state, invoice)
    elif intent["status"] == "processing":
        invoice["attempt_count"] += 1
        invoice["next_payment_attempt"] = None
        state.emit_change("invoice.updated", invoice)
        _start_while_processing(state, invoice)
    elif intent["status"] == "requires_action":
        _failed(state, invoice)
        state.emit("invoice.payment_action_required", invoice)
    elif intent["status"] == "requires_payment_method":
        _failed(state, invoice)


def mark_paid(state: StripeState, invoice: StripeObject, *, out_of_band: bool = False) -> None:
    """The invoice is paid, or nothing was due."""
    now = state.now()
    invoice |= {
        "amount_paid": 0 if out_of_band else invoice["amount_due"],
        "amount_remaining": 0,
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status": "paid",
        "_paid_out_of_band": out_of_band,
    }
    invoice["status_transitions"]["paid_at"] = now
    _close_payment(state, invoice, paid=not out_of_band)
    state.emit_change("invoice.updated", invoice)
    state.emit("invoice.paid", invoice)
    state.emit("invoice.payment_succeeded", invoice)
    _set_due_right(state, invoice)


def void(state: StripeState, invoice: StripeObject) -> None:
    """As if it had never been due.

    Raises:
        ApiError: it is neither open nor uncollectible.
    """
    _give_up(state, invoice, "void", "voided_at", ("open", "uncollectible"))
    intent = state.look("payment_intent", invoice.get("_payment_intent") or "")
    if intent and intent["status"] not in ("succeeded", "canceled"):
        charging.cancel(state, intent, "void_invoice")
    _close_payment(state, invoice, paid=False)
    state.emit_change("invoice.voided", invoice)
    _set_due_right(state, invoice)


def give_up(state: StripeState, invoice: StripeObject) -> None:
    """Mark as uncollectible.

    Raises:
        ApiError: it is not open.
    """
    _give_up(state, invoice, "uncollectible", "marked_uncollectible_at", ("open",))
    state.emit_change("invoice.marked_uncollectible", invoice)
    _set_due_right(state, invoice)


def usual_method(state: StripeState, invoice: StripeObject) -> str | None:
    """The method that an invoice is charged to: its own, the subscription's, the customer's."""
    customer = state.get("customer", invoice["customer"])
    subscription = _subscription(state, invoice)
    candidates = (
        invoice["default_payment_method"],
        subscription and subscription["default_payment_method"],
        customer["invoice_settings"]["default_payment_method"],
    )
    return next((each for each in candidates if each), None)


def next_due(_state: StripeState, invoice: StripeObject) -> int | None:
    """When an invoice goes on by itself."""
    if invoice["status"] == "draft" and invoice["auto_advance"]:
        at: int | None = invoice["automatically_finalizes_at"]
        return at
    if invoice["status"] == "open" and invoice["collection_method"] == "send_invoice":
        return None if invoice.get("_overdue") else invoice["due_date"]
    return invoice["next_payment_attempt"] if invoice["status"] == "open" else None


def wake(state: StripeState, invoice: StripeObject) -> None:
    """Finalize, try again, or find it overdue."""
    if invoice["status"] == "draft":
        _advance(state, invoice)
    elif invoice["collection_method"] == "send_invoice":
        invoice["_overdue"] = True
        state.emit("invoice.overdue", invoice)
        subscription = _subscription(state, invoice)
        if subscription and subscription["status"] == "active":
            change_status(state, subscription, "past_due")
    else:
        attempt(state, invoice)


def _advance(state: StripeState, invoice: StripeObject) -> None:
    subscription = _subscription(state, invoice)
    pause = subscription and subscription["pause_collection"]
    if not pause:
        collect(state, invoice)
        return
    if pause["behavior"] == "keep_as_draft":
        invoice["auto_advance"] = False
        state.emit_change("invoice.updated", invoice)
        return
    finalize(state, invoice)
    if not invoice["amount_due"]:
        mark_paid(state, invoice)
    elif pause["behavior"] == "void":
        void(state, invoice)
    else:
        give_up(state, invoice)


def _failed(state: StripeState, invoice: StripeObject) -> None:
    invoice["attempt_count"] += 1
    tries = invoice["attempt_count"]
    subscription = _subscription(state, invoice)
    first = subscription is not None and subscription["status"] == "incomplete"
    dunning = state.settings.dunning
    more = not first and bool(subscription) and tries <= len(dunning.retries)
    invoice["next_payment_attempt"] = (
        state.now() + dunning.retries[tries - 1] * _DAY if more else None
    )
    invoice["auto_advance"] = more
    state.emit_change("invoice.payment_failed", invoice)
    if subscription is None or first or invoice.get("_pending_update"):
        return
    if subscription["status"] in ("active", "trialing"):
        change_status(state, subscription, "past_due")
    if not more and subscription["status"] == "past_due":
        if dunning.finally_ == "cancel":
            end(state, subscription, reason="payment_failed")
        elif dunning.finally_ == "unpaid":
            change_status(state, subscription, "unpaid")


def _set_due_right(state: StripeState, invoice: StripeObject) -> None:
    """Nothing is owed for the invoice any more: what that does to its subscription."""
    subscription = _subscription(state, invoice)
    if subscription is None or subscription["status"] in ENDED:
        return
    if invoice.get("_pending_update"):
        if pending_updates.invoice_of(subscription) != invoice["id"]:
            return
        if invoice["status"] == "paid":
            pending_updates.apply(state, subscription)
        else:
            pending_updates.forget(state, subscription)
        return
    latest = subscription["latest_invoice"] == invoice["id"]
    paid = invoice["status"] == "paid"
    recovers = subscription["status"] in ("past_due", "unpaid") and latest
    if recovers or (subscription["status"] == "incomplete" and latest and paid):
        _remember_method(state, subscription, invoice)
        change_status(state, subscription, "active")


def _start_while_processing(state: StripeState, invoice: StripeObject) -> None:
    """A bank debit takes days; the subscription starts meanwhile."""
    subscription = _subscription(state, invoice)
    if subscription and subscription["status"] == "incomplete":
        change_status(state, subscription, "active")


def _remember_method(state: StripeState, subscription: StripeObject, invoice: StripeObject) -> None:
    intent = state.look("payment_intent", invoice.get("_payment_intent") or "")
    saves = subscription["payment_settings"]["save_default_payment_method"] == "on_subscription"
    if saves and intent and intent["payment_method"]:
        subscription["default_payment_method"] = intent["payment_method"]


def _give_up(
    state: StripeState, invoice: StripeObject, status: str, when: str, possible: tuple[str, ...]
) -> None:
    if invoice["status"] not in possible:
        raise ApiError(
            f"You can only pass in {' or '.join(possible)} invoices. This invoice is "
            f"{invoice['status']}."
        )
    invoice |= {"auto_advance": False, "next_payment_attempt": None, "status": status}
    invoice["status_transitions"][when] = state.now()


def _close_payment(state: StripeState, invoice: StripeObject, *, paid: bool) -> None:
    payment = state.look("invoice_payment", invoice.get("_payment") or "")
    if payment is None or payment["status"] != "open":
        return
    now = state.now()
    if paid:
        payment |= {"amount_paid": payment["amount_requested"], "status": "paid"}
        payment["status_transitions"]["paid_at"] = now
        state.emit("invoice_payment.paid", payment)
    else:
        payment["status"] = "canceled"
        payment["status_transitions"]["canceled_at"] = now


def _subscription(state: StripeState, invoice: StripeObject) -> StripeObject | None:
    return state.look("subscription", details_of(invoice).get("subscription") or "")
