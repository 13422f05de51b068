"""Invoices that are not there yet: what a change or the next renewal would bill.

https://docs.stripe.com/api/invoices/create_preview. A preview rehearses the very change
that it is asked about, so it has the lines that the change will have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bridge.sandbox.stripe_errors import ApiError, StripeObject, missing
from bridge.sandbox.stripe_parameters import (
    Kind,
    boolean,
    clearable,
    currency,
    either,
    list_of,
    metadata,
    natural,
    nested,
    one_of,
    text,
)
from bridge.sandbox.stripe_resources import (
    coupons,
    customers,
    schedule_phases,
    subscription_billing,
    subscription_changes,
    subscriptions,
)
from bridge.sandbox.stripe_resources.invoice_items import FIELDS
from bridge.sandbox.stripe_resources.subscription_parts import (
    PRORATION_BEHAVIOR,
    period_of,
)
from bridge.sandbox.stripe_resources.subscription_status import ENDED
from bridge.sandbox.stripe_routes import Call, Route, post
from bridge.sandbox.stripe_shapes import Shown
from bridge.sandbox.stripe_state import StripeState

_DETAILS: Final[Mapping[str, Kind]] = {
    "billing_cycle_anchor": either("now", either("unchanged", natural)),
    "billing_mode": nested({"type": one_of("classic")}),
    "cancel_at": clearable(natural),
    "cancel_at_period_end": boolean,
    "cancel_now": boolean,
    "default_tax_rates": clearable(list_of(text)),
    "items": list_of(subscription_changes.CHANGED_ITEM),
    "metadata": metadata,
    "proration_behavior": PRORATION_BEHAVIOR,
    "proration_date": natural,
    "trial_end": either("now", natural),
}


def create(call: Call) -> StripeObject:
    """POST /v1/invoices/create_preview."""
    state, params = call.state, call.params
    details = dict(params.get("subscription_details", {}))
    with state.rehearsal():
        if params.get("subscription"):
            invoice = _of_change(state, params, details)
        else:
            invoice = _of_beginning(state, params, details)
        return Shown(state.show(_as_preview(invoice), call.shape))


def renewal(state: StripeState, key: str) -> StripeObject:
    """The invoice of a subscription's next renewal.

    Raises:
        ApiError: ``invoice_upcoming_none``, it will not be renewed.
    """
    with state.rehearsal():
        return _as_preview(_renewal(state, state.get("subscription", key)))


def _of_change(
    state: StripeState, params: Mapping[str, Any], details: dict[str, Any]
) -> StripeObject:
    subscription = state.named("subscription", params["subscription"], "subscription")
    if params.get("customer", subscription["customer"]) != subscription["customer"]:
        raise ApiError(
            f"The subscription does not belong to customer {params['customer']}.",
            param="subscription",
        )
    subscription_billing.add_one_offs(state, subscription, params.get("invoice_items", ()))
    if details.pop("cancel_now", False):
        prorates = details.get("proration_behavior", "create_prorations") != "none"
        subscriptions.end_now(state, subscription, invoices=False, prorates=prorates)
        return subscription_billing.bill(
            state, subscription, [], reason="subscription_update", span=period_of(subscription)
        )
    if "discounts" in params:
        details["discounts"] = params["discounts"]
    changed = subscription_changes.change(state, subscription, details, collects=False)
    return changed.invoice or _renewal(state, subscription)


def _renewal(state: StripeState, subscription: StripeObject) -> StripeObject:
    """The draft of the next renewal, at its time, after what is scheduled for it."""
    ends = period_of(subscription).end
    stops = subscription["cancel_at"] is not None and subscription["cancel_at"] <= ends
    if stops or subscription["status"] in ENDED:
        raise ApiError(
            f"No upcoming invoices for customer: '{subscription['customer']}'",
            status=404,
            code="invoice_upcoming_none",
        )
    with state.at(ends):
        schedule = state.look("subscription_schedule", subscription["schedule"] or "")
        if schedule and schedule_phases.next_due(state, schedule) == ends:
            schedule_phases.wake(state, schedule, collects=False)
            if period_of(subscription).start == ends:
                return state.get("invoice", subscription["latest_invoice"])
        return subscription_billing.renew(state, subscription)


def _of_beginning(
    state: StripeState, params: Mapping[str, Any], details: dict[str, Any]
) -> StripeObject:
    """The first invoice of a subscription that nobody has begun."""
    if not details.get("items"):
        raise missing("subscription")
    if params.get("customer"):
        customer = customers.living(state, params["customer"])
    else:
        customer = customers.make(state)
    strange = details.keys() & {"cancel_now", "proration_date"}
    if strange:
        raise ApiError(f"{min(strange)} needs a subscription.", param=min(strange))
    wanted = {
        **details,
        "add_invoice_items": params.get("invoice_items", ()),
        "payment_behavior": "default_incomplete",
        "_collects": False,
    }
    if details.get("billing_cycle_anchor") in ("now", "unchanged"):
        del wanted["billing_cycle_anchor"]
    if params.get("discounts"):
        wanted["discounts"] = params["discounts"]
    subscription = subscriptions.begin(state, customer, wanted)
    return state.get("invoice", subscription["latest_invoice"])


def _as_preview(invoice: StripeObject) -> StripeObject:
    """A preview has ids of its own, and a time at which it would be charged."""
    invoice["id"] = f"upcoming_{invoice['id']}"
    invoice["lines"]["url"] = f"/v1/invoices/{invoice['id']}/lines"
    for line in invoice["lines"]["data"]:
        line["id"] = line["id"].replace("il_", "il_tmp_", 1)
        line["invoice"] = invoice["id"]
    invoice["next_payment_attempt"] = invoice["created"]
    invoice["automatically_finalizes_at"] = None
    if invoice["billing_reason"] == "subscription_cycle":
        invoice["billing_reason"] = "upcoming"
    return invoice


ROUTES: tuple[Route, ...] = (
    post(
        "/v1/invoices/create_preview",
        create,
        {
            "currency": currency,
            "customer": text,
            "discounts": coupons.DISCOUNTS,
            "invoice_items": list_of(nested(FIELDS)),
            "preview_mode": one_of("next"),
            "subscription": text,
            "subscription_details": nested(_DETAILS),
        },
    ),
)
