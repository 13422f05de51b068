"""Subscription items as resources of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bridge.sandbox.stripe_errors import StripeObject, missing, no_such
from bridge.sandbox.stripe_listing import page
from bridge.sandbox.stripe_parameters import Kind, natural, text
from bridge.sandbox.stripe_resources import subscription_changes
from bridge.sandbox.stripe_resources.subscription_parts import (
    ITEM,
    PAYMENT_BEHAVIOR,
    PRORATION_BEHAVIOR,
    items_of,
)
from bridge.sandbox.stripe_resources.subscription_status import ENDED
from bridge.sandbox.stripe_routes import Call, Route, delete, get, paged, post

_OF_THE_CHANGE: Final[Mapping[str, Kind]] = {
    "payment_behavior": PAYMENT_BEHAVIOR,
    "proration_behavior": PRORATION_BEHAVIOR,
    "proration_date": natural,
}


def create(call: Call) -> StripeObject:
    """POST /v1/subscription_items."""
    params = call.params
    if not params.get("price") and not params.get("price_data"):
        raise missing("price")
    subscription = call.state.named("subscription", params["subscription"], "subscription")
    before = {item["id"] for item in items_of(subscription)}
    _change(call, subscription, _of_item(params))
    return next(item for item in items_of(subscription) if item["id"] not in before)


def update(call: Call) -> StripeObject:
    """POST /v1/subscription_items/{id}."""
    subscription, _ = _find(call)
    _change(call, subscription, {**_of_item(call.params), "id": call.key})
    return next(item for item in items_of(subscription) if item["id"] == call.key)


def remove(call: Call) -> StripeObject:
    """DELETE /v1/subscription_items/{id}: not the last one."""
    subscription, _ = _find(call)
    _change(call, subscription, {"deleted": True, "id": call.key})
    return {"deleted": True, "id": call.key, "object": "subscription_item"}


def retrieve(call: Call) -> StripeObject:
    """GET /v1/subscription_items/{id}."""
    return _find(call)[1]


def _all(call: Call) -> StripeObject:
    if "subscription" not in call.params:
        raise missing("subscription")
    subscription = call.state.named("subscription", call.params["subscription"], "subscription")
    return page(items_of(subscription), call.params, call.path)


def _find(call: Call) -> tuple[StripeObject, StripeObject]:
    for subscription in call.state.find(
        "subscription",
        lambda each: call.key in {item["id"] for item in items_of(each)},
    ):
        if subscription["status"] not in ENDED:
            item = next(each for each in items_of(subscription) if each["id"] == call.key)
            return subscription, item
    raise no_such("subscription item", call.key)


def _of_item(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in ITEM.keys() & params.keys()}


def _change(call: Call, subscription: StripeObject, item: Mapping[str, Any]) -> None:
    of_change = {name: call.params[name] for name in _OF_THE_CHANGE.keys() & call.params.keys()}
    subscription_changes.change(call.state, subscription, {**of_change, "items": [item]})


ROUTES: tuple[Route, ...] = (
    post(
        "/v1/subscription_items",
        create,
        {**ITEM, **_OF_THE_CHANGE, "subscription": text},
        "subscription",
    ),
    get("/v1/subscription_items", _all, paged(subscription=text)),
    get("/v1/subscription_items/{id}", retrieve),
    post("/v1/subscription_items/{id}", update, {**ITEM, **_OF_THE_CHANGE}),
    delete("/v1/subscription_items/{id}", remove, _OF_THE_CHANGE),
)
