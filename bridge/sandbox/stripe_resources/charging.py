"""Taking money: what happens to an intent when it is confirmed, and to its charge.

https://docs.stripe.com/payments/paymentintents/lifecycle. What an invoice or a session
makes of the outcome is theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bridge.sandbox.stripe_errors import ApiError, StripeObject, declined
from bridge.sandbox.stripe_resources import disputes
from bridge.sandbox.stripe_resources.cards import NOT_AUTHENTICATED, Refusal, card_of
from bridge.sandbox.stripe_resources.payment_methods import attach
from bridge.sandbox.stripe_state import StripeState

# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts, in minor units.
_MINIMUM: Final[Mapping[str, int]] = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200,
    "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip
_MAXIMUM = 99_999_999


def minimum(currency: str) -> int:
    """The least amount that can be charged, in Stripe's minor units."""
    return _MINIMUM.get(currency, 1)


def check_amount(amount: int, currency: str) -> None:
    """Refuse what cannot be charged.

    Raises:
        ApiError: ``amount_too_small`` or ``amount_too_large``.
    """
    least = minimum(currency)
    if amount < least:
        raise ApiError(
            f"Amount must be at least {least} {currency}", code="amount_too_small", param="amount"
        )
    if amount > _MAXIMUM:
        raise ApiError(
            f"Amount must be no more than {_MAXIMUM} {currency}",
            code="amount_too_large",
            param="amount",
        )


def new_intent(
    state: StripeState, *, amount: int, currency: str, customer: str | None, **fields: Any
) -> StripeObject:
    """A payment intent that nobody has tried to pay yet, announced."""
    check_amount(amount, currency)
    intent = state.new(
        "payment_intent", amount=amount, currency=currency, customer=customer, **fields
    )
    intent["client_secret"] = f"{intent['id']}_secret_{intent['id'][-12:]}"
    intent["status"] = "requires_confirmation" if intent["payment_method"] else intent["status"]
    state.emit("payment_intent.created", intent)
    return intent


def confirm(
    state: StripeState, intent: StripeObject, method: StripeObject, *, present: bool
) -> None:
    """Try to pay with a method; ``present`` says whether the customer can be asked.

    The outcome is the intent's ``status``.
    """
    card = card_of(method)
    intent["payment_method"] = method["id"]
    intent["next_action"] = None
    intent["_present"] = present
    asks = card.authenticates == "always" or (
        card.authenticates == "unless_set_up" and not method["_set_up"]
    )
    if asks:
        _ask(state, intent)
    elif card.charge:
        fail(state, intent, card.charge)
    elif card.settles_later:
        intent["status"] = "processing"
        state.emit_change("payment_intent.processing", intent)
    else:
        succeed(state, intent)


def authenticate(state: StripeState, intent: StripeObject, *, succeeded: bool) -> None:
    """The customer answered his bank's question."""
    intent["next_action"] = None
    method = state.get("payment_method", intent["payment_method"])
    method["_set_up"] = method["_set_up"] or (succeeded and _is_for_later(intent))
    refusal = card_of(method).charge
    if succeeded and refusal is None:
        succeed(state, intent)
        return
    fail(
        state,
        intent,
        refusal
        or Refusal(
            "payment_intent_authentication_failure",
            "",
            "We are unable to authenticate your payment method. Please choose a different "
            "payment method and try again.",
        ),
    )


def succeed(state: StripeState, intent: StripeObject) -> StripeObject:
    """The money is there: a charge, a paid intent; the method is kept where that was asked."""
    method = state.get("payment_method", intent["payment_method"])
    if intent["setup_future_usage"] and intent["customer"] and not method["customer"]:
        attach(state, method["id"], state.get("customer", intent["customer"]))
    method["_set_up"] = method["_set_up"] or _is_for_later(intent)
    charge = _charge(state, intent, method)
    charge |= {
        "amount_captured": intent["amount"],
        "captured": True,
        "paid": True,
        "status": "succeeded",
        "outcome": _outcome("authorized", "approved_by_network", None, "Payment complete."),
    }
    state.emit("charge.succeeded", charge)
    intent |= {
        "amount_received": intent["amount"],
        "last_payment_error": None,
        "latest_charge": charge["id"],
        "status": "succeeded",
    }
    state.emit_change("payment_intent.succeeded", intent)
    if card_of(method).disputed:
        disputes.open_dispute(state, charge, amount=charge["amount"], reason="fraudulent")
    return charge


def fail(state: StripeState, intent: StripeObject, refusal: Refusal) -> None:
    """The bank said no: a failed charge; the intent waits for another method."""
    method = state.get("payment_method", intent["payment_method"])
    charge = _charge(state, intent, method)
    charge |= {
        "failure_code": refusal.code,
        "failure_message": refusal.message,
        "status": "failed",
        "outcome": _outcome(
            "issuer_declined", "declined_by_network", refusal.decline_code, refusal.message
        ),
    }
    state.emit("charge.failed", charge)
    error = {
        "charge": charge["id"],
        "code": refusal.code,
        "message": refusal.message,
        "payment_method": state.show(method),
        "type": "card_error",
    }
    if refusal.decline_code:
        error["decline_code"] = refusal.decline_code
    intent |= {
        "last_payment_error": error,
        "latest_charge": charge["id"],
        "next_action": None,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    state.emit_change("payment_intent.payment_failed", intent)


def cancel(state: StripeState, intent: StripeObject, reason: str | None) -> None:
    """Give up an intent that is not paid."""
    intent |= {
        "canceled_at": state.now(),
        "cancellation_reason": reason,
        "next_action": None,
        "status": "canceled",
    }
    state.emit_change("payment_intent.canceled", intent)


def refuse(state: StripeState, intent: StripeObject) -> ApiError:
    """The 402 of an intent whose payment has just failed."""
    error = intent["last_payment_error"]
    return declined(
        error["message"],
        code=error["code"],
        decline_code=error.get("decline_code", ""),
        more={
            "charge": error["charge"],
            "payment_intent": state.show(intent),
            "payment_method": error["payment_method"],
        },
    )


def _ask(state: StripeState, intent: StripeObject) -> None:
    """The bank wants to ask the customer. A payment of ours in his absence is declined."""
    if not intent["_present"] and not intent.get("_invoice"):
        fail(state, intent, NOT_AUTHENTICATED)
        return
    url = f"{state.base_url()}/3ds/{intent['id']}"
    by_page = intent.get("_return_url")
    intent |= {
        "status": "requires_action",
        "next_action": (
            {
                "redirect_to_url": {"return_url": by_page, "url": url},
                "type": "redirect_to_url",
            }
            if by_page
            else {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
        ),
    }
    state.emit_change("payment_intent.requires_action", intent)


def _is_for_later(intent: StripeObject) -> bool:
    return bool(intent["setup_future_usage"] == "off_session")


def _charge(state: StripeState, intent: StripeObject, method: StripeObject) -> StripeObject:
    customer = state.look("customer", intent["customer"] or "")
    charge = state.new(
        "charge",
        amount=intent["amount"],
        billing_details=dict(method["billing_details"]),
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        metadata=dict(intent["metadata"]),
        payment_intent=intent["id"],
        payment_method=method["id"],
        receipt_email=intent["receipt_email"],
        _invoice=intent.get("_invoice"),
    )
    # Only on request since 2022 (https://docs.stripe.com/upgrades#2022-11-15).
    del charge["refunds"]
    if customer and not charge["billing_details"]["email"]:
        charge["billing_details"]["email"] = customer["email"]
    details: StripeObject = {"type": method["type"]}
    if method["type"] == "card":
        card = method["card"]
        details["card"] = {
            "brand": card["brand"],
            "checks": card["checks"],
            "country": card["country"],
            "exp_month": card["exp_month"],
            "exp_year": card["exp_year"],
            "fingerprint": card["fingerprint"],
            "funding": card["funding"],
            "last4": card["last4"],
            "network": card["brand"],
        }
    charge["payment_method_details"] = details
    return charge


def _outcome(kind: str, network: str, reason: str | None, message: str) -> StripeObject:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network,
        "reason": reason or None,
        "seller_message": message,
        "type": kind,
    }
