"""Coupons and the discounts that they become when applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from bridge.sandbox.stripe_errors import ApiError, StripeObject, invalid, missing
from bridge.sandbox.stripe_parameters import (
    Kind,
    check_exclusive,
    clearable,
    currency,
    decimal,
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
from bridge.sandbox.stripe_periods import Cycle
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

DISCOUNTS: Kind = clearable(list_of(nested({"coupon": text, "discount": text})))


def create(call: Call) -> StripeObject:
    """POST /v1/coupons."""
    params, state = call.params, call.state
    check_exclusive(params, "percent_off", "amount_off")
    if "percent_off" not in params and "amount_off" not in params:
        raise missing("percent_off")
    if "amount_off" in params and "currency" not in params:
        raise missing("currency")
    if "percent_off" in params and not 0 < params["percent_off"] <= 100:
        raise invalid("Invalid decimal: must be above 0 and at most 100", "percent_off")
    if params.get("duration") == "repeating" and "duration_in_months" not in params:
        raise missing("duration_in_months")
    coupon = state.build("coupon")
    coupon["id"] = params.get("id") or coupon["id"][:8]
    if state.look("coupon", coupon["id"]):
        raise ApiError("Coupon already exists.", code="resource_already_exists", param="id")
    state.keep(coupon)
    for name in (
        "amount_off",
        "currency",
        "duration",
        "duration_in_months",
        "name",
        "max_redemptions",
        "redeem_by",
    ):
        coupon[name] = params.get(name, coupon[name])
    if "percent_off" in params:
        coupon["percent_off"] = float(params["percent_off"])
    coupon["metadata"] = merge_metadata({}, params.get("metadata", {}))
    state.emit("coupon.created", coupon)
    return coupon


def update(call: Call) -> StripeObject:
    """POST /v1/coupons/{id}: only the name and the metadata can change."""
    coupon = call.get("coupon")
    coupon["name"] = call.params.get("name", coupon["name"])
    if "metadata" in call.params:
        coupon["metadata"] = merge_metadata(coupon["metadata"], call.params["metadata"])
    call.state.emit_change("coupon.updated", coupon)
    return coupon


def remove(call: Call) -> StripeObject:
    """DELETE /v1/coupons/{id}: it cannot be redeemed any more; discounts stay."""
    coupon = call.get("coupon")
    coupon["valid"] = False
    coupon["_deleted"] = True
    call.state.emit("coupon.deleted", coupon)
    return {"deleted": True, "id": coupon["id"], "object": "coupon"}


def redeem(
    state: StripeState, sent: Sequence[Mapping[str, Any]], *, of: StripeObject, param: str
) -> list[str]:
    """Make discounts for a customer's subscription, invoice or session; their ids.

    ``of`` are the discount's fields that say for what, such as ``subscription``.

    Raises:
        ApiError: a coupon that is missing, deleted, used up or too old.
    """
    made = []
    for number, each in enumerate(sent):
        if each.get("discount"):
            made.append(state.named("discount", each["discount"], param)["id"])
            continue
        if not each.get("coupon"):
            raise missing(f"{param}[{number}][coupon]")
        coupon = state.named("coupon", each["coupon"], f"{param}[{number}][coupon]")
        _check(state, coupon)
        coupon["times_redeemed"] += 1
        if coupon["max_redemptions"] == coupon["times_redeemed"]:
            coupon["valid"] = False
        now = state.now()
        end = None
        if coupon["duration"] == "repeating":
            end = Cycle("month", coupon["duration_in_months"]).boundary(now, 1)
        discount = state.new(
            "discount",
            start=now,
            end=end,
            source={"coupon": coupon["id"], "type": "coupon"},
            **of,
        )
        made.append(discount["id"])
        if of.get("subscription"):
            state.emit("customer.discount.created", discount)
    return made


def give(state: StripeState, customer: StripeObject, coupon: str) -> None:
    """Let a coupon count for all invoices of a customer, in place of the one that did.

    Raises:
        ApiError: a coupon that is missing, deleted, used up or too old.
    """
    sent = [{"coupon": coupon}]
    (made,) = redeem(state, sent, of={"customer": customer["id"]}, param="discounts")
    if customer["discount"]:
        take_away(state, customer)
    customer["discount"] = made
    state.emit("customer.discount.created", state.get("discount", made))


def take_away(state: StripeState, customer: StripeObject) -> StripeObject:
    """The customer's discount counts no more; it is returned."""
    discount = state.get("discount", customer["discount"])
    customer["discount"] = None
    state.emit("customer.discount.deleted", discount)
    return discount


def next_due(state: StripeState, customer: StripeObject) -> int | None:
    """When a customer's discount ends."""
    discount = state.look("discount", customer["discount"] or "")
    return discount["end"] if discount else None


def wake(state: StripeState, customer: StripeObject) -> None:
    """It has ended."""
    take_away(state, customer)


def of_customer(state: StripeState, customer: str) -> list[str]:
    """The customer's own discount, which his invoices inherit if they name none."""
    key = state.get("customer", customer)["discount"]
    return lasting(state, [key] if key else [], state.now())


def in_force(state: StripeState, subscription: StripeObject) -> list[str]:
    """A subscription's discounts; its customer's where it has none of its own."""
    own = lasting(state, subscription["discounts"], state.now())
    return own or of_customer(state, subscription["customer"])


def coupon_of(state: StripeState, discount: str) -> StripeObject:
    """The coupon of a discount."""
    return state.get("coupon", state.get("discount", discount)["source"]["coupon"])


def lasting(state: StripeState, discounts: Sequence[str], at: int) -> list[str]:
    """The discounts that still count at this time."""
    ends = {key: state.get("discount", key)["end"] for key in discounts}
    return [key for key, end in ends.items() if end is None or at < end]


def percentage(state: StripeState, discounts: Sequence[str]) -> Decimal:
    """What percentage discounts take off together, applied one after the other."""
    left = Decimal(1)
    for key in discounts:
        percent = coupon_of(state, key)["percent_off"]
        if percent is not None:
            left *= 1 - Decimal(str(percent)) / 100
    return (1 - left) * 100


def _check(state: StripeState, coupon: StripeObject) -> None:
    if coupon.get("_deleted"):
        raise ApiError(f"No such coupon: '{coupon['id']}'", code="resource_missing", param="coupon")
    expired = coupon["redeem_by"] is not None and coupon["redeem_by"] <= state.now()
    if expired or not coupon["valid"]:
        raise ApiError(f"Coupon expired: {coupon['id']}", code="coupon_expired", param="coupon")


ROUTES: tuple[Route, ...] = (
    post(
        "/v1/coupons",
        create,
        {
            "amount_off": natural,
            "currency": currency,
            "duration": one_of("once", "repeating", "forever"),
            "duration_in_months": natural,
            "id": text,
            "max_redemptions": natural,
            "metadata": metadata,
            "name": text,
            "percent_off": decimal,
            "redeem_by": natural,
        },
    ),
    get(
        "/v1/coupons",
        listing(
            "coupon",
            lambda call, coupon: (
                not coupon.get("_deleted") and within(call.params.get("created"), coupon["created"])
            ),
        ),
        paged(created=time_filter),
    ),
    get("/v1/coupons/{id}", retrieving("coupon")),
    post("/v1/coupons/{id}", update, {"metadata": metadata, "name": clearable(text)}),
    delete("/v1/coupons/{id}", remove),
)
