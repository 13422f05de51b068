"""Subscription schedules: made, changed, released, canceled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bridge.sandbox.stripe_errors import ApiError, StripeObject, invalid, missing
from bridge.sandbox.stripe_parameters import (
    Kind,
    boolean,
    either,
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
from bridge.sandbox.stripe_resources import customers, schedule_phases, subscriptions
from bridge.sandbox.stripe_resources.schedule_phases import PHASE, make_phases
from bridge.sandbox.stripe_resources.subscription_parts import (
    PRORATION_BEHAVIOR,
    period_of,
)
from bridge.sandbox.stripe_resources.subscription_status import ENDED
from bridge.sandbox.stripe_routes import Call, Route, get, listing, paged, post, retrieving
from bridge.sandbox.stripe_state import StripeState

_CHANGEABLE: Final[Mapping[str, Kind]] = {
    "default_settings": nested({"default_payment_method": text}),
    "end_behavior": one_of("cancel", "release"),
    "metadata": metadata,
    "phases": list_of(PHASE),
}


def create(call: Call) -> StripeObject:
    """POST /v1/subscription_schedules: from a subscription, or for one that is to begin."""
    state, params = call.state, call.params
    if params.get("from_subscription"):
        return _of_subscription(call)
    if not params.get("customer"):
        raise missing("customer")
    if not params.get("phases"):
        raise missing("phases")
    customer = customers.living(state, params["customer"])
    now = state.now()
    start = params.get("start_date", now)
    start = now if start == "now" else start
    schedule = state.new(
        "subscription_schedule",
        customer=customer["id"],
        phases=make_phases(state, params["phases"], start=start),
        status="not_started",
    )
    _set(schedule, params)
    state.emit("subscription_schedule.created", schedule)
    if start <= now:
        _begin(state, schedule)
    return schedule


def update(call: Call) -> StripeObject:
    """POST /v1/subscription_schedules/{id}: phases replace those that are there."""
    schedule, state, params = _live(call), call.state, call.params
    _set(schedule, params)
    if "phases" in params:
        _replace_phases(state, schedule, params)
    state.emit_change("subscription_schedule.updated", schedule)
    return schedule


def release(call: Call) -> StripeObject:
    """POST /v1/subscription_schedules/{id}/release."""
    schedule = _live(call)
    if not schedule["subscription"]:
        raise ApiError("You can only release a schedule that has a subscription.")
    schedule_phases.release(call.state, schedule)
    return schedule


def cancel(call: Call) -> StripeObject:
    """POST /v1/subscription_schedules/{id}/cancel: the subscription too, at once."""
    schedule, state, params = _live(call), call.state, call.params
    subscription = state.look("subscription", schedule["subscription"] or "")
    schedule |= {"canceled_at": state.now(), "current_phase": None, "status": "canceled"}
    state.emit_change("subscription_schedule.canceled", schedule)
    if subscription:
        subscriptions.end_now(
            state,
            subscription,
            invoices=params.get("invoice_now", True),
            prorates=params.get("prorate", True),
        )
    return schedule


def next_due(state: StripeState, schedule: StripeObject) -> int | None:
    """When a schedule goes on by itself."""
    return schedule_phases.next_due(state, schedule)


def wake(state: StripeState, schedule: StripeObject) -> None:
    """Begin the subscription, or go on to the next phase."""
    if schedule["status"] == "not_started":
        _begin(state, schedule)
    else:
        schedule_phases.wake(state, schedule)


def _of_subscription(call: Call) -> StripeObject:
    state, params = call.state, call.params
    strange = params.keys() & {"customer", "phases", "start_date", "end_behavior"}
    if strange:
        raise invalid(
            f"You cannot set `{min(strange)}` if `from_subscription` is set.", min(strange)
        )
    subscription = state.named("subscription", params["from_subscription"], "from_subscription")
    if subscription["status"] in ENDED:
        raise ApiError("You cannot migrate a subscription that is canceled.")
    if subscription["schedule"]:
        raise ApiError(
            "You cannot migrate a subscription that is already attached to a schedule: "
            f"{subscription['schedule']}."
        )
    span = period_of(subscription)
    phase = schedule_phases.phase_of(subscription, span.start, span.end)
    schedule = state.new(
        "subscription_schedule",
        current_phase={"end_date": span.end, "start_date": span.start},
        customer=subscription["customer"],
        phases=[phase],
        status="active",
        subscription=subscription["id"],
    )
    _set(schedule, params)
    if subscription["cancel_at_period_end"]:
        schedule["end_behavior"] = "cancel"
        subscription |= {"cancel_at": None, "cancel_at_period_end": False}
    subscription["schedule"] = schedule["id"]
    state.emit("subscription_schedule.created", schedule)
    state.emit_change("customer.subscription.updated", subscription)
    return schedule


def _begin(state: StripeState, schedule: StripeObject) -> None:
    phase = schedule["phases"][0]
    customer = state.get("customer", schedule["customer"])
    default = schedule["default_settings"]["default_payment_method"]
    params = schedule_phases.beginning(phase)
    if default:
        params.setdefault("default_payment_method", default)
    subscription = subscriptions.begin(state, customer, params)
    subscription["schedule"] = schedule["id"]
    schedule |= {
        "current_phase": {"end_date": phase["end_date"], "start_date": phase["start_date"]},
        "status": "active",
        "subscription": subscription["id"],
    }
    state.emit_change("customer.subscription.updated", subscription)
    state.emit_change("subscription_schedule.updated", schedule)


def _replace_phases(state: StripeState, schedule: StripeObject, params: Mapping[str, Any]) -> None:
    former, current = schedule["phases"], schedule["current_phase"]
    start = former[0]["start_date"]
    if current:
        first = params["phases"][0].get("start_date", current["start_date"])
        starts = {phase["start_date"] for phase in former}
        if first not in starts or first > current["start_date"]:
            raise invalid(
                "You can not modify the start date of the current phase.",
                "phases[0][start_date]",
            )
        start = first
    schedule["phases"] = make_phases(state, params["phases"], start=start)
    if not current:
        return
    now = state.now()
    running = next(
        (each for each in schedule["phases"] if each["start_date"] <= now < each["end_date"]), None
    )
    if running is None:
        raise invalid("The phases must have one that is current.", "phases")
    before = next(each for each in former if each["start_date"] == current["start_date"])
    if running["items"] == before["items"] and running["trial_end"] == before["trial_end"]:
        schedule_phases.keep_on(state, schedule, running)
        return
    behavior = params.get("proration_behavior", "create_prorations")
    schedule_phases.enter(state, schedule, running, behavior=behavior)


def _live(call: Call) -> StripeObject:
    schedule = call.get("subscription_schedule")
    if schedule["status"] not in ("active", "not_started"):
        raise ApiError(
            f"The schedule {schedule['id']} is {schedule['status']} and cannot be changed."
        )
    return schedule


def _set(schedule: StripeObject, params: Mapping[str, Any]) -> None:
    schedule["end_behavior"] = params.get("end_behavior", schedule["end_behavior"])
    schedule["default_settings"] |= params.get("default_settings", {})
    if "metadata" in params:
        schedule["metadata"] = merge_metadata(schedule["metadata"], params["metadata"])


def _fits(call: Call, schedule: StripeObject) -> bool:
    params = call.params
    return (
        params.get("customer", schedule["customer"]) == schedule["customer"]
        and (
            "scheduled" not in params
            or params["scheduled"] == (schedule["status"] == "not_started")
        )
        and within(params.get("created"), schedule["created"])
        and within(params.get("released_at"), schedule["released_at"] or 0)
    )


ROUTES: tuple[Route, ...] = (
    post(
        "/v1/subscription_schedules",
        create,
        {
            **_CHANGEABLE,
            "customer": text,
            "from_subscription": text,
            "start_date": either("now", natural),
        },
    ),
    get(
        "/v1/subscription_schedules",
        listing("subscription_schedule", _fits),
        paged(created=time_filter, customer=text, released_at=time_filter, scheduled=boolean),
    ),
    get("/v1/subscription_schedules/{id}", retrieving("subscription_schedule")),
    post(
        "/v1/subscription_schedules/{id}",
        update,
        {**_CHANGEABLE, "proration_behavior": PRORATION_BEHAVIOR},
    ),
    post("/v1/subscription_schedules/{id}/release", release, {"preserve_cancel_date": boolean}),
    post(
        "/v1/subscription_schedules/{id}/cancel",
        cancel,
        {"invoice_now": boolean, "prorate": boolean},
    ),
)
