"""The phases of a subscription schedule, and how one follows another.

https://docs.stripe.com/billing/subscriptions/subscription-schedules. At the start of a
phase its items replace all items of the subscription, with the phase's own proration
behaviour. When the last one ends the subscription is released or canceled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bridge.sandbox.stripe_errors import ApiError, StripeObject, invalid, missing
from bridge.sandbox.stripe_parameters import (
    Kind,
    boolean,
    check_exclusive,
    clearable,
    currency,
    either,
    list_of,
    merge_metadata,
    metadata,
    natural,
    nested,
    one_of,
    text,
)
from bridge.sandbox.stripe_periods import Cycle
from bridge.sandbox.stripe_resources import coupons, prices, subscription_changes
from bridge.sandbox.stripe_resources.subscription_parts import (
    ITEM,
    ONE_OFF,
    PRORATION_BEHAVIOR,
    items_of,
    tax_rates,
)
from bridge.sandbox.stripe_resources.subscription_status import end
from bridge.sandbox.stripe_state import StripeState

PHASE: Final[Kind] = nested(
    {
        "add_invoice_items": list_of(ONE_OFF),
        "billing_cycle_anchor": one_of("automatic", "phase_start"),
        "collection_method": one_of("charge_automatically", "send_invoice"),
        "currency": currency,
        "default_payment_method": text,
        "default_tax_rates": clearable(list_of(text)),
        "description": clearable(text),
        "discounts": coupons.DISCOUNTS,
        "duration": nested(
            {"interval": one_of("day", "week", "month", "year"), "interval_count": natural},
            required=("interval",),
        ),
        "end_date": either("now", natural),
        "items": list_of(nested(ITEM)),
        "iterations": natural,
        "metadata": metadata,
        "proration_behavior": PRORATION_BEHAVIOR,
        "start_date": either("now", natural),
        "trial": boolean,
        "trial_end": natural,
    },
    required=("items",),
)


def make_phases(
    state: StripeState, sent: Sequence[Mapping[str, Any]], *, start: int
) -> list[StripeObject]:
    """The phases, one after the other from ``start``.

    Raises:
        ApiError: a gap, a phase without items, or without an end.
    """
    phases = []
    for number, each in enumerate(sent):
        param = f"phases[{number}]"
        begins = each.get("start_date", start)
        begins = state.now() if begins == "now" else begins
        if begins != start:
            raise invalid(
                "The start date of a phase must be the end date of the one before.",
                f"{param}[start_date]",
            )
        phase = _phase(state, each, begins, param=param)
        phases.append(phase)
        start = phase["end_date"]
    return phases


def phase_of(subscription: StripeObject, start: int, ends: int) -> StripeObject:
    """A phase that is the subscription as it is."""
    return {
        **_EMPTY,
        "currency": subscription["currency"],
        "discounts": [_shown({"discount": key}) for key in subscription["discounts"]],
        "end_date": ends,
        "items": [
            _item(item["price"], item["quantity"], dict(item["metadata"]), list(item["tax_rates"]))
            for item in items_of(subscription)
        ],
        "metadata": {},
        "start_date": start,
        "trial_end": subscription["trial_end"] if subscription["status"] == "trialing" else None,
    }


def next_due(state: StripeState, schedule: StripeObject) -> int | None:
    """When the next phase starts, or the last one ends."""
    if schedule["status"] == "not_started":
        return int(schedule["phases"][0]["start_date"])
    current = schedule["current_phase"]
    return int(current["end_date"]) if schedule["status"] == "active" and current else None


def wake(state: StripeState, schedule: StripeObject, *, collects: bool = True) -> None:
    """Go on to the next phase, or end."""
    now = state.now()
    following = next((each for each in schedule["phases"] if each["start_date"] >= now), None)
    if following:
        enter(state, schedule, following, collects=collects)
        state.emit_change("subscription_schedule.updated", schedule)
    elif schedule["end_behavior"] == "cancel":
        subscription = state.get("subscription", schedule["subscription"])
        schedule |= {"completed_at": now, "current_phase": None, "status": "completed"}
        subscription["schedule"] = None
        state.emit_change("subscription_schedule.completed", schedule)
        end(state, subscription, reason="cancellation_requested")
    else:
        release(state, schedule)


def enter(
    state: StripeState,
    schedule: StripeObject,
    phase: StripeObject,
    *,
    collects: bool = True,
    behavior: str | None = None,
) -> None:
    """Let the phase be the current one: the subscription becomes what it says."""
    schedule["current_phase"] = {
        "end_date": phase["end_date"],
        "start_date": phase["start_date"],
    }
    subscription = state.get("subscription", schedule["subscription"])
    params: dict[str, Any] = {
        "items": subscription_changes.replace_items(subscription, _wanted(phase)),
        "proration_behavior": behavior or phase["proration_behavior"],
    }
    if phase["billing_cycle_anchor"] == "phase_start":
        params["billing_cycle_anchor"] = "now"
    if phase["trial_end"] and phase["trial_end"] > state.now():
        params["trial_end"] = phase["trial_end"]
    if phase["metadata"]:
        params["metadata"] = phase["metadata"]
    # A phase that names no discounts has none.
    params["discounts"] = phase.get("_discounts")
    if phase.get("_add_invoice_items"):
        params["add_invoice_items"] = phase["_add_invoice_items"]
    for name in ("collection_method", "default_payment_method", "description"):
        if phase[name]:
            params[name] = phase[name]
    subscription_changes.change(state, subscription, params, collects=collects)


def keep_on(state: StripeState, schedule: StripeObject, phase: StripeObject) -> None:
    """Let a phase that was sent again go on as the current one: only its discounts may differ."""
    schedule["current_phase"] = {
        "end_date": phase["end_date"],
        "start_date": phase["start_date"],
    }
    subscription = state.get("subscription", schedule["subscription"])
    subscription["discounts"] = coupons.redeem(
        state,
        phase.get("_discounts") or [],
        of={"subscription": subscription["id"]},
        param="phases[0][discounts]",
    )


def release(state: StripeState, schedule: StripeObject) -> None:
    """Let go of the subscription, which stays as it is."""
    subscription = state.get("subscription", schedule["subscription"])
    subscription["schedule"] = None
    schedule |= {
        "current_phase": None,
        "released_at": state.now(),
        "released_subscription": subscription["id"],
        "status": "released",
        "subscription": None,
    }
    state.emit_change("subscription_schedule.released", schedule)
    state.emit_change("customer.subscription.updated", subscription)


def beginning(phase: StripeObject) -> dict[str, Any]:
    """The parameters by which a subscription begins as this phase."""
    params: dict[str, Any] = {"items": _wanted(phase), "metadata": phase["metadata"]}
    if phase["trial_end"]:
        params["trial_end"] = phase["trial_end"]
    for name in ("collection_method", "default_payment_method", "description"):
        if phase[name]:
            params[name] = phase[name]
    for name in ("_add_invoice_items", "_discounts"):
        if phase.get(name):
            params[name.removeprefix("_")] = phase[name]
    return params


def _wanted(phase: StripeObject) -> list[dict[str, Any]]:
    return [
        {
            "metadata": item["metadata"],
            "price": item["price"],
            "quantity": item["quantity"],
            "tax_rates": [rate["id"] for rate in item["tax_rates"]],
        }
        for item in phase["items"]
    ]


def _phase(state: StripeState, sent: Mapping[str, Any], begins: int, *, param: str) -> StripeObject:
    check_exclusive(sent, "end_date", "duration", "iterations")
    if not sent["items"]:
        raise missing(f"{param}[items]")
    found = []
    items = []
    for number, each in enumerate(sent["items"]):
        price = prices.chosen(state, each, param=f"{param}[items][{number}]", recurring=True)
        found.append(price)
        items.append(
            _item(
                price["id"],
                each.get("quantity", 1),
                merge_metadata({}, each.get("metadata", {})),
                tax_rates(state, each.get("tax_rates")),
            )
        )
    ends = _end(state, sent, begins, prices.cycle_of(found[0]))
    if ends <= begins:
        raise invalid("The end date of a phase must be after its start.", f"{param}[end_date]")
    phase = {
        **_EMPTY,
        "currency": found[0]["currency"],
        "discounts": [_shown(each) for each in sent.get("discounts") or ()],
        "end_date": ends,
        "items": items,
        "metadata": merge_metadata({}, sent.get("metadata", {})),
        "start_date": begins,
        "trial_end": ends if sent.get("trial") else sent.get("trial_end"),
        "_add_invoice_items": sent.get("add_invoice_items"),
        "_discounts": sent.get("discounts"),
    }
    for name in (
        "billing_cycle_anchor",
        "collection_method",
        "default_payment_method",
        "description",
        "proration_behavior",
    ):
        phase[name] = sent.get(name, phase[name])
    phase["default_tax_rates"] = tax_rates(state, sent.get("default_tax_rates"))
    return phase


def _end(state: StripeState, sent: Mapping[str, Any], begins: int, cycle: Cycle) -> int:
    if sent.get("end_date") == "now":
        return state.now()
    if sent.get("end_date"):
        return int(sent["end_date"])
    if sent.get("duration"):
        length = sent["duration"]
        return Cycle(length["interval"], length.get("interval_count", 1)).boundary(begins, 1)
    count = sent.get("iterations", 1)
    if not count:
        raise ApiError("iterations must be at least 1.", param="iterations")
    return cycle.boundary(begins, count)


def _shown(discount: Mapping[str, Any]) -> dict[str, Any]:
    return {"coupon": None, "discount": None, "promotion_code": None, **discount}


def _item(
    price: str, quantity: int, extra: dict[str, str], rates: list[StripeObject]
) -> StripeObject:
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": extra,
        "plan": price,
        "price": price,
        "quantity": quantity,
        "tax_rates": rates,
    }


_EMPTY: Final[Mapping[str, Any]] = {
    "add_invoice_items": [],
    "application_fee_percent": None,
    "billing_cycle_anchor": None,
    "billing_thresholds": None,
    "collection_method": None,
    "currency": None,
    "default_payment_method": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "end_date": None,
    "invoice_settings": None,
    "items": [],
    "metadata": {},
    "on_behalf_of": None,
    "proration_behavior": "create_prorations",
    "start_date": None,
    "transfer_data": None,
    "trial_end": None,
}
"""A phase as Stripe shows it, with nothing set."""
