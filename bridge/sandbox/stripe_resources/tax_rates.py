"""Tax rates."""

from __future__ import annotations

from bridge.sandbox.stripe_errors import StripeObject
from bridge.sandbox.stripe_parameters import (
    boolean,
    clearable,
    decimal,
    merge_metadata,
    metadata,
    text,
    time_filter,
    within,
)
from bridge.sandbox.stripe_routes import Call, Route, get, listing, paged, post, retrieving

_TEXTS = ("country", "description", "display_name", "jurisdiction", "state", "tax_type")
_CHANGEABLE = {
    "active": boolean,
    "country": text,
    "description": text,
    "display_name": text,
    "jurisdiction": text,
    "metadata": clearable(metadata),
    "state": text,
    "tax_type": text,
}


def create(call: Call) -> StripeObject:
    """POST /v1/tax_rates."""
    rate = call.state.new("tax_rate", inclusive=call.params["inclusive"])
    rate["percentage"] = float(call.params["percentage"])
    _set(call, rate)
    call.state.emit("tax_rate.created", rate)
    return rate


def update(call: Call) -> StripeObject:
    """POST /v1/tax_rates/{id}: everything but the percentage."""
    rate = call.get("tax_rate")
    _set(call, rate)
    call.state.emit_change("tax_rate.updated", rate)
    return rate


def _set(call: Call, rate: StripeObject) -> None:
    for name in (*_TEXTS, "active"):
        if name in call.params:
            rate[name] = call.params[name]
    if "metadata" in call.params:
        rate["metadata"] = merge_metadata(rate["metadata"], call.params["metadata"])


def _fits(call: Call, rate: StripeObject) -> bool:
    plain = all(
        rate[name] == call.params[name] for name in ("active", "inclusive") if name in call.params
    )
    return plain and within(call.params.get("created"), rate["created"])


ROUTES: tuple[Route, ...] = (
    post(
        "/v1/tax_rates",
        create,
        {**_CHANGEABLE, "inclusive": boolean, "percentage": decimal},
        "display_name",
        "inclusive",
        "percentage",
    ),
    get(
        "/v1/tax_rates",
        listing("tax_rate", _fits),
        paged(active=boolean, created=time_filter, inclusive=boolean),
    ),
    get("/v1/tax_rates/{id}", retrieving("tax_rate")),
    post("/v1/tax_rates/{id}", update, _CHANGEABLE),
)
