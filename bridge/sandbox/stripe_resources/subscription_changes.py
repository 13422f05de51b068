"""Changing a subscription: items, cycle, trial; what is prorated and billed at once.

https://docs.stripe.com/billing/subscriptions/change-price and
https://docs.stripe.com/billing/subscriptions/prorations. The billing cycle starts anew,
with an invoice at once, when the interval changes, when a trial begins or ends, when
something free becomes paid or the reverse, and when ``billing_cycle_anchor`` is ``now``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bridge.sandbox.stripe_errors import ApiError, StripeObject, invalid
from bridge.sandbox.stripe_parameters import (
    Kind,
    boolean,
    clearable,
    either,
    list_of,
    natural,
    nested,
    one_of,
    text,
)
from bridge.sandbox.stripe_periods import Span
from bridge.sandbox.stripe_proration import Priced, prorate
from bridge.sandbox.stripe_resources import (
    collection,
    pending_updates,
    prices,
    subscription_billing,
)
from bridge.sandbox.stripe_resources.subscription_parts import (
    ITEM,
    SHARED,
    change_item,
    check_alike,
    cycle_of,
    is_free,
    items_of,
    new_item,
    period_of,
    priced,
    set_cancellation,
    set_items,
    set_period,
    set_shared,
)
from bridge.sandbox.stripe_resources.subscription_status import ENDED
from bridge.sandbox.stripe_state import StripeState

CHANGED_ITEM: Final[Kind] = nested({**ITEM, "deleted": boolean, "id": text})
PARAMS: Final[Mapping[str, Kind]] = {
    **SHARED,
    "billing_cycle_anchor": one_of("now", "unchanged"),
    "cancellation_details": nested(
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
    ),
    "items": list_of(CHANGED_ITEM),
    "pause_collection": clearable(
        nested(
            {
                "behavior": one_of("keep_as_draft", "mark_uncollectible", "void"),
                "resumes_at": natural,
            },
            required=("behavior",),
        )
    ),
    "proration_date": natural,
    "trial_end": either("now", natural),
}

# https://docs.stripe.com/billing/subscriptions/pending-updates-reference
_PENDING = frozenset(
    "billing_cycle_anchor expand items payment_behavior proration_behavior proration_date "
    "trial_end trial_from_plan off_session add_invoice_items".split()
)
_WHEN_ENDED = frozenset({"cancellation_details", "expand", "metadata"})
_WHILE_INCOMPLETE = frozenset(
    "cancel_at cancel_at_period_end cancellation_details default_payment_method description "
    "expand metadata payment_settings".split()
)
_MOVED = ("items", "billing_cycle_anchor", "trial_end", "trial_start", "cancel_at", "status")


@dataclass(frozen=True, slots=True)
class Changed:
    """A changed subscription and the invoice that this made, if any."""

    subscription: StripeObject
    invoice: StripeObject | None


@dataclass(frozen=True, slots=True)
class _Before:
    """What a change is measured against."""

    priced: list[Priced]
    span: Span
    paid_for: bool
    free: bool


def change(
    state: StripeState,
    subscription: StripeObject,
    params: Mapping[str, Any],
    *,
    collects: bool = True,
) -> Changed:
    """Change a subscription; with ``collects`` false an invoice stays a draft.

    Raises:
        ApiError: the change cannot be, or was to fail if not paid, and was not paid.
    """
    if subscription["status"] in ENDED and params.keys() - _WHEN_ENDED:
        raise ApiError(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    if subscription["status"] == "incomplete" and params.keys() - _WHILE_INCOMPLETE:
        raise ApiError(
            "This subscription's first invoice is not paid yet; it cannot be changed before.",
            param=min(params.keys() - _WHILE_INCOMPLETE),
        )
    behavior = params.get("payment_behavior", "allow_incomplete")
    if behavior == "pending_if_incomplete":
        _check_pending(subscription, params)
    kept = {name: subscription[name] for name in _MOVED}
    before = _measure(state, subscription)
    items = _changed_items(state, subscription, params.get("items", ()))
    cycle_before = cycle_of(state, subscription)
    cycle, _ = check_alike(state, items)
    at = _moment(state, before, params)
    set_items(subscription, items)
    set_shared(state, subscription, params)
    if params.get("cancellation_details"):
        subscription["cancellation_details"] |= params["cancellation_details"]
    if "pause_collection" in params:
        pause = params["pause_collection"]
        subscription["pause_collection"] = pause and {"resumes_at": None, **pause}
    restarts = _restarts(state, subscription, params, before, changed_cycle=cycle != cycle_before)
    _move(state, subscription, params, restarts=restarts, before=before)
    set_cancellation(state, subscription, params)
    subscription["cancellation_details"] |= params.get("cancellation_details", {})
    subscription_billing.add_one_offs(state, subscription, params.get("add_invoice_items", ()))
    prorated = _prorate(
        state, subscription, before, at=at, restarts=restarts, behavior=_proration(params)
    )
    billed = prorated or bool(params.get("add_invoice_items"))
    if not restarts and not (billed and _proration(params) == "always_invoice"):
        state.emit_change("customer.subscription.updated", subscription)
        return Changed(subscription, None)
    waiting = pending_updates.invoice_of(subscription)
    if waiting:
        collection.void(state, state.get("invoice", waiting))
    invoice = _bill(state, subscription, before, restarts=restarts)
    if collects:
        _collect(state, subscription, invoice, kept=kept, behavior=behavior)
    return Changed(subscription, invoice)


def replace_items(
    subscription: StripeObject, wanted: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The ``items`` parameter that makes these, by their prices, the only items."""
    left = {item["price"]: item["id"] for item in items_of(subscription)}
    sent = []
    for each in wanted:
        key = left.pop(each["price"], None)
        sent.append({**each, "id": key} if key else dict(each))
    # An item whose price went and one whose price came are the same item at a new price.
    for each in sent:
        if "id" not in each and left:
            each["id"] = left.pop(next(iter(left)))
    return sent + [{"deleted": True, "id": key} for key in left.values()]


def _measure(state: StripeState, subscription: StripeObject) -> _Before:
    items = items_of(subscription)
    return _Before(
        priced=priced(state, subscription, items),
        span=period_of(subscription),
        paid_for=subscription["status"] not in ("trialing", "paused"),
        free=is_free(state, items),
    )


def _changed_items(
    state: StripeState, subscription: StripeObject, sent: Sequence[Mapping[str, Any]]
) -> list[StripeObject]:
    items = {item["id"]: dict(item) for item in items_of(subscription)}
    for number, each in enumerate(sent):
        param = f"items[{number}]"
        key = each.get("id")
        if key is None:
            item = new_item(state, subscription["id"], each, param=param)
            items[item["id"]] = item
            continue
        if key not in items:
            raise ApiError(
                f"No such subscription item: '{key}'",
                code="resource_missing",
                param=f"{param}[id]",
            )
        if each.get("deleted"):
            del items[key]
            continue
        if each.get("price") or each.get("price_data"):
            price = prices.chosen(state, each, param=param, recurring=True)
            items[key]["price"] = price["id"]
        change_item(state, items[key], each)
    span = period_of(subscription)
    for item in items.values():
        item["current_period_start"], item["current_period_end"] = span.start, span.end
    return list(items.values())


def _moment(state: StripeState, before: _Before, params: Mapping[str, Any]) -> int:
    at: int = params.get("proration_date", state.now())
    if "proration_date" in params and not before.span.start <= at <= before.span.end:
        raise invalid(
            "Cannot specify a proration date outside of the current billing period.",
            "proration_date",
        )
    return at


def _proration(params: Mapping[str, Any]) -> str:
    return str(params.get("proration_behavior", "create_prorations"))


def _restarts(
    state: StripeState,
    subscription: StripeObject,
    params: Mapping[str, Any],
    before: _Before,
    *,
    changed_cycle: bool,
) -> bool:
    trialing = subscription["status"] == "trialing"
    if "trial_end" in params:
        return params["trial_end"] == "now" or not trialing
    if trialing:
        return params.get("billing_cycle_anchor") == "now"
    crosses = before.free != is_free(state, items_of(subscription))
    return changed_cycle or crosses or params.get("billing_cycle_anchor") == "now"


def _move(
    state: StripeState,
    subscription: StripeObject,
    params: Mapping[str, Any],
    *,
    restarts: bool,
    before: _Before,
) -> None:
    """Set trial, anchor and period."""
    now = state.now()
    trial_end = params.get("trial_end")
    if trial_end not in (None, "now"):
        if trial_end <= now:
            raise invalid(
                "Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end"
            )
        if subscription["status"] != "trialing":
            subscription["trial_start"] = now
        subscription |= {"status": "trialing", "trial_end": trial_end}
        subscription["billing_cycle_anchor"] = trial_end
        set_period(subscription, Span(now if restarts else before.span.start, trial_end))
    elif restarts:
        if subscription["status"] == "trialing":
            subscription |= {"status": "active", "trial_end": now}
        subscription["billing_cycle_anchor"] = now
        set_period(subscription, Span(now, cycle_of(state, subscription).boundary(now, 1)))


def _prorate(
    state: StripeState,
    subscription: StripeObject,
    before: _Before,
    *,
    at: int,
    restarts: bool,
    behavior: str,
) -> bool:
    """Let the prorations of the change wait for an invoice; whether there are any."""
    if not before.paid_for or behavior == "none" or before.span.seconds <= 0:
        return False
    after = priced(state, subscription, items_of(subscription))
    found = prorate(before.priced, after, span=before.span, at=at, restarts=restarts)
    subscription_billing.add_prorations(state, subscription, found)
    return bool(found)


def _bill(
    state: StripeState, subscription: StripeObject, before: _Before, *, restarts: bool
) -> StripeObject:
    span = period_of(subscription)
    own = subscription_billing.full_lines(state, subscription, span) if restarts else []
    used = Span(before.span.start, state.now())
    return subscription_billing.bill(
        state, subscription, own, reason="subscription_update", span=used
    )


def _collect(
    state: StripeState,
    subscription: StripeObject,
    invoice: StripeObject,
    *,
    kept: Mapping[str, Any],
    behavior: str,
) -> None:
    if behavior != "pending_if_incomplete":
        state.emit_change("customer.subscription.updated", subscription)
        subscription_billing.collect_first(state, subscription, invoice, behavior=behavior)
        if behavior == "default_incomplete" and invoice["status"] == "open":
            subscription["status"] = "past_due"
        state.emit_change("customer.subscription.updated", subscription)
        return
    wanted = {name: subscription[name] for name in _MOVED}
    subscription |= kept
    pending_updates.postpone(state, subscription, wanted, invoice=invoice)
    subscription_billing.collect_first(state, subscription, invoice, behavior=behavior)
    state.emit_change("customer.subscription.updated", subscription)


def _check_pending(subscription: StripeObject, params: Mapping[str, Any]) -> None:
    strange = sorted(params.keys() - _PENDING)
    if strange:
        raise ApiError(
            "When `payment_behavior` is set to `pending_if_incomplete`, you can't pass "
            f"{', '.join(strange)}.",
            param=strange[0],
        )
    if subscription["collection_method"] == "send_invoice":
        raise ApiError("Pending updates need `collection_method` to be `charge_automatically`.")
