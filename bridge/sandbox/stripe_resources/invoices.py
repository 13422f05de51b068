"""Invoices: made by hand, finalized, paid, voided; and their payments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bridge.sandbox.stripe_errors import ApiError, StripeObject, invalid
from bridge.sandbox.stripe_listing import page
from bridge.sandbox.stripe_parameters import (
    Kind,
    boolean,
    clearable,
    currency,
    list_of,
    merge_metadata,
    metadata,
    natural,
    nested,
    one_of,
    text,
    time_filter,
    within,
)
from bridge.sandbox.stripe_periods import Span
from bridge.sandbox.stripe_resources import charging, collection, coupons, customers, drafts, lines
from bridge.sandbox.stripe_resources.payment_methods import named, owned
from bridge.sandbox.stripe_resources.subscription_parts import tax_rates
from bridge.sandbox.stripe_resources.totals import tally
from bridge.sandbox.stripe_routes import (
    Call,
    Route,
    delete,
    get,
    listing,
    matching,
    paged,
    post,
    retrieving,
)
from bridge.sandbox.stripe_state import StripeState

_HOUR, _DAY = 3600, 86_400
_CHANGEABLE: Final[Mapping[str, Kind]] = {
    "auto_advance": boolean,
    "collection_method": one_of("charge_automatically", "send_invoice"),
    "days_until_due": natural,
    "default_payment_method": clearable(text),
    "default_tax_rates": clearable(list_of(text)),
    "description": clearable(text),
    "discounts": coupons.DISCOUNTS,
    "due_date": natural,
    "footer": clearable(text),
    "metadata": metadata,
}


def create(call: Call) -> StripeObject:
    """POST /v1/invoices: a draft, with what waits for the customer where asked."""
    state, params = call.state, call.params
    subscription = None
    if params.get("subscription"):
        subscription = state.named("subscription", params["subscription"], "subscription")
    customer = customers.living(
        state, params.get("customer") or (subscription or {}).get("customer") or ""
    )
    now = state.now()
    waiting = []
    if subscription:
        invoice = drafts.of_subscription(state, subscription, reason="manual", span=_instant(now))
        waiting = lines.pending(state, customer["id"], subscription["id"])
        if not waiting:
            raise ApiError(
                "Nothing to invoice for subscription", code="invoice_no_subscription_line_items"
            )
    else:
        invoice = drafts.new(
            state,
            customer["id"],
            currency=params.get("currency") or customer["currency"] or "usd",
            discounts=coupons.of_customer(state, customer["id"]),
            period_end=now,
            period_start=now,
        )
        if params.get("pending_invoice_items_behavior") == "include":
            waiting = lines.pending(state, customer["id"], None)
    invoice["auto_advance"] = False
    _set(state, invoice, params)
    if waiting and "currency" not in params:
        invoice["currency"] = waiting[0]["currency"]
    waiting = [thing for thing in waiting if thing["currency"] == invoice["currency"]]
    return drafts.seal(state, invoice, lines.take(state, waiting, invoice["id"]))


def update(call: Call) -> StripeObject:
    """POST /v1/invoices/{id}: all of a draft, of a final one little."""
    invoice, params = call.get("invoice"), call.params
    fixed = params.keys() - {"auto_advance", "default_payment_method", "metadata", "description"}
    if invoice["status"] != "draft" and fixed:
        raise ApiError(
            f"Finalized invoices can't be updated in this way ({min(fixed)}).",
            code="invoice_not_editable",
        )
    _set(call.state, invoice, params)
    if invoice["status"] == "draft":
        tally(call.state, invoice)
    call.state.emit_change("invoice.updated", invoice)
    return invoice


def remove(call: Call) -> StripeObject:
    """DELETE /v1/invoices/{id}: only a draft that is not a subscription's."""
    invoice, state = call.get("invoice"), call.state
    if invoice["status"] != "draft" or drafts.details_of(invoice):
        raise ApiError(
            "You can only delete draft invoices that are not of a subscription.",
            code="invoice_not_editable",
        )
    for thing in state.find("invoiceitem", lambda each: each["invoice"] == invoice["id"]):
        thing["invoice"] = None
    state.emit("invoice.deleted", invoice)
    state.remove(invoice)
    return {"deleted": True, "id": invoice["id"], "object": "invoice"}


def finalize(call: Call) -> StripeObject:
    """POST /v1/invoices/{id}/finalize; with ``auto_advance`` it is charged an hour later."""
    invoice = call.get("invoice")
    drafts.finalize(call.state, invoice)
    if "auto_advance" in call.params:
        invoice["auto_advance"] = call.params["auto_advance"]
    if not invoice["amount_due"]:
        collection.mark_paid(call.state, invoice)
    elif invoice["auto_advance"] and invoice["collection_method"] == "charge_automatically":
        invoice["next_payment_attempt"] = call.state.now() + _HOUR
    return invoice


def pay(call: Call) -> StripeObject:
    """POST /v1/invoices/{id}/pay: now.

    Raises:
        ApiError: 402 when the card is declined or the customer must be asked.
    """
    invoice, state, params = call.get("invoice"), call.state, call.params
    if invoice["status"] == "draft":
        drafts.finalize(state, invoice)
    if invoice["status"] == "paid":
        raise ApiError("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] not in ("open", "uncollectible"):
        raise ApiError(f"This invoice is {invoice['status']} and cannot be paid.")
    if not invoice["amount_due"] or params.get("paid_out_of_band"):
        collection.mark_paid(state, invoice, out_of_band=params.get("paid_out_of_band", False))
        return invoice
    invoice["status"] = "open"
    key = params.get("payment_method")
    if key:
        key = _method(state, key, invoice["customer"])
    elif collection.usual_method(state, invoice) is None:
        raise ApiError(
            "There is no `default_payment_method` set on this Customer or Invoice. Please ensure "
            "that there is a default payment method, or pass one in.",
            code="invoice_payment_intent_requires_action",
        )
    collection.attempt(state, invoice, method=key, present=not params.get("off_session", False))
    intent = state.get("payment_intent", invoice["_payment_intent"])
    if intent["status"] == "requires_payment_method":
        raise charging.refuse(state, intent)
    if intent["status"] == "requires_action":
        raise ApiError(
            "This payment requires additional user action before it can be completed successfully.",
            status=402,
            kind="card_error",
            code="invoice_payment_intent_requires_action",
            keeps_effects=True,
            more={"payment_intent": state.show(intent, call.shape)},
        )
    return invoice


def void(call: Call) -> StripeObject:
    """POST /v1/invoices/{id}/void."""
    invoice = call.get("invoice")
    collection.void(call.state, invoice)
    return invoice


def mark_uncollectible(call: Call) -> StripeObject:
    """POST /v1/invoices/{id}/mark_uncollectible."""
    invoice = call.get("invoice")
    collection.give_up(call.state, invoice)
    return invoice


def send(call: Call) -> StripeObject:
    """POST /v1/invoices/{id}/send."""
    invoice = call.get("invoice")
    if invoice["status"] == "draft":
        drafts.finalize(call.state, invoice)
    call.state.emit("invoice.sent", invoice)
    return invoice


def _lines(call: Call) -> StripeObject:
    return page(call.get("invoice")["lines"]["data"], call.params, call.path)


def _instant(at: int) -> Span:
    return Span(at, at)


def _set(state: StripeState, invoice: StripeObject, params: Mapping[str, Any]) -> None:
    for name in ("auto_advance", "collection_method", "description", "due_date", "footer"):
        if name in params:
            invoice[name] = params[name]
    if "days_until_due" in params:
        if invoice["collection_method"] != "send_invoice":
            raise invalid(
                "You can only set `days_until_due` if the collection_method is `send_invoice`.",
                "days_until_due",
            )
        invoice["due_date"] = state.now() + params["days_until_due"] * _DAY
    if "default_payment_method" in params:
        method = params["default_payment_method"]
        if method:
            owned(state, method, invoice["customer"], param="default_payment_method")
        invoice["default_payment_method"] = method
    if "default_tax_rates" in params:
        invoice["default_tax_rates"] = tax_rates(state, params["default_tax_rates"])
    if "discounts" in params:
        of = {"customer": invoice["customer"], "invoice": invoice["id"]}
        invoice["discounts"] = coupons.redeem(
            state, params["discounts"] or [], of=of, param="discounts"
        )
    if "metadata" in params:
        invoice["metadata"] = merge_metadata(invoice["metadata"], params["metadata"])
    advances = invoice["status"] == "draft" and invoice["auto_advance"]
    invoice["automatically_finalizes_at"] = state.now() + _HOUR if advances else None


def _method(state: StripeState, key: str, customer: str) -> str:
    method = named(state, key)
    if method["customer"] not in (None, customer):
        owned(state, method["id"], customer, param="payment_method")
    return str(method["id"])


def _fits(call: Call, invoice: StripeObject) -> bool:
    params = call.params
    subscription = drafts.details_of(invoice).get("subscription")
    return (
        _NAMED(call, invoice)
        and params.get("subscription", subscription) == subscription
        and within(params.get("created"), invoice["created"])
        and (
            "due_date" not in params
            or (invoice["due_date"] is not None and within(params["due_date"], invoice["due_date"]))
        )
    )


def _payment_fits(call: Call, payment: StripeObject) -> bool:
    params = call.params
    wanted = params.get("payment", {})
    return (
        params.get("invoice", payment["invoice"]) == payment["invoice"]
        and params.get("status", payment["status"]) == payment["status"]
        and all(payment["payment"].get(name) == value for name, value in wanted.items())
        and within(params.get("created"), payment["created"])
    )


_NAMED = matching("customer", "status", "collection_method")

ROUTES: tuple[Route, ...] = (
    post(
        "/v1/invoices",
        create,
        {
            **_CHANGEABLE,
            "currency": currency,
            "customer": text,
            "pending_invoice_items_behavior": one_of("exclude", "include"),
            "subscription": text,
        },
    ),
    get(
        "/v1/invoices",
        listing("invoice", _fits),
        paged(
            collection_method=text,
            created=time_filter,
            customer=text,
            due_date=time_filter,
            status=one_of("draft", "open", "paid", "uncollectible", "void"),
            subscription=text,
        ),
    ),
    get("/v1/invoices/{id}", retrieving("invoice")),
    post("/v1/invoices/{id}", update, _CHANGEABLE),
    delete("/v1/invoices/{id}", remove),
    get("/v1/invoices/{id}/lines", _lines, paged()),
    post("/v1/invoices/{id}/finalize", finalize, {"auto_advance": boolean}),
    post(
        "/v1/invoices/{id}/pay",
        pay,
        {"off_session": boolean, "paid_out_of_band": boolean, "payment_method": text},
    ),
    post("/v1/invoices/{id}/void", void),
    post("/v1/invoices/{id}/mark_uncollectible", mark_uncollectible),
    post("/v1/invoices/{id}/send", send),
    get(
        "/v1/invoice_payments",
        listing("invoice_payment", _payment_fits),
        paged(
            created=time_filter,
            invoice=text,
            payment=nested({"payment_intent": text, "type": text}),
            status=one_of("canceled", "open", "paid"),
        ),
    ),
    get("/v1/invoice_payments/{id}", retrieving("invoice_payment")),
)
