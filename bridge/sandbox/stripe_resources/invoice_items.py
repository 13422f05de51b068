"""Invoice items: what waits for the next invoice, prorations among it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from bridge.domain.money import round_half_away
from bridge.sandbox.stripe_errors import ApiError, StripeObject, missing
from bridge.sandbox.stripe_parameters import (
    boolean,
    clearable,
    currency,
    integer,
    list_of,
    merge_metadata,
    metadata,
    natural,
    nested,
    text,
    time_filter,
    within,
)
from bridge.sandbox.stripe_periods import day_text
from bridge.sandbox.stripe_proration import Proration
from bridge.sandbox.stripe_resources import coupons, customers, lines, prices
from bridge.sandbox.stripe_resources.subscription_parts import tax_rates
from bridge.sandbox.stripe_resources.totals import tally
from bridge.sandbox.stripe_routes import (
    Call,
    Route,
    delete,
    get,
    listing,
    paged,
    post,
    retrieving,
)
from bridge.sandbox.stripe_state import StripeState

FIELDS = {
    "amount": integer,
    "currency": currency,
    "description": text,
    "discountable": boolean,
    "discounts": coupons.DISCOUNTS,
    "metadata": metadata,
    "period": nested({"end": natural, "start": natural}, required=("end", "start")),
    "price": text,
    "price_data": prices.ONCE_DATA,
    "pricing": nested({"price": text}),
    "quantity": natural,
    "subscription": text,
    "tax_rates": clearable(list_of(text)),
}


def one_off(
    state: StripeState, customer: str, sent: Mapping[str, Any], *, param: str = ""
) -> StripeObject:
    """An item of a price or of an amount, waiting for an invoice; not announced yet.

    Raises:
        ApiError: neither or both were sent, or the price is a recurring one.
    """
    subscription = sent.get("subscription")
    quantity = sent.get("quantity", 1)
    named = sent.get("price") or sent.get("pricing", {}).get("price")
    price = None
    if named or sent.get("price_data"):
        price = prices.chosen(state, {**sent, "price": named}, param=param, recurring=False)
        amount = round_half_away(Fraction(Decimal(price["unit_amount_decimal"])) * quantity)
        code, name = price["currency"], lines.product_name(state, price)
    elif "amount" in sent:
        amount, name = sent["amount"], None
        code = sent.get("currency")
        if code is None:
            raise missing("currency")
    else:
        raise missing(f"{param}[price]" if param else "amount")
    now = state.now()
    thing = state.new(
        "invoiceitem",
        at="date",
        amount=amount,
        currency=code,
        customer=customer,
        description=sent.get("description", name),
        discountable=sent.get("discountable", amount >= 0),
        net_amount=amount,
        parent=_parent(subscription),
        period=sent.get("period", {"end": now, "start": now}),
        pricing=lines.pricing_of(price) if price else None,
        quantity=quantity,
        quantity_decimal=str(quantity),
        tax_rates=tax_rates(state, sent.get("tax_rates")),
        _price=price["id"] if price else None,
    )
    thing["metadata"] = merge_metadata({}, sent.get("metadata", {}))
    of = {"customer": customer, "invoice_item": thing["id"]}
    thing["discounts"] = coupons.redeem(
        state, sent.get("discounts") or [], of=of, param="discounts"
    )
    return thing


def of_proration(
    state: StripeState,
    subscription: StripeObject,
    proration: Proration,
    *,
    rates: list[StripeObject],
    credited: StripeObject | None,
) -> StripeObject:
    """The item that a proration becomes, announced."""
    what = proration.of
    price = state.get("price", what.price)
    name = lines.counted(what.quantity, lines.product_name(state, price))
    time = "Unused" if proration.is_credit else "Remaining"
    thing = state.new(
        "invoiceitem",
        at="date",
        amount=proration.amount,
        currency=subscription["currency"],
        customer=subscription["customer"],
        description=f"{time} time on {name} after {day_text(proration.span.start)}",
        discountable=False,
        net_amount=proration.amount,
        parent=_parent(subscription["id"], what.item),
        period={"end": proration.span.end, "start": proration.span.start},
        pricing=lines.pricing_of(price),
        proration=True,
        quantity=what.quantity,
        quantity_decimal=str(what.quantity),
        tax_rates=rates,
        _credited=credited,
        _item=what.item,
        _price=what.price,
    )
    thing["metadata"] = dict(subscription["metadata"])
    state.emit("invoiceitem.created", thing)
    return thing


def create(call: Call) -> StripeObject:
    """POST /v1/invoiceitems: for the next invoice, or for a draft."""
    state, params = call.state, call.params
    customer = customers.living(state, params["customer"])
    if params.get("subscription"):
        state.named("subscription", params["subscription"], "subscription")
    thing = one_off(state, customer["id"], params)
    if params.get("invoice"):
        invoice = state.named("invoice", params["invoice"], "invoice")
        if invoice["status"] != "draft":
            raise ApiError(
                "The specified invoice is not open for editing.", code="invoice_not_editable"
            )
        invoice["lines"]["data"] += lines.take(state, [thing], invoice["id"])
        invoice["lines"]["data"][-1]["invoice"] = invoice["id"]
        tally(state, invoice)
        state.emit_change("invoice.updated", invoice)
    state.emit("invoiceitem.created", thing)
    return thing


def update(call: Call) -> StripeObject:
    """POST /v1/invoiceitems/{id}, while it waits."""
    thing, params = _waiting(call), call.params
    for name in ("amount", "description", "discountable", "period"):
        if name in params:
            thing[name] = params[name]
    if "tax_rates" in params:
        thing["tax_rates"] = tax_rates(call.state, params["tax_rates"])
    thing["net_amount"] = thing["amount"]
    if "metadata" in params:
        thing["metadata"] = merge_metadata(thing["metadata"], params["metadata"])
    call.state.emit_change("invoiceitem.updated", thing)
    return thing


def remove(call: Call) -> StripeObject:
    """DELETE /v1/invoiceitems/{id}, while it waits."""
    thing = _waiting(call)
    call.state.emit("invoiceitem.deleted", thing)
    call.state.remove(thing)
    return {"deleted": True, "id": thing["id"], "object": "invoiceitem"}


def _waiting(call: Call) -> StripeObject:
    thing = call.get("invoiceitem")
    invoice = call.state.look("invoice", thing["invoice"] or "")
    if invoice:
        raise ApiError(
            "This invoice item is already on an invoice and cannot be changed any more.",
            code="invoice_not_editable",
        )
    return thing


def _parent(subscription: str | None, item: str | None = None) -> StripeObject | None:
    if subscription is None:
        return None
    details = {"subscription": subscription}
    if item:
        details["subscription_item"] = item
    return {"subscription_details": details, "type": "subscription_details"}


def _fits(call: Call, thing: StripeObject) -> bool:
    params = call.params
    return (
        params.get("customer", thing["customer"]) == thing["customer"]
        and params.get("invoice", thing["invoice"]) == thing["invoice"]
        and ("pending" not in params or (thing["invoice"] is None) == params["pending"])
        and within(params.get("created"), thing["date"])
    )


ROUTES: tuple[Route, ...] = (
    post("/v1/invoiceitems", create, {**FIELDS, "customer": text, "invoice": text}, "customer"),
    get(
        "/v1/invoiceitems",
        listing("invoiceitem", _fits, at="date"),
        paged(created=time_filter, customer=text, invoice=text, pending=boolean),
    ),
    get("/v1/invoiceitems/{id}", retrieving("invoiceitem")),
    post(
        "/v1/invoiceitems/{id}",
        update,
        {
            name: FIELDS[name]
            for name in ("amount", "description", "discountable", "metadata", "period", "tax_rates")
        },
    ),
    delete("/v1/invoiceitems/{id}", remove),
)
