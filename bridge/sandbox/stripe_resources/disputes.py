"""Disputes: opened and decided by a bank, answered by the account."""

from __future__ import annotations

from typing import Final, Literal

from bridge.sandbox.stripe_errors import ApiError, StripeObject
from bridge.sandbox.stripe_parameters import (
    boolean,
    clearable,
    merge_metadata,
    metadata,
    nested,
    text,
    time_filter,
    within,
)
from bridge.sandbox.stripe_routes import Call, Route, get, listing, paged, post, retrieving
from bridge.sandbox.stripe_state import StripeState

_DAY = 86_400
_OPEN = frozenset({"needs_response", "under_review", "warning_needs_response"})
_EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_email_address", "customer_name", "customer_purchase_ip",
    "duplicate_charge_explanation", "duplicate_charge_id", "product_description",
    "refund_policy_disclosure", "refund_refusal_explanation", "service_date", "shipping_address",
    "shipping_carrier", "shipping_date", "shipping_tracking_number", "uncategorized_text",
)  # fmt: skip

Outcome = Literal["won", "lost", "warning_closed"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("won", "lost", "warning_closed")


def open_dispute(
    state: StripeState, charge: StripeObject, *, amount: int, reason: str, inquiry: bool = False
) -> StripeObject:
    """The bank asks for the money back, or only asks (``inquiry``)."""
    dispute = state.new(
        "dispute",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        is_charge_refundable=inquiry,
        payment_intent=charge["payment_intent"],
        payment_method_details={
            "card": {
                "brand": charge["payment_method_details"].get("card", {}).get("brand"),
                "case_type": "inquiry" if inquiry else "chargeback",
                "network_reason_code": "83",
            },
            "type": "card",
        },
        reason=reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    dispute["evidence_details"]["due_by"] = state.now() + 21 * _DAY
    charge["disputed"] = True
    state.emit("charge.dispute.created", dispute)
    if not inquiry:
        state.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def close_dispute(state: StripeState, dispute: StripeObject, outcome: Outcome) -> None:
    """The bank decides.

    Raises:
        ApiError: it has decided already.
    """
    if dispute["status"] not in _OPEN:
        raise ApiError("This dispute is already closed.")
    inquiry = dispute["status"].startswith("warning")
    dispute["status"] = outcome
    dispute["is_charge_refundable"] = False
    state.emit_change("charge.dispute.closed", dispute)
    if outcome == "won" and not inquiry:
        state.emit("charge.dispute.funds_reinstated", dispute)


def update(call: Call) -> StripeObject:
    """POST /v1/disputes/{id}: evidence, sent to the bank unless ``submit`` is false."""
    dispute, params = call.get("dispute"), call.params
    if dispute["status"] not in _OPEN:
        raise ApiError("This dispute is already closed.")
    if params.get("evidence"):
        dispute["evidence"] |= params["evidence"]
        dispute["evidence_details"]["has_evidence"] = True
        if params.get("submit", True):
            dispute["evidence_details"]["submission_count"] += 1
            dispute["status"] = "under_review"
    if "metadata" in params:
        dispute["metadata"] = merge_metadata(dispute["metadata"], params["metadata"])
    call.state.emit_change("charge.dispute.updated", dispute)
    return dispute


def close(call: Call) -> StripeObject:
    """POST /v1/disputes/{id}/close: the account gives in."""
    dispute = call.get("dispute")
    close_dispute(call.state, dispute, "lost")
    return dispute


def _fits(call: Call, dispute: StripeObject) -> bool:
    wanted = {
        name: call.params[name] for name in ("charge", "payment_intent") if name in call.params
    }
    return all(dispute[name] == value for name, value in wanted.items()) and within(
        call.params.get("created"), dispute["created"]
    )


ROUTES: tuple[Route, ...] = (
    get(
        "/v1/disputes",
        listing("dispute", _fits),
        paged(charge=text, created=time_filter, payment_intent=text),
    ),
    get("/v1/disputes/{id}", retrieving("dispute")),
    post(
        "/v1/disputes/{id}",
        update,
        {
            "evidence": nested(dict.fromkeys(_EVIDENCE, clearable(text))),
            "metadata": metadata,
            "submit": boolean,
        },
    ),
    post("/v1/disputes/{id}/close", close),
)
