"""One object, two API shapes: since the "Basil" change of 31 March 2025 and before it.

Objects are kept in the new shape. What the old one shows instead: the period on the
subscription (https://docs.stripe.com/changelog/basil/2025-03-31), ``invoice.subscription``,
``invoice.charge``, ``invoice.payment_intent``, ``charge.invoice``, a line's ``price`` and
``proration``, a discount's ``coupon``. Which fields each shape has was read off Stripe's
published example objects (MIT licence, © Stripe, Inc.).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeAlias

from bridge.sandbox.stripe_errors import StripeObject

Look: TypeAlias = Callable[[str, str], StripeObject | None]
"""(kind, id) → the object, or None."""

BASIL_SINCE = "2025-03-31"


class Shape(StrEnum):
    """The two generations of objects, by the names of Stripe's releases."""

    ACACIA = "acacia"
    BASIL = "basil"


class Shown(StripeObject):
    """What was rendered already, and stays as it is."""


def shape_of(version: str) -> Shape:
    """The shape of an API version such as ``2025-02-24.acacia``."""
    return Shape.BASIL if version[:10] >= BASIL_SINCE else Shape.ACACIA


def is_known(kind: str, shape: Shape) -> bool:
    """Whether events of this type exist for somebody of this shape."""
    return shape is Shape.BASIL or not kind.startswith("invoice_payment.")


def render(thing: StripeObject, shape: Shape, look: Look) -> StripeObject:
    """The object as the API shows it: without private keys, references filled in."""
    if isinstance(thing, Shown):
        return thing
    if thing.get("deleted") is True or thing.get("_gone"):
        return {"deleted": True, "id": thing["id"], "object": thing["object"]}
    shown = {name: _part(value, shape, look) for name, value in thing.items() if name[0] != "_"}
    kind = thing.get("object", "")
    if not isinstance(kind, str):
        return shown
    if kind in _FILL:
        _FILL[kind](shown, thing, look)
    if shape is Shape.ACACIA:
        for name in _NEW_ONLY.get(kind, ()):
            _drop(shown, name)
        if kind in _AGE:
            _AGE[kind](shown, thing, look)
    return shown


def plan_of(price: StripeObject) -> StripeObject:
    """The legacy ``plan`` that stands beside a recurring price."""
    recurring = price["recurring"] or {}
    return {
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "id": price["id"],
        "interval": recurring.get("interval"),
        "interval_count": recurring.get("interval_count"),
        "livemode": False,
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "object": "plan",
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": recurring.get("trial_period_days"),
        "usage_type": recurring.get("usage_type", "licensed"),
    }


def _drop(shown: StripeObject, path: str) -> None:
    """Leave out a field; ``a.b`` is the field ``b`` of the hash ``a``."""
    outer, _, inner = path.rpartition(".")
    place: Any = shown
    for name in outer.split(".") if outer else ():
        place = (place or {}).get(name)
    if place:
        place.pop(inner, None)


def _part(value: Any, shape: Shape, look: Look) -> Any:
    if isinstance(value, dict):
        return render(value, shape, look)
    if isinstance(value, list):
        return [_part(each, shape, look) for each in value]
    return value


def _price(key: str, shape: Shape, look: Look) -> StripeObject | None:
    price = look("price", key)
    return render(price, shape, look) if price else None


def _fill_priced(shown: StripeObject, thing: StripeObject, look: Look) -> None:
    """Subscription items and the items of a session name their price; show it whole."""
    shown["price"] = _price(thing["price"], Shape.BASIL, look)
    if "plan" in shown and shown["price"]:
        shown["plan"] = plan_of(shown["price"])


def _fill_customer(shown: StripeObject, thing: StripeObject, look: Look) -> None:
    discount = look("discount", thing["discount"] or "")
    shown["discount"] = render(discount, Shape.BASIL, look) if discount else None


def _fill_schedule(shown: StripeObject, _thing: StripeObject, look: Look) -> None:
    for phase in shown["phases"]:
        for item in phase["items"]:
            price = look("price", item["price"])
            item["plan"] = plan_of(price)["id"] if price else None


def _age_priced(shown: StripeObject, thing: StripeObject, look: Look) -> None:
    shown["price"] = _price(thing["price"], Shape.ACACIA, look)
    if shown.get("plan"):
        shown["plan"]["aggregate_usage"] = None


def _age_price(shown: StripeObject, _thing: StripeObject, _look: Look) -> None:
    if shown["recurring"]:
        shown["recurring"]["aggregate_usage"] = None


def _age_discount(shown: StripeObject, thing: StripeObject, look: Look) -> None:
    shown["coupon"] = look("coupon", thing["source"]["coupon"])


def _first_discount(keys: list[str], look: Look) -> StripeObject | None:
    discount = look("discount", keys[0]) if keys else None
    return render(discount, Shape.ACACIA, look) if discount else None


def _age_customer(shown: StripeObject, thing: StripeObject, look: Look) -> None:
    shown["discount"] = _first_discount([thing["discount"]] if thing["discount"] else [], look)


def _age_subscription(shown: StripeObject, thing: StripeObject, look: Look) -> None:
    items = thing["items"]["data"]
    shown["current_period_start"] = items[0]["current_period_start"] if items else None
    shown["current_period_end"] = items[0]["current_period_end"] if items else None
    shown["discount"] = _first_discount(thing["discounts"], look)


def _age_schedule(shown: StripeObject, _thing: StripeObject, _look: Look) -> None:
    for phase in shown["phases"]:
        phase["coupon"] = None


def _age_session(shown: StripeObject, _thing: StripeObject, _look: Look) -> None:
    shown["shipping_details"] = None
    shown["ui_mode"] = {"hosted_page": "hosted"}.get(shown["ui_mode"], shown["ui_mode"])


def _old_taxes(taxes: list[StripeObject]) -> list[StripeObject]:
    return [
        {
            "amount": each["amount"],
            "inclusive": each["tax_behavior"] == "inclusive",
            "tax_rate": each["tax_rate_details"]["tax_rate"],
            "taxability_reason": each["taxability_reason"],
            "taxable_amount": each["taxable_amount"],
        }
        for each in taxes
    ]


def _age_invoice(shown: StripeObject, thing: StripeObject, look: Look) -> None:
    details = (thing["parent"] or {}).get("subscription_details") or {}
    taxes = thing["total_taxes"]
    shown |= {
        "application_fee_amount": None,
        "charge": thing.get("_charge"),
        "discount": _first_discount(thing["discounts"], look),
        "paid": thing["status"] == "paid",
        "paid_out_of_band": thing.get("_paid_out_of_band", False),
        "payment_intent": thing.get("_payment_intent"),
        "quote": None,
        "subscription": details.get("subscription"),
        "subscription_details": {"metadata": details.get("metadata")},
        "tax": sum(each["amount"] for each in taxes) if taxes else None,
        "total_tax_amounts": _old_taxes(taxes),
        "transfer_data": None,
    }


def _age_line(shown: StripeObject, thing: StripeObject, look: Look) -> None:
    parent = thing["parent"]
    details = parent[parent["type"]]
    price = _price(thing["_price"], Shape.ACACIA, look) if thing["_price"] else None
    taxes = thing["taxes"] or []
    inclusive = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive")
    excluding = thing["amount"] - inclusive
    rates = [look("tax_rate", tax["tax_rate_details"]["tax_rate"]) for tax in taxes]
    shown |= {
        "amount_excluding_tax": excluding,
        "invoice_item": details.get("invoice_item"),
        "plan": {**plan_of(price), "aggregate_usage": None}
        if price and price["recurring"]
        else None,
        "price": price,
        "proration": details["proration"],
        "proration_details": details["proration_details"] or {"credited_items": None},
        "subscription_item": details.get("subscription_item"),
        "tax_amounts": _old_taxes(taxes),
        "tax_rates": rates,
        "type": "invoiceitem" if details.get("invoice_item") else "subscription",
        "unit_amount_excluding_tax": str(excluding // (thing["quantity"] or 1)),
    }


def _age_invoice_item(shown: StripeObject, thing: StripeObject, look: Look) -> None:
    price = _price(thing["_price"], Shape.ACACIA, look) if thing["_price"] else None
    details = (thing["parent"] or {}).get("subscription_details") or {}
    shown |= {
        "plan": {**plan_of(price), "aggregate_usage": None}
        if price and price["recurring"]
        else None,
        "price": price,
        "subscription": details.get("subscription"),
        "unit_amount": price["unit_amount"] if price else thing["amount"],
        "unit_amount_decimal": price["unit_amount_decimal"] if price else str(thing["amount"]),
    }


def _age_paid_thing(shown: StripeObject, thing: StripeObject, _look: Look) -> None:
    shown["invoice"] = thing.get("_invoice")


_Change: TypeAlias = Callable[[StripeObject, StripeObject, Look], None]

_FILL: Final[Mapping[str, _Change]] = {
    "customer": _fill_customer,
    "item": _fill_priced,
    "subscription_item": _fill_priced,
    "subscription_schedule": _fill_schedule,
}

_AGE: Final[Mapping[str, _Change]] = {
    "charge": _age_paid_thing,
    "checkout.session": _age_session,
    "customer": _age_customer,
    "discount": _age_discount,
    "invoice": _age_invoice,
    "invoiceitem": _age_invoice_item,
    "item": _age_priced,
    "line_item": _age_line,
    "payment_intent": _age_paid_thing,
    "price": _age_price,
    "subscription": _age_subscription,
    "subscription_item": _age_priced,
    "subscription_schedule": _age_schedule,
}

_NEW_ONLY: Final[Mapping[str, tuple[str, ...]]] = {
    "charge": ("billing_details.tax_id",),
    "checkout.session": (
        "automatic_tax.provider",
        "customer_details.business_name",
        "customer_details.individual_name",
        "collected_information",
        "customer_account",
        "integration_identifier",
        "managed_payments",
        "origin_context",
        "permissions",
        "wallet_options",
    ),
    "customer_balance_transaction": ("checkout_session", "customer_account"),
    "discount": ("customer_account", "source"),
    "invoice": (
        "amount_overpaid",
        "automatic_tax.provider",
        "customer_account",
        "parent",
        "total_taxes",
    ),
    "invoiceitem": ("customer_account", "net_amount", "parent", "pricing", "quantity_decimal"),
    "line_item": ("parent", "pricing", "quantity_decimal", "subtotal", "taxes"),
    "payment_intent": ("customer_account", "excluded_payment_method_types", "managed_payments"),
    "payment_method": ("billing_details.tax_id", "customer_account"),
    "refund": ("customer", "customer_account", "payment_method"),
    "setup_intent": ("excluded_payment_method_types",),
    "account": (
        "business_profile.minority_owned_business_designation",
        "settings.invoices.hosted_payment_method_save",
    ),
    "subscription": (
        "invoice_settings.custom_fields",
        "invoice_settings.description",
        "invoice_settings.footer",
        "billing_mode",
        "billing_schedules",
        "customer_account",
        "managed_payments",
    ),
    "subscription_item": ("current_period_end", "current_period_start"),
    "subscription_schedule": (
        "billing_mode",
        "customer_account",
        "default_settings.invoice_settings.custom_fields",
        "default_settings.invoice_settings.description",
        "default_settings.invoice_settings.footer",
    ),
}
"""Fields that only the new shape has."""
