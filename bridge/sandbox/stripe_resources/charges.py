"""Charges, to look at."""

from __future__ import annotations

from bridge.sandbox.stripe_errors import StripeObject
from bridge.sandbox.stripe_parameters import (
    clearable,
    merge_metadata,
    metadata,
    text,
    time_filter,
    within,
)
from bridge.sandbox.stripe_routes import (
    Call,
    Route,
    get,
    listing,
    matching,
    paged,
    post,
    retrieving,
)

_NAMED = matching("customer", "payment_intent")


def update(call: Call) -> StripeObject:
    """POST /v1/charges/{id}."""
    charge, params = call.get("charge"), call.params
    charge["description"] = params.get("description", charge["description"])
    if "metadata" in params:
        charge["metadata"] = merge_metadata(charge["metadata"], params["metadata"])
    call.state.emit_change("charge.updated", charge)
    return charge


ROUTES: tuple[Route, ...] = (
    get(
        "/v1/charges",
        listing(
            "charge",
            lambda call, charge: (
                _NAMED(call, charge) and within(call.params.get("created"), charge["created"])
            ),
        ),
        paged(created=time_filter, customer=text, payment_intent=text),
    ),
    get("/v1/charges/{id}", retrieving("charge")),
    post("/v1/charges/{id}", update, {"description": clearable(text), "metadata": metadata}),
)
