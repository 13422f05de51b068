"""Changes at the end of the term: what is scheduled at Stripe, and taken back."""

from __future__ import annotations

from typing import Any

from bridge.payments.client import StripeAccount, StripeObject
from bridge.payments.collection import Collection
from bridge.payments.faults import ForeignSchedule
from bridge.payments.metadata import read_reference
from bridge.payments.order import ENDS_BY, SCHEDULED_BY, Order
from bridge.payments.products import price_items
from bridge.payments.recurring import Recurring
from bridge.payments.situation import LiveSubscription


def schedule(account: StripeAccount, collection: Collection, order: Order) -> None:
    """Let the subscription change, or end, with its running period.

    Doing it again does nothing.

    Raises:
        ForeignSchedule: somebody else has scheduled something.
        StripeFault: Stripe refused.
    """
    subscription = order.subscription
    assert subscription is not None, "decided with a subscription"
    if collection.recurring is None:
        account.ask(
            account.api.subscriptions.update,
            subscription.id,
            once=order.once("ends"),
            cancel_at_period_end=True,
            metadata={**order.standing(), ENDS_BY: order.change_id},
        )
        return
    account.ask(
        account.api.subscriptions.update,
        subscription.id,
        once=order.once("schedule-mark"),
        metadata={**order.standing(), SCHEDULED_BY: order.change_id},
    )
    made = _schedule_of(account, subscription)
    if made is None:
        made = account.ask(
            account.api.subscription_schedules.create,
            once=order.once("schedule"),
            from_subscription=subscription.id,
        )
    account.ask(
        account.api.subscription_schedules.update,
        made["id"],
        once=order.once("schedule-phases"),
        end_behavior="release",
        proration_behavior="none",
        metadata=_filled(order),
        phases=[
            _running_phase(made),
            _next_phase(account, collection.recurring, subscription, order),
        ],
    )


def conclude(account: StripeAccount, order: Order, *, replaced: bool) -> bool:
    """Let go of a schedule whose change has come about; False while it has not.

    Replaced by a newer change, it is let go of in any case.
    """
    subscription = order.subscription
    if subscription is None or subscription.schedule is None:
        return True
    made = account.read(account.api.subscription_schedules.retrieve, subscription.schedule)
    running = (made.get("current_phase") or {}).get("start_date")
    come_about = running == made["phases"][-1]["start_date"]
    if come_about or replaced:
        unschedule(account, order)
    return come_about or replaced


def unschedule(account: StripeAccount, order: Order) -> None:
    """Take back what was scheduled for a change; nothing where nothing is.

    Raises:
        StripeFault: Stripe refused.
    """
    subscription = order.subscription
    if subscription is None:
        return
    kept = account.read(account.api.subscriptions.retrieve, subscription.id)
    marks = kept.get("metadata") or {}
    if marks.get(ENDS_BY) == order.change_id and kept.get("cancel_at_period_end"):
        account.ask(
            account.api.subscriptions.update,
            subscription.id,
            once=order.once("goes-on"),
            cancel_at_period_end=False,
            metadata={ENDS_BY: ""},
        )
    if marks.get(SCHEDULED_BY) == order.change_id and kept.get("schedule"):
        account.ask(
            account.api.subscription_schedules.release,
            kept["schedule"],
            once=order.once("release"),
        )


def _schedule_of(account: StripeAccount, subscription: LiveSubscription) -> StripeObject | None:
    """The schedule that is attached, if it is ours; one without phases of ours is just made."""
    if subscription.schedule is None:
        return None
    found = account.read(account.api.subscription_schedules.retrieve, subscription.schedule)
    if read_reference(found.get("metadata")) is None and len(found["phases"]) > 1:
        raise ForeignSchedule(subscription=subscription.id, schedule=subscription.schedule)
    return found


def _running_phase(made: StripeObject) -> dict[str, Any]:
    """The running phase as it is, with all that makes its price: what is left out is dropped."""
    running = made["phases"][0]
    phase: dict[str, Any] = {
        "start_date": running["start_date"],
        "end_date": running["end_date"],
        "proration_behavior": "none",
        "discounts": [_discount(each) for each in running.get("discounts") or []] or "",
        "default_tax_rates": [_id(rate) for rate in running.get("default_tax_rates") or []] or "",
        "items": [
            {
                "price": _id(item["price"]),
                "quantity": item.get("quantity") or 1,
                "tax_rates": [_id(rate) for rate in item.get("tax_rates") or []] or "",
            }
            for item in running["items"]
        ],
    }
    if running.get("trial_end"):
        phase["trial_end"] = running["trial_end"]
    return phase


def _next_phase(
    account: StripeAccount, wanted: Recurring, subscription: LiveSubscription, order: Order
) -> dict[str, Any]:
    phase: dict[str, Any] = {
        "items": price_items(account, wanted),
        "iterations": 1,
        "proration_behavior": "none",
        "discounts": "",
        "default_tax_rates": "",
        "metadata": _filled(order),
    }
    if any(item.period != wanted.period for item in subscription.items):
        phase["billing_cycle_anchor"] = "phase_start"
    return phase


def _discount(shown: StripeObject) -> dict[str, str]:
    name = "discount" if shown.get("discount") else "coupon"
    return {name: _id(shown[name])}


def _filled(order: Order) -> dict[str, str]:
    return {name: value for name, value in order.standing().items() if value}


def _id(value: Any) -> str:
    return str(value["id"] if isinstance(value, dict) else value)
