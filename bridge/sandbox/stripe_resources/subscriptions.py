"""Subscriptions: begun, shown, listed, ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bridge.sandbox.stripe_errors import ApiError, StripeObject, invalid
from bridge.sandbox.stripe_parameters import (
    Kind,
    boolean,
    check_exclusive,
    clearable,
    currency,
    either,
    list_of,
    natural,
    nested,
    one_of,
    text,
    time_filter,
    within,
)
from bridge.sandbox.stripe_periods import Cycle, Span
from bridge.sandbox.stripe_proration import prorate
from bridge.sandbox.stripe_resources import (
    collection,
    customers,
    subscription_billing,
    subscription_changes,
)
from bridge.sandbox.stripe_resources.subscription_parts import (
    ITEM,
    PAYMENT_BEHAVIOR,
    PRORATION_BEHAVIOR,
    SHARED,
    check_alike,
    items_of,
    new_item,
    period_of,
    priced,
    set_cancellation,
    set_items,
    set_period,
    set_shared,
)
from bridge.sandbox.stripe_resources.subscription_status import ENDED, end
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

_DAY = 86_400
_CANCELLATION: Final[Kind] = nested(
    {
        "comment": clearable(text),
        "feedback": clearable(
            one_of(
                "customer_service",
                "low_quality",
                "missing_features",
                "other",
                "switched_service",
                "too_complex",
                "too_expensive",
                "unused",
            )
        ),
    }
)
CREATE: Final[Mapping[str, Kind]] = {
    **SHARED,
    "billing_cycle_anchor": natural,
    "billing_cycle_anchor_config": nested(
        {
            "day_of_month": natural,
            "hour": natural,
            "minute": natural,
            "month": natural,
            "second": natural,
        },
        required=("day_of_month",),
    ),
    "billing_mode": nested({"type": one_of("classic")}, required=("type",)),
    "currency": currency,
    "customer": text,
    "items": list_of(nested(ITEM)),
    "trial_end": either("now", natural),
    "trial_period_days": natural,
}


def create(call: Call) -> StripeObject:
    """POST /v1/subscriptions."""
    customer = customers.living(call.state, call.params["customer"])
    return begin(call.state, customer, call.params)


def begin(
    state: StripeState, customer: StripeObject, params: Mapping[str, Any], *, early: bool = False
) -> StripeObject:
    """Begin a subscription and collect its first invoice.

    ``early`` announces it before it is paid, as Checkout does.

    Raises:
        ApiError: something in ``params`` cannot be, or ``error_if_incomplete`` was asked.
    """
    behavior = params.get("payment_behavior", "allow_incomplete")
    subscription = _draft(state, customer, params)
    subscription_billing.add_one_offs(state, subscription, params.get("add_invoice_items", ()))
    prorates = params.get("proration_behavior", "create_prorations") != "none"
    own = subscription_billing.first_lines(state, subscription, prorates=prorates)
    now = state.now()
    invoice = subscription_billing.bill(
        state, subscription, own, reason="subscription_create", span=Span(now, now)
    )
    if behavior != "default_incomplete":
        subscription_billing.check_payable(state, subscription, invoice)
    if not params.get("_collects", True):
        return subscription
    if early or behavior == "default_incomplete":
        state.emit("customer.subscription.created", subscription)
        subscription_billing.collect_first(state, subscription, invoice, behavior=behavior)
    else:
        subscription_billing.collect_first(state, subscription, invoice, behavior=behavior)
        state.emit("customer.subscription.created", subscription)
    return subscription


def cancel(call: Call) -> StripeObject:
    """DELETE /v1/subscriptions/{id}: now."""
    subscription, params = call.get("subscription"), call.params
    if subscription["status"] in ENDED:
        raise ApiError(
            f"No such subscription: '{call.key}'", status=404, code="resource_missing", param="id"
        )
    subscription["cancellation_details"] |= params.get("cancellation_details", {})
    end_now(
        call.state,
        subscription,
        invoices=params.get("invoice_now", False),
        prorates=params.get("prorate", False),
    )
    return subscription


def end_now(
    state: StripeState, subscription: StripeObject, *, invoices: bool, prorates: bool
) -> None:
    """End at once; credit the unused time and bill what waits, where asked."""
    span = period_of(subscription)
    paid_for = subscription["status"] in ("active", "past_due")
    if prorates and paid_for and span.start <= state.now() < span.end:
        before = priced(state, subscription, items_of(subscription))
        credits_ = prorate(before, [], span=span, at=state.now(), restarts=False)
        subscription_billing.add_prorations(state, subscription, credits_)
    end(state, subscription, reason="cancellation_requested")
    if invoices:
        invoice = subscription_billing.bill(
            state, subscription, [], reason="subscription_update", span=span
        )
        collection.collect(state, invoice)


def update(call: Call) -> StripeObject:
    """POST /v1/subscriptions/{id}."""
    return subscription_changes.change(
        call.state, call.get("subscription"), call.params
    ).subscription


def resume(call: Call) -> StripeObject:
    """POST /v1/subscriptions/{id}/resume: a paused one goes on in a new period."""
    subscription, state = call.get("subscription"), call.state
    if subscription["status"] != "paused":
        raise ApiError("Only paused subscriptions can be resumed.")
    subscription_billing.restart(
        state, subscription, anchored=call.params.get("billing_cycle_anchor", "now") == "now"
    )
    return subscription


def _draft(state: StripeState, customer: StripeObject, params: Mapping[str, Any]) -> StripeObject:
    check_exclusive(params, "trial_end", "trial_period_days")
    check_exclusive(params, "billing_cycle_anchor", "billing_cycle_anchor_config")
    subscription = state.new(
        "subscription",
        customer=customer["id"],
        start_date=state.now(),
        status="incomplete",
    )
    items = [
        new_item(state, subscription["id"], sent, param=f"items[{number}]")
        for number, sent in enumerate(params.get("items", ()))
    ]
    cycle, code = check_alike(state, items)
    set_items(subscription, items)
    subscription["currency"] = code
    customer["currency"] = customer["currency"] or code
    set_shared(state, subscription, params)
    _set_first_period(state, subscription, params, cycle)
    set_cancellation(state, subscription, params)
    return subscription


def _set_first_period(
    state: StripeState, subscription: StripeObject, params: Mapping[str, Any], cycle: Cycle
) -> None:
    now = state.now()
    trial_end = _trial_end(state, subscription, params)
    anchor = _anchor(params, cycle, trial_end or now)
    if trial_end:
        subscription |= {"status": "trialing", "trial_end": trial_end, "trial_start": now}
        span = Span(now, trial_end)
    elif anchor > now:
        span = Span(now, anchor)
    else:
        span = Span(now, cycle.boundary(now, 1))
    subscription["billing_cycle_anchor"] = anchor
    if "billing_cycle_anchor_config" in params:
        config = dict.fromkeys(("day_of_month", "hour", "minute", "month", "second"))
        subscription["billing_cycle_anchor_config"] = {
            **config,
            **params["billing_cycle_anchor_config"],
        }
    set_period(subscription, span)


def _trial_end(
    state: StripeState, subscription: StripeObject, params: Mapping[str, Any]
) -> int | None:
    now = state.now()
    at = params.get("trial_end")
    days = params.get("trial_period_days")
    if days is None and at is None and params.get("trial_from_plan"):
        price = state.get("price", items_of(subscription)[0]["price"])
        days = price["recurring"]["trial_period_days"]
    if days:
        at = now + days * _DAY
    if at in (None, "now"):
        return None
    if at <= now:
        raise invalid(
            "Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end"
        )
    return int(at)


def _anchor(params: Mapping[str, Any], cycle: Cycle, begins: int) -> int:
    config = params.get("billing_cycle_anchor_config")
    if config:
        return _configured(config, cycle, begins)
    anchor = params.get("billing_cycle_anchor")
    if anchor is None:
        return begins
    if not begins <= anchor <= cycle.boundary(begins, 1):
        raise invalid(
            "`billing_cycle_anchor` must be in the future and no later than the next natural "
            "billing date.",
            "billing_cycle_anchor",
        )
    return int(anchor)


def _configured(config: Mapping[str, int], cycle: Cycle, begins: int) -> int:
    """The next time of the configured day; a day that a month lacks is its last."""
    start = datetime.fromtimestamp(begins, UTC)
    first = start.replace(
        day=1,
        month=config.get("month", start.month),
        hour=config.get("hour", start.hour),
        minute=config.get("minute", start.minute),
        second=config.get("second", start.second),
    )
    step = Cycle("year" if "month" in config else "month", 1)
    number = -1
    while True:
        month = step.boundary(int(first.timestamp()), number)
        following = Cycle("month", 1).boundary(month, 1)
        at = min(month + (config["day_of_month"] - 1) * _DAY, following - _DAY)
        if at > begins:
            break
        number += 1
    if at > cycle.boundary(begins, 1):
        raise invalid(
            "The anchor is later than the next natural billing date.", "billing_cycle_anchor_config"
        )
    return at


def _fits(call: Call, subscription: StripeObject) -> bool:
    params = call.params
    status = params.get("status")
    if status is None:
        right = subscription["status"] not in ENDED
    elif status == "ended":
        right = subscription["status"] in ENDED
    else:
        right = status in ("all", subscription["status"])
    span = period_of(subscription)
    return (
        right
        and params.get("customer", subscription["customer"]) == subscription["customer"]
        and params.get("collection_method", subscription["collection_method"])
        == subscription["collection_method"]
        and (
            "price" not in params
            or params["price"] in {item["price"] for item in items_of(subscription)}
        )
        and within(params.get("created"), subscription["created"])
        and within(params.get("current_period_start"), span.start)
        and within(params.get("current_period_end"), span.end)
    )


ROUTES: tuple[Route, ...] = (
    post("/v1/subscriptions", create, CREATE, "customer"),
    get(
        "/v1/subscriptions",
        listing("subscription", _fits),
        paged(
            collection_method=text,
            created=time_filter,
            current_period_end=time_filter,
            current_period_start=time_filter,
            customer=text,
            price=text,
            status=one_of(
                "active",
                "all",
                "canceled",
                "ended",
                "incomplete",
                "incomplete_expired",
                "past_due",
                "paused",
                "trialing",
                "unpaid",
            ),
        ),
    ),
    get("/v1/subscriptions/{id}", retrieving("subscription")),
    post(
        "/v1/subscriptions/{id}",
        update,
        {**subscription_changes.PARAMS, "cancellation_details": _CANCELLATION},
    ),
    delete(
        "/v1/subscriptions/{id}",
        cancel,
        {"cancellation_details": _CANCELLATION, "invoice_now": boolean, "prorate": boolean},
    ),
    post(
        "/v1/subscriptions/{id}/resume",
        resume,
        {
            "billing_cycle_anchor": one_of("now", "unchanged"),
            "payment_behavior": PAYMENT_BEHAVIOR,
            "proration_behavior": PRORATION_BEHAVIOR,
            "proration_date": natural,
        },
    ),
)
