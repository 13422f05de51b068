"""Refunds, whole or in parts."""

from __future__ import annotations

from bridge.sandbox.stripe_errors import ApiError, StripeObject, invalid
from bridge.sandbox.stripe_parameters import (
    check_exclusive,
    merge_metadata,
    metadata,
    natural,
    one_of,
    text,
    time_filter,
    within,
)
from bridge.sandbox.stripe_resources.cards import card_of
from bridge.sandbox.stripe_routes import Call, Route, get, listing, paged, post, retrieving
from bridge.sandbox.stripe_state import StripeState


def create(call: Call) -> StripeObject:
    """POST /v1/refunds, of a charge or of an intent's charge."""
    state, params = call.state, call.params
    check_exclusive(params, "charge", "payment_intent")
    charge = _charge(call)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    if not left:
        raise ApiError(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if charge["disputed"] and not _is_refundable(state, charge):
        raise ApiError(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if not 0 < amount <= left:
        raise invalid(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            if amount
            else "Invalid positive integer",
            "amount",
        )
    method = state.get("payment_method", charge["payment_method"])
    card = card_of(method)
    refund = state.new(
        "refund",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        customer=charge["customer"],
        destination_details={"card": {"type": "refund"}, "type": "card"},
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        reason=params.get("reason"),
        status="pending" if card.refunds == "pending" else "succeeded",
    )
    refund["metadata"] = merge_metadata({}, params.get("metadata", {}))
    _count(state, charge, amount)
    state.emit("refund.created", refund)
    state.emit_change("charge.refunded", charge)
    if card.refunds == "failed":
        settle(state, refund, succeeded=False)
    return refund


def settle(state: StripeState, refund: StripeObject, *, succeeded: bool) -> None:
    """The bank answered: the refund arrived, or came back.

    Raises:
        ApiError: it failed before.
    """
    if refund["status"] == "failed":
        raise ApiError("This refund has failed already.")
    if succeeded:
        refund["status"] = "succeeded"
        state.emit_change("refund.updated", refund, "charge.refund.updated")
        return
    refund |= {
        "failure_balance_transaction": None,
        "failure_reason": "expired_or_canceled_card",
        "status": "failed",
    }
    charge = state.get("charge", refund["charge"])
    _count(state, charge, -refund["amount"])
    state.emit_change("refund.failed", refund, "charge.refund.updated", "refund.updated")
    state.emit_change("charge.updated", charge)


def update(call: Call) -> StripeObject:
    """POST /v1/refunds/{id}: metadata only."""
    refund = call.get("refund")
    if "metadata" in call.params:
        refund["metadata"] = merge_metadata(refund["metadata"], call.params["metadata"])
    call.state.emit_change("refund.updated", refund, "charge.refund.updated")
    return refund


def _charge(call: Call) -> StripeObject:
    params, state = call.params, call.state
    if "charge" in params:
        charge = state.named("charge", params["charge"], "charge")
    elif "payment_intent" in params:
        intent = state.named("payment_intent", params["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded":
            raise ApiError(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
            )
        charge = state.get("charge", intent["latest_charge"])
    else:
        raise ApiError(
            "One of the following params should be provided for this request: payment_intent or "
            "charge."
        )
    if charge["status"] != "succeeded":
        raise ApiError(f"Charge {charge['id']} was not successful and cannot be refunded.")
    return charge


def _is_refundable(state: StripeState, charge: StripeObject) -> bool:
    disputes = state.find("dispute", lambda each: each["charge"] == charge["id"])
    return all(each["is_charge_refundable"] or each["status"] == "won" for each in disputes)


def _count(state: StripeState, charge: StripeObject, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]


def _fits(call: Call, refund: StripeObject) -> bool:
    wanted = {
        name: call.params[name] for name in ("charge", "payment_intent") if name in call.params
    }
    return all(refund[name] == value for name, value in wanted.items()) and within(
        call.params.get("created"), refund["created"]
    )


ROUTES: tuple[Route, ...] = (
    post(
        "/v1/refunds",
        create,
        {
            "amount": natural,
            "charge": text,
            "metadata": metadata,
            "payment_intent": text,
            "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
        },
    ),
    get(
        "/v1/refunds",
        listing("refund", _fits),
        paged(charge=text, created=time_filter, payment_intent=text),
    ),
    get("/v1/refunds/{id}", retrieving("refund")),
    post("/v1/refunds/{id}", update, {"metadata": metadata}),
)
