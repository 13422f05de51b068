"""What a customer does on the hosted page of a checkout session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bridge.sandbox.stripe_errors import ApiError, StripeObject
from bridge.sandbox.stripe_parameters import merge_metadata
from bridge.sandbox.stripe_resources import (
    charging,
    checkout_sessions,
    collection,
    customers,
    drafts,
    payment_intents,
    payment_methods,
    setup_intents,
    subscriptions,
)
from bridge.sandbox.stripe_resources.subscription_billing import without_effects
from bridge.sandbox.stripe_resources.subscription_status import end
from bridge.sandbox.stripe_state import StripeState


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who pays, and with which of Stripe's test cards."""

    card: str = "pm_card_visa"
    email: str = "customer@example.com"
    name: str = "Jenny Rosen"


def complete(state: StripeState, session: StripeObject, buyer: Buyer) -> None:
    """The customer presses Pay. The session stays open if his bank wants to ask him.

    Raises:
        ApiError: the session is not open, or 402: his card was declined and he may try again.
    """
    if session["status"] != "open":
        raise ApiError(f"This Checkout Session is {session['status']}.")
    if _is_asked(state, session):
        raise ApiError("The bank's question to the customer is not answered yet.")
    {"payment": _pay, "setup": _set_up, "subscription": _subscribe}[session["mode"]](
        state, session, buyer
    )


def answer_bank(state: StripeState, key: str, *, succeeded: bool) -> StripeObject:
    """The customer answers his bank about a payment or setup intent; the intent.

    Raises:
        ApiError: nobody asked him.
    """
    if key.startswith("seti_"):
        intent = state.get("setup_intent", key)
        setup_intents.authenticate(state, intent, succeeded=succeeded)
    else:
        intent = state.get("payment_intent", key)
        payment_intents.authenticate(state, intent, succeeded=succeeded)
    follow(state, intent)
    return intent


def follow(state: StripeState, intent: StripeObject) -> None:
    """A payment or setup intent came to something; so does its session."""
    sessions = state.find(
        "checkout.session",
        lambda each: intent["id"] in (each.get("_intent"), each["setup_intent"]),
    )
    for session in sessions:
        if session["status"] == "open":
            if intent["status"] in ("succeeded", "processing"):
                _finish(state, session)
            elif intent["status"] == "requires_payment_method":
                _begin_again(state, session)
        elif session["payment_status"] == "unpaid" and session["status"] == "complete":
            _follow_debit(state, session, intent)


def _pay(state: StripeState, session: StripeObject, buyer: Buyer) -> None:
    wanted = session["_wanted"]
    data = wanted.get("payment_intent_data", {})
    customer = _customer(state, session, buyer)
    if not session["amount_total"]:
        _finish(state, session)
        return
    method = _method(state, buyer)
    intent = state.look("payment_intent", session["payment_intent"] or "")
    if intent is None:
        intent = charging.new_intent(
            state,
            amount=session["amount_total"],
            currency=session["currency"],
            customer=customer,
            description=data.get("description"),
            metadata=merge_metadata({}, data.get("metadata", {})),
            receipt_email=data.get("receipt_email"),
            setup_future_usage=data.get("setup_future_usage"),
            statement_descriptor=data.get("statement_descriptor"),
            statement_descriptor_suffix=data.get("statement_descriptor_suffix"),
        )
        session["payment_intent"] = session["_intent"] = intent["id"]
    charging.confirm(state, intent, method, present=True)
    if intent["status"] == "requires_payment_method":
        raise charging.refuse(state, intent)
    if intent["status"] != "requires_action":
        _finish(state, session)


def _subscribe(state: StripeState, session: StripeObject, buyer: Buyer) -> None:
    """Nothing stays of a declined attempt."""
    _customer(state, session, buyer)
    customer = state.get("customer", session["customer"])
    params: dict[str, Any] = {
        **checkout_sessions.subscription_params(session["_wanted"]),
    }
    needs_card = session["amount_total"] or session["payment_method_collection"] == "always"
    if needs_card:
        try:
            method = payment_methods.attach(state, _method(state, buyer)["id"], customer)
        except ApiError as refusal:
            refusal.keeps_effects = False
            raise
        params["default_payment_method"] = method["id"]
    subscription = subscriptions.begin(state, customer, params, early=True)
    invoice = state.get("invoice", subscription["latest_invoice"])
    intent = state.look("payment_intent", invoice.get("_payment_intent") or "")
    session |= {"_subscription": subscription["id"], "_intent": intent and intent["id"]}
    if intent and intent["status"] == "requires_payment_method":
        raise without_effects(state, invoice)
    if not intent or intent["status"] != "requires_action":
        _finish(state, session)


def _set_up(state: StripeState, session: StripeObject, buyer: Buyer) -> None:
    intent = state.get("setup_intent", session["setup_intent"])
    intent["customer"] = _customer(state, session, buyer)
    setup_intents.attempt(state, intent, _method(state, buyer))
    error = intent["last_setup_error"]
    if intent["status"] == "requires_payment_method" and error:
        raise ApiError(
            error["message"], status=402, kind="card_error", code=error["code"], keeps_effects=True
        )
    if intent["status"] == "succeeded":
        _finish(state, session)


def _finish(state: StripeState, session: StripeObject) -> None:
    """Complete; what was paid, and by whom, is on the session from now on."""
    subscription = state.look("subscription", session.get("_subscription") or "")
    if subscription:
        session["subscription"] = subscription["id"]
        session["invoice"] = subscription["latest_invoice"]
    elif session["mode"] == "payment" and session["invoice_creation"]["enabled"]:
        session["invoice"] = _invoice_for(state, session)["id"]
    intent = state.look("payment_intent", session.get("_intent") or "")
    if intent is None:
        session["payment_status"] = "no_payment_required"
    else:
        session["payment_status"] = "paid" if intent["status"] == "succeeded" else "unpaid"
    session |= {"status": "complete", "url": None}
    state.emit_change("checkout.session.completed", session)


def _follow_debit(state: StripeState, session: StripeObject, intent: StripeObject) -> None:
    """A bank debit was settled, days after the session was complete."""
    if intent["status"] == "succeeded":
        session["payment_status"] = "paid"
        state.emit_change("checkout.session.async_payment_succeeded", session)
    elif intent["status"] == "requires_payment_method":
        state.emit("checkout.session.async_payment_failed", session)


def _begin_again(state: StripeState, session: StripeObject) -> None:
    """The bank's question was not answered well; the customer may try another card."""
    subscription = state.look("subscription", session.pop("_subscription", None) or "")
    if subscription:
        invoice = state.get("invoice", subscription["latest_invoice"])
        end(state, subscription, reason=None)
        collection.void(state, invoice)


def _customer(state: StripeState, session: StripeObject, buyer: Buyer) -> str | None:
    """The session's customer; a new one where the mode needs or asks for one."""
    email = session["customer_email"] or buyer.email
    key: str | None = session["customer"]
    creates = session["mode"] == "subscription" or session["customer_creation"] == "always"
    if key:
        known = customers.living(state, key)
        email = known["email"] or email
    elif creates:
        made = customers.make(state)
        made |= {"email": email, "name": buyer.name}
        state.emit("customer.created", made)
        session["customer"] = key = made["id"]
    session["customer_details"] = {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": buyer.name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
    return key


def _method(state: StripeState, buyer: Buyer) -> StripeObject:
    return payment_methods.from_card(
        state, buyer.card, details={"email": buyer.email, "name": buyer.name}
    )


def _invoice_for(state: StripeState, session: StripeObject) -> StripeObject:
    """The paid invoice of a one-off payment, with ``invoice_creation`` enabled."""
    if not session["customer"]:
        made = customers.make(state)
        made["email"] = session["customer_details"]["email"]
        state.emit("customer.created", made)
        session["customer"] = made["id"]
    invoice = checkout_sessions.draft_of_payment(
        state, session["customer"], session["_wanted"], session["currency"]
    )
    data = session["invoice_creation"]["invoice_data"]
    invoice |= {
        "description": data["description"],
        "footer": data["footer"],
        "metadata": dict(data["metadata"]),
    }
    drafts.seal(state, invoice, invoice["lines"]["data"])
    invoice["_payment_intent"] = session["_intent"]
    intent = state.look("payment_intent", session["_intent"] or "")
    if intent:
        intent["_invoice"] = invoice["id"]
        invoice["_charge"] = intent["latest_charge"]
    drafts.number(state, invoice)
    collection.mark_paid(state, invoice)
    return invoice


def _is_asked(state: StripeState, session: StripeObject) -> bool:
    for kind, key in (
        ("payment_intent", session.get("_intent")),
        ("setup_intent", session["setup_intent"]),
    ):
        intent = state.look(kind, key or "")
        if intent and intent["status"] == "requires_action":
            return True
    return False
