"""What a subscription is made of: items, periods, discounts; and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from bridge.sandbox.stripe_errors import ApiError, StripeObject, invalid
from bridge.sandbox.stripe_listing import as_list
from bridge.sandbox.stripe_parameters import (
    Kind,
    boolean,
    clearable,
    list_of,
    merge_metadata,
    metadata,
    natural,
    nested,
    one_of,
    text,
)
from bridge.sandbox.stripe_periods import Cycle, Span
from bridge.sandbox.stripe_proration import Priced
from bridge.sandbox.stripe_resources import coupons, prices
from bridge.sandbox.stripe_resources.payment_methods import owned
from bridge.sandbox.stripe_state import StripeState

ITEM: Final[Mapping[str, Kind]] = {
    "discounts": coupons.DISCOUNTS,
    "metadata": metadata,
    "price": text,
    "price_data": prices.RECURRING_DATA,
    "quantity": natural,
    "tax_rates": clearable(list_of(text)),
}
ONE_OFF: Final[Kind] = nested(
    {
        "discountable": boolean,
        "discounts": coupons.DISCOUNTS,
        "metadata": metadata,
        "price": text,
        "price_data": prices.ONE_OFF_DATA,
        "quantity": natural,
        "tax_rates": clearable(list_of(text)),
    }
)
PRORATION_BEHAVIOR: Final[Kind] = one_of("create_prorations", "none", "always_invoice")
PAYMENT_BEHAVIOR: Final[Kind] = one_of(
    "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"
)
SHARED: Final[Mapping[str, Kind]] = {
    "add_invoice_items": list_of(ONE_OFF),
    "cancel_at": clearable(natural),
    "cancel_at_period_end": boolean,
    "collection_method": one_of("charge_automatically", "send_invoice"),
    "days_until_due": natural,
    "default_payment_method": clearable(text),
    "default_tax_rates": clearable(list_of(text)),
    "description": clearable(text),
    "discounts": coupons.DISCOUNTS,
    "metadata": metadata,
    "off_session": boolean,
    "payment_behavior": PAYMENT_BEHAVIOR,
    "payment_settings": nested(
        {
            "payment_method_types": clearable(list_of(text)),
            "save_default_payment_method": one_of("off", "on_subscription"),
        }
    ),
    "proration_behavior": PRORATION_BEHAVIOR,
    "trial_from_plan": boolean,
    "trial_settings": nested(
        {
            "end_behavior": nested(
                {"missing_payment_method": one_of("cancel", "create_invoice", "pause")},
                required=("missing_payment_method",),
            )
        }
    ),
}
"""Parameters that creating and changing have in common."""


def new_item(
    state: StripeState, subscription: str, sent: Mapping[str, Any], *, param: str
) -> StripeObject:
    """A new item; its period is set by `set_period`.

    Raises:
        ApiError: its price is missing, inactive or not recurring.
    """
    price = prices.chosen(state, sent, param=param, recurring=True)
    item = state.build(
        "subscription_item",
        price=price["id"],
        quantity=sent.get("quantity", 1),
        subscription=subscription,
    )
    change_item(state, item, {name: sent[name] for name in sent.keys() - {"price", "price_data"}})
    return item


def change_item(state: StripeState, item: StripeObject, sent: Mapping[str, Any]) -> None:
    """Set on an item what was sent for it, but not its price."""
    if "quantity" in sent:
        item["quantity"] = sent["quantity"]
    if "metadata" in sent:
        item["metadata"] = merge_metadata(item["metadata"], sent["metadata"])
    if "tax_rates" in sent:
        item["tax_rates"] = tax_rates(state, sent["tax_rates"])
    if "discounts" in sent:
        of = {"subscription_item": item["id"]}
        item["discounts"] = coupons.redeem(state, sent["discounts"] or [], of=of, param="discounts")


def tax_rates(state: StripeState, keys: Sequence[str] | None) -> list[StripeObject]:
    """The tax rates of these ids, whole, as objects show them.

    Raises:
        ApiError: one is missing.
    """
    return [dict(state.named("tax_rate", key, "tax_rates")) for key in keys or ()]


def set_items(subscription: StripeObject, items: Sequence[StripeObject]) -> None:
    """Make these the subscription's items."""
    url = f"/v1/subscription_items?subscription={subscription['id']}"
    subscription["items"] = as_list(items, url)


def items_of(subscription: StripeObject) -> list[StripeObject]:
    """The subscription's items."""
    items: list[StripeObject] = subscription["items"]["data"]
    return items


def check_alike(state: StripeState, items: Sequence[StripeObject]) -> tuple[Cycle, str]:
    """The billing cycle and the currency that all items share.

    Raises:
        ApiError: there is no item, or they differ, or two have the same price.
    """
    if not items:
        raise ApiError(
            "A subscription must have at least one active plan. To cancel the subscription, "
            "use the cancel endpoint.",
            param="items",
        )
    found = [state.get("price", item["price"]) for item in items]
    if len({price["id"] for price in found}) < len(found):
        raise ApiError("Cannot add multiple subscription items with the same plan.", param="items")
    cycles = {prices.cycle_of(price) for price in found}
    if len(cycles) > 1:
        raise ApiError(
            "If multiple prices are specified, they must all have the same "
            "`recurring.interval` and `recurring.interval_count`.",
            param="items",
        )
    currencies = {price["currency"] for price in found}
    if len(currencies) > 1:
        raise ApiError("All prices on a subscription must have the same currency.", param="items")
    return cycles.pop(), currencies.pop()


def cycle_of(state: StripeState, subscription: StripeObject) -> Cycle:
    """The billing cycle of a subscription."""
    return prices.cycle_of(state.get("price", items_of(subscription)[0]["price"]))


def period_of(subscription: StripeObject) -> Span:
    """The current period."""
    item = items_of(subscription)[0]
    return Span(item["current_period_start"], item["current_period_end"])


def set_period(subscription: StripeObject, span: Span) -> None:
    """Set the current period; a cancellation at its end moves along."""
    for item in items_of(subscription):
        item["current_period_start"], item["current_period_end"] = span.start, span.end
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = span.end


def priced(
    state: StripeState, subscription: StripeObject, items: Sequence[StripeObject]
) -> list[Priced]:
    """The items as proration sees them, with the percentage that discounts take off."""
    discounts = coupons.in_force(state, subscription)
    return [
        Priced(
            item=item["id"],
            price=item["price"],
            unit=Decimal(state.get("price", item["price"])["unit_amount_decimal"]),
            quantity=item["quantity"],
            discount=coupons.percentage(state, [*item["discounts"], *discounts]),
        )
        for item in items
    ]


def is_free(state: StripeState, items: Sequence[StripeObject]) -> bool:
    """Whether all items together cost nothing."""
    return all(
        not item["quantity"]
        or not Decimal(state.get("price", item["price"])["unit_amount_decimal"])
        for item in items
    )


def set_shared(state: StripeState, subscription: StripeObject, params: Mapping[str, Any]) -> None:
    """Set the plain fields that creating and changing have in common.

    Raises:
        ApiError: a payment method that is not the customer's, both ways to cancel, or
            ``send_invoice`` without days.
    """
    for name in ("collection_method", "days_until_due", "description"):
        if name in params:
            subscription[name] = params[name]
    if subscription["collection_method"] == "send_invoice":
        if subscription["days_until_due"] is None:
            raise invalid(
                "If the collection_method is send_invoice, you must specify days_until_due.",
                "days_until_due",
            )
    elif "days_until_due" in params:
        raise invalid(
            "You can only set `days_until_due` if the collection_method is `send_invoice`.",
            "days_until_due",
        )
    method = params.get("default_payment_method")
    if method:
        owned(state, method, subscription["customer"], param="default_payment_method")
    if "default_payment_method" in params:
        subscription["default_payment_method"] = method
    if "metadata" in params:
        subscription["metadata"] = merge_metadata(subscription["metadata"], params["metadata"])
    if "default_tax_rates" in params:
        subscription["default_tax_rates"] = tax_rates(state, params["default_tax_rates"])
    if "discounts" in params:
        of = {"customer": subscription["customer"], "subscription": subscription["id"]}
        subscription["discounts"] = coupons.redeem(
            state, params["discounts"] or [], of=of, param="discounts"
        )
    subscription["payment_settings"] |= params.get("payment_settings", {})
    subscription["trial_settings"] |= params.get("trial_settings", {})


def set_cancellation(
    state: StripeState, subscription: StripeObject, params: Mapping[str, Any]
) -> None:
    """Plan an end, or take it back.

    Raises:
        ApiError: both ways at once, a time that has passed, or a schedule decides.
    """
    if not {"cancel_at", "cancel_at_period_end"} & params.keys():
        return
    if subscription["schedule"]:
        raise ApiError(
            "The subscription is managed by the subscription schedule "
            f"`{subscription['schedule']}`, and updating any cancelation behavior directly is "
            "not allowed. Please update the schedule instead."
        )
    at, at_end = params.get("cancel_at"), params.get("cancel_at_period_end", False)
    if at and at_end:
        raise ApiError(
            "You may only specify one of these parameters: cancel_at, cancel_at_period_end."
        )
    now = state.now()
    if at is not None and at <= now:
        raise invalid("`cancel_at` must be in the future.", "cancel_at")
    subscription["cancel_at_period_end"] = at_end
    subscription["cancel_at"] = period_of(subscription).end if at_end else at
    planned = subscription["cancel_at"] is not None
    subscription["canceled_at"] = now if planned else None
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if planned else None
