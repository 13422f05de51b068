"""Products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.sandbox.stripe_errors import ApiError, StripeObject
from bridge.sandbox.stripe_parameters import (
    boolean,
    clearable,
    list_of,
    merge_metadata,
    metadata,
    text,
    time_filter,
    within,
)
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

_FIELDS = {
    "active": boolean,
    "description": clearable(text),
    "images": clearable(list_of(text)),
    "metadata": metadata,
    "name": text,
    "shippable": boolean,
    "statement_descriptor": text,
    "tax_code": clearable(text),
    "unit_label": clearable(text),
    "url": clearable(text),
}


def make(state: StripeState, fields: Mapping[str, Any]) -> StripeObject:
    """A new product of these fields, announced.

    Raises:
        ApiError: its id is taken.
    """
    product = state.build("product")
    key = fields.get("id")
    if key:
        if state.look("product", key):
            raise ApiError("Product already exists.", code="resource_already_exists", param="id")
        product["id"] = key
    state.keep(product)
    _set(state, product, fields)
    state.emit("product.created", product)
    return product


def create(call: Call) -> StripeObject:
    """POST /v1/products."""
    return make(call.state, call.params)


def update(call: Call) -> StripeObject:
    """POST /v1/products/{id}."""
    product = call.get("product")
    _set(call.state, product, call.params)
    default = call.params.get("default_price")
    if default is not None:
        price = call.state.named("price", default, "default_price")
        product["default_price"] = price["id"]
    call.state.emit_change("product.updated", product)
    return product


def remove(call: Call) -> StripeObject:
    """DELETE /v1/products/{id}: only while it has no price."""
    product = call.get("product")
    if call.state.find("price", lambda price: price["product"] == product["id"]):
        raise ApiError(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    call.state.emit("product.deleted", product)
    call.state.remove(product)
    return {"deleted": True, "id": product["id"], "object": "product"}


def _set(state: StripeState, product: StripeObject, fields: Mapping[str, Any]) -> None:
    for name in _FIELDS.keys() & fields.keys() - {"metadata"}:
        product[name] = [] if name == "images" and not fields[name] else fields[name]
    if "metadata" in fields:
        product["metadata"] = merge_metadata(product["metadata"], fields["metadata"])
    product["updated"] = state.now()


def _fits(call: Call, product: StripeObject) -> bool:
    params = call.params
    return (
        ("active" not in params or product["active"] == params["active"])
        and ("ids" not in params or product["id"] in params["ids"])
        and within(params.get("created"), product["created"])
    )


ROUTES: tuple[Route, ...] = (
    post("/v1/products", create, {**_FIELDS, "id": text}, "name"),
    get(
        "/v1/products",
        listing("product", _fits),
        paged(active=boolean, created=time_filter, ids=list_of(text)),
    ),
    get("/v1/products/{id}", retrieving("product")),
    post("/v1/products/{id}", update, {**_FIELDS, "default_price": text}),
    delete("/v1/products/{id}", remove),
)
