"""Prices: per-unit amounts, once or recurring."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bridge.sandbox.stripe_errors import ApiError, StripeObject, invalid, missing
from bridge.sandbox.stripe_parameters import (
    Kind,
    boolean,
    check_exclusive,
    clearable,
    currency,
    decimal,
    integer,
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
from bridge.sandbox.stripe_periods import LONGEST, Cycle
from bridge.sandbox.stripe_resources import products
from bridge.sandbox.stripe_routes import Call, Route, get, listing, paged, post, retrieving
from bridge.sandbox.stripe_state import StripeState

_RECURRING = nested(
    {
        "interval": one_of("day", "week", "month", "year"),
        "interval_count": natural,
        "trial_period_days": natural,
        "usage_type": one_of("licensed"),
    },
    required=("interval",),
)
_TAX_BEHAVIOR = one_of("exclusive", "inclusive", "unspecified")
_AMOUNT: Mapping[str, Kind] = {
    "currency": currency,
    "recurring": _RECURRING,
    "tax_behavior": _TAX_BEHAVIOR,
    "unit_amount": natural,
    "unit_amount_decimal": decimal,
}
_PRODUCT_DATA = nested(
    {
        "active": boolean,
        "description": text,
        "id": text,
        "images": list_of(text),
        "metadata": metadata,
        "name": text,
        "statement_descriptor": text,
        "tax_code": text,
        "unit_label": text,
    },
    required=("name",),
)
_CHANGEABLE: Mapping[str, Kind] = {
    "active": boolean,
    "lookup_key": clearable(text),
    "metadata": metadata,
    "nickname": clearable(text),
    "tax_behavior": _TAX_BEHAVIOR,
    "transfer_lookup_key": boolean,
}
_OF_A_PRODUCT: Mapping[str, Kind] = {
    "currency": currency,
    "product": text,
    "tax_behavior": _TAX_BEHAVIOR,
    "unit_amount": natural,
    "unit_amount_decimal": decimal,
}
PRICE_DATA = nested(
    {**_AMOUNT, "product": text, "product_data": _PRODUCT_DATA}, required=("currency",)
)
"""A price made up on the spot for a checkout session, with or without a product."""

RECURRING_DATA = nested(
    {**_OF_A_PRODUCT, "recurring": _RECURRING}, required=("currency", "product", "recurring")
)
"""A price made up for an item of a subscription."""

ONCE_DATA = nested(_OF_A_PRODUCT, required=("currency", "product"))
"""A price made up for an invoice item."""

ONE_OFF_DATA = nested({**_OF_A_PRODUCT, "unit_amount": integer}, required=("currency", "product"))
"""A price made up for ``add_invoice_items``; a negative amount is a credit."""


def make(state: StripeState, fields: Mapping[str, Any], *, param: str = "") -> StripeObject:
    """A new price, announced.

    Raises:
        ApiError: it has no amount, no product, or an interval that is too long.
    """
    check_exclusive(fields, "unit_amount", "unit_amount_decimal")
    unit = fields.get("unit_amount_decimal", fields.get("unit_amount"))
    if unit is None:
        raise missing(f"{param}[unit_amount]" if param else "unit_amount")
    if not fields.get("product") and not fields.get("product_data"):
        raise missing(f"{param}[product]" if param else "product")
    recurring = _recurring(fields["recurring"]) if fields.get("recurring") else None
    if fields.get("product"):
        product = state.named("product", fields["product"], "product")
    else:
        product = products.make(state, fields["product_data"])
    amount = Decimal(unit)
    price = state.new(
        "price",
        active=fields.get("active", True),
        currency=fields["currency"],
        nickname=fields.get("nickname"),
        product=product["id"],
        recurring=recurring,
        tax_behavior=fields.get("tax_behavior", "unspecified"),
        type="recurring" if recurring else "one_time",
        unit_amount=int(amount) if amount == amount.to_integral_value() else None,
        unit_amount_decimal=format(amount.normalize(), "f"),
    )
    price["metadata"] = merge_metadata({}, fields.get("metadata", {}))
    _set_lookup_key(state, price, fields)
    state.emit("price.created", price)
    return price


def create(call: Call) -> StripeObject:
    """POST /v1/prices."""
    return make(call.state, call.params)


def update(call: Call) -> StripeObject:
    """POST /v1/prices/{id}. An amount never changes."""
    price, params = call.get("price"), call.params
    for name in ("active", "nickname", "tax_behavior"):
        if name in params:
            price[name] = params[name]
    if "metadata" in params:
        price["metadata"] = merge_metadata(price["metadata"], params["metadata"])
    _set_lookup_key(call.state, price, params)
    call.state.emit_change("price.updated", price)
    return price


def chosen(
    state: StripeState, item: Mapping[str, Any], *, param: str, recurring: bool
) -> StripeObject:
    """The price that an item names or brings as ``price_data``, which makes an inactive one.

    Raises:
        ApiError: none, an inactive one, or one of the wrong type.
    """
    check_exclusive(item, "price", "price_data")
    if item.get("price_data"):
        price = make(state, {**item["price_data"], "active": False}, param=f"{param}[price_data]")
        price["_inline"] = True
    elif item.get("price"):
        price = state.named("price", item["price"], f"{param}[price]")
    else:
        raise missing(f"{param}[price]")
    if not price["active"] and not price.get("_inline"):
        raise invalid(
            f"The price specified is inactive. This field only accepts active prices. "
            f"({price['id']})",
            f"{param}[price]",
        )
    if recurring != (price["recurring"] is not None):
        wanted, other = ("recurring", "one_time") if recurring else ("one_time", "recurring")
        raise invalid(
            f"The price specified is set to `type={other}` but this field only accepts prices "
            f"with `type={wanted}`.",
            f"{param}[price]",
        )
    return price


def cycle_of(price: StripeObject) -> Cycle:
    """The billing cycle of a recurring price."""
    return Cycle(price["recurring"]["interval"], price["recurring"]["interval_count"])


def _recurring(sent: Mapping[str, Any]) -> StripeObject:
    interval, count = sent["interval"], sent.get("interval_count", 1)
    if not 1 <= count <= LONGEST[interval]:
        raise invalid(
            f"You must specify an interval_count between 1 and {LONGEST[interval]} for the "
            f"interval {interval}.",
            "recurring[interval_count]",
        )
    return {
        "interval": interval,
        "interval_count": count,
        "meter": None,
        "trial_period_days": sent.get("trial_period_days"),
        "usage_type": sent.get("usage_type", "licensed"),
    }


def _set_lookup_key(state: StripeState, price: StripeObject, fields: Mapping[str, Any]) -> None:
    if "lookup_key" not in fields:
        return
    key = fields["lookup_key"]
    others = state.find(
        "price",
        lambda each: key and each["lookup_key"] == key and each["id"] != price["id"],
    )
    for other in others:
        if not fields.get("transfer_lookup_key"):
            raise ApiError(
                f"A price (`{other['id']}`) already uses that lookup key.", param="lookup_key"
            )
        other["lookup_key"] = None
        state.emit_change("price.updated", other)
    price["lookup_key"] = key


def _fits(call: Call, price: StripeObject) -> bool:
    params = call.params
    plain = all(
        price[name] == params[name]
        for name in ("active", "currency", "product", "type")
        if name in params
    )
    recurring = params.get("recurring", {})
    return (
        plain
        and ("lookup_keys" not in params or price["lookup_key"] in params["lookup_keys"])
        and all((price["recurring"] or {}).get(name) == value for name, value in recurring.items())
        and within(params.get("created"), price["created"])
    )


ROUTES: tuple[Route, ...] = (
    post(
        "/v1/prices",
        create,
        {
            **_AMOUNT,
            **_CHANGEABLE,
            "billing_scheme": one_of("per_unit"),
            "product": text,
            "product_data": _PRODUCT_DATA,
        },
        "currency",
    ),
    get(
        "/v1/prices",
        listing("price", _fits),
        paged(
            active=boolean,
            created=time_filter,
            currency=currency,
            lookup_keys=list_of(text),
            product=text,
            recurring=nested({"interval": text, "usage_type": text}),
            type=one_of("recurring", "one_time"),
        ),
    ),
    get("/v1/prices/{id}", retrieving("price")),
    post("/v1/prices/{id}", update, _CHANGEABLE),
)
