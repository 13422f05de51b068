"""Invoices as drafts, and how they are finalized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.sandbox.stripe_errors import ApiError, StripeObject
from bridge.sandbox.stripe_listing import as_list
from bridge.sandbox.stripe_periods import Span
from bridge.sandbox.stripe_resources import charging, coupons, customers
from bridge.sandbox.stripe_resources.totals import tally
from bridge.sandbox.stripe_state import StripeState

_DAY = 86_400


def of_subscription(
    state: StripeState,
    subscription: StripeObject,
    *,
    reason: str,
    span: Span,
) -> StripeObject:
    """An empty draft for a subscription; ``span`` is the invoice's own period.

    It is not announced: that is for `seal`, when its lines are on it.
    """
    invoice = new(
        state,
        subscription["customer"],
        currency=subscription["currency"],
        collection_method=subscription["collection_method"],
        billing_reason=reason,
        auto_advance=True,
        default_tax_rates=list(subscription["default_tax_rates"]),
        description=subscription["description"],
        discounts=coupons.in_force(state, subscription),
        parent={
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]),
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        },
        period_end=span.end,
        period_start=span.start,
    )
    invoice["payment_settings"]["payment_method_types"] = subscription["payment_settings"][
        "payment_method_types"
    ]
    if subscription["collection_method"] == "send_invoice":
        invoice["due_date"] = state.now() + (subscription["days_until_due"] or 0) * _DAY
    return invoice


def new(state: StripeState, customer: str, **fields: Any) -> StripeObject:
    """An empty draft for a customer."""
    buyer = state.get("customer", customer)
    invoice = state.new(
        "invoice",
        customer=customer,
        customer_address=buyer["address"],
        customer_email=buyer["email"],
        customer_name=buyer["name"],
        customer_phone=buyer["phone"],
        customer_tax_exempt=buyer["tax_exempt"],
        **fields,
    )
    invoice["lines"] = as_list([], f"/v1/invoices/{invoice['id']}/lines")
    return invoice


def seal(state: StripeState, invoice: StripeObject, lines: Sequence[StripeObject]) -> StripeObject:
    """Put the lines on a draft, add it up and announce it."""
    for line in lines:
        line["invoice"] = invoice["id"]
    invoice["lines"]["data"] = list(lines)
    tally(state, invoice)
    _use_up(state, invoice)
    state.emit("invoice.created", invoice)
    return invoice


def finalize(state: StripeState, invoice: StripeObject) -> None:
    """From draft to open: the balance applied, a number, an intent for what is due.

    Raises:
        ApiError: it is no draft.
    """
    if invoice["status"] != "draft":
        raise ApiError(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    tally(state, invoice)
    _apply_balance(state, invoice, state.get("customer", invoice["customer"]))
    _use_up_of_customer(state, invoice)
    number(state, invoice)
    if invoice["amount_due"]:
        _request_payment(state, invoice)


def number(state: StripeState, invoice: StripeObject) -> None:
    """Open an invoice under the customer's next number."""
    customer = state.get("customer", invoice["customer"])
    sequence = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] = sequence + 1
    now = state.now()
    invoice |= {
        "automatically_finalizes_at": None,
        "effective_at": now,
        "hosted_invoice_url": f"{state.base_url()}/i/{invoice['id']}",
        "invoice_pdf": f"{state.base_url()}/i/{invoice['id']}/pdf",
        "number": f"{customer['invoice_prefix']}-{sequence:04d}",
        "status": "open",
        "webhooks_delivered_at": now,
    }
    invoice["status_transitions"]["finalized_at"] = now
    state.emit_change("invoice.finalized", invoice)


def details_of(invoice: StripeObject) -> Mapping[str, Any]:
    """The ``subscription_details`` of an invoice's parent; empty for a manual invoice."""
    details: Mapping[str, Any] = (invoice["parent"] or {}).get("subscription_details") or {}
    return details


def _use_up(state: StripeState, invoice: StripeObject) -> None:
    """A coupon of duration ``once`` counts for one invoice of the subscription."""
    key = details_of(invoice).get("subscription")
    if not key:
        return
    subscription = state.get("subscription", key)
    used = {each["discount"] for each in invoice["total_discount_amounts"]}
    subscription["discounts"] = [
        each
        for each in coupons.lasting(state, subscription["discounts"], state.now())
        if not (each in used and coupons.coupon_of(state, each)["duration"] == "once")
    ]


def _use_up_of_customer(state: StripeState, invoice: StripeObject) -> None:
    """His coupon of duration ``once`` counts for the first invoice from which it takes anything."""
    customer = state.get("customer", invoice["customer"])
    taken = {one["discount"] for one in invoice["total_discount_amounts"] if one["amount"]}
    key = customer["discount"]
    if key in taken and coupons.coupon_of(state, key)["duration"] == "once":
        coupons.take_away(state, customer)


def _apply_balance(state: StripeState, invoice: StripeObject, customer: StripeObject) -> None:
    """What the balance pays, and what is left for it: a credit, or less than can be charged."""
    before = customer["balance"]
    owed = invoice["total"] + before
    least = charging.minimum(invoice["currency"])
    automatic = invoice["collection_method"] == "charge_automatically"
    due = 0 if owed <= 0 or (automatic and owed < least) else owed
    after = owed - due
    invoice |= {
        "amount_due": due,
        "amount_remaining": due,
        "ending_balance": after,
        "starting_balance": before,
    }
    if after != before:
        customers.adjust_balance(
            state,
            customer,
            after - before,
            code=invoice["currency"],
            why={"invoice": invoice["id"], "type": "applied_to_invoice"},
        )


def _request_payment(state: StripeState, invoice: StripeObject) -> None:
    intent = charging.new_intent(
        state,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description=invoice["description"] or f"Payment for Invoice {invoice['number']}",
        _invoice=invoice["id"],
    )
    invoice["_payment_intent"] = intent["id"]
    payment = state.new(
        "invoice_payment",
        amount_requested=invoice["amount_due"],
        currency=invoice["currency"],
        invoice=invoice["id"],
        payment={"payment_intent": intent["id"], "type": "payment_intent"},
    )
    invoice["_payment"] = payment["id"]
