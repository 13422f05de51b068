"""The lines of an invoice: of subscription items, of invoice items, of trials.

Lines are kept inside their invoice. ``_price`` is the price's id, for the old API shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from bridge.domain.money import round_half_away, to_major
from bridge.sandbox.stripe_errors import StripeObject
from bridge.sandbox.stripe_listing import newest_first
from bridge.sandbox.stripe_periods import Span
from bridge.sandbox.stripe_state import StripeState

_SYMBOLS: Final = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def of_item(
    state: StripeState, subscription: StripeObject, item: StripeObject, span: Span
) -> StripeObject:
    """What a subscription item costs for a whole period."""
    price = state.get("price", item["price"])
    amount = round_half_away(Fraction(Decimal(price["unit_amount_decimal"])) * item["quantity"])
    return _of_item(
        state, subscription, item, span, amount=amount, description=full_text(state, item)
    )


def of_part(
    state: StripeState, subscription: StripeObject, item: StripeObject, span: Span, amount: int
) -> StripeObject:
    """What a subscription item costs until the billing cycle begins."""
    text = full_text(state, item)
    return _of_item(
        state, subscription, item, span, amount=amount, description=text, proration=True
    )


def of_trial(
    state: StripeState, subscription: StripeObject, item: StripeObject, span: Span
) -> StripeObject:
    """A trial costs nothing, but has its line."""
    name = product_name(state, state.get("price", item["price"]))
    return _of_item(
        state, subscription, item, span, amount=0, description=f"Trial period for {name}"
    )


def of_invoice_item(state: StripeState, thing: StripeObject) -> StripeObject:
    """The line that an invoice item becomes."""
    subscription = ((thing["parent"] or {}).get("subscription_details") or {}).get("subscription")
    details = {
        "invoice_item": thing["id"],
        "proration": thing["proration"],
        "proration_details": {"credited_items": thing.get("_credited")},
        "subscription": subscription,
    }
    item = thing.get("_item")
    parent: StripeObject = {
        "invoice_item_details": None if item else details,
        "subscription_item_details": {**details, "subscription_item": item} if item else None,
        "type": "subscription_item_details" if item else "invoice_item_details",
    }
    return state.build(
        "line_item",
        amount=thing["amount"],
        currency=thing["currency"],
        description=thing["description"],
        discountable=thing["discountable"],
        discounts=list(thing["discounts"]),
        metadata=dict(thing["metadata"]),
        parent=parent,
        period=dict(thing["period"]),
        pricing=thing["pricing"],
        quantity=thing["quantity"],
        quantity_decimal=str(thing["quantity"]),
        subscription=subscription,
        subtotal=thing["amount"],
        _price=thing["_price"],
        _tax_rates=[rate["id"] for rate in thing["tax_rates"]],
    )


def pending(state: StripeState, customer: str, subscription: str | None) -> list[StripeObject]:
    """The invoice items that wait for the next invoice, newest first.

    An invoice of a subscription also takes what waits for any invoice of the customer.
    """

    def waits(thing: StripeObject) -> bool:
        details = (thing["parent"] or {}).get("subscription_details") or {}
        return (
            thing["customer"] == customer
            and thing["invoice"] is None
            and details.get("subscription") in (None, subscription)
        )

    return newest_first(state.find("invoiceitem", waits), at="date")


def take(state: StripeState, things: Sequence[StripeObject], invoice: str) -> list[StripeObject]:
    """Put invoice items on an invoice; their lines."""
    lines = []
    for thing in things:
        thing["invoice"] = invoice
        lines.append(of_invoice_item(state, thing))
    return lines


def pricing_of(price: StripeObject) -> StripeObject:
    """A line's ``pricing``."""
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def product_name(state: StripeState, price: StripeObject) -> str:
    """What the customer bought."""
    return str(state.get("product", price["product"])["name"])


def counted(quantity: int, name: str) -> str:
    """``2 × Pro``, or ``Pro`` for one."""
    return f"{quantity} × {name}" if quantity != 1 else name


def full_text(state: StripeState, item: StripeObject) -> str:
    """``1 × Pro (at $20.00 / month)``."""
    price = state.get("price", item["price"])
    recurring = price["recurring"]
    count, interval = recurring["interval_count"], recurring["interval"]
    every = interval if count == 1 else f"every {count} {interval}s"
    separator = " / " if count == 1 else " "
    amount = money_text(Decimal(price["unit_amount_decimal"]), price["currency"])
    return f"{item['quantity']} × {product_name(state, price)} (at {amount}{separator}{every})"


def money_text(minor: Decimal, currency: str) -> str:
    """``$20.00``, or ``20.00 CHF`` where there is no sign."""
    major = to_major(1, currency) * minor
    digits = f"{major:,f}"
    symbol = _SYMBOLS.get(currency)
    return f"{symbol}{digits}" if symbol else f"{digits} {currency.upper()}"


def _of_item(
    state: StripeState,
    subscription: StripeObject,
    item: StripeObject,
    span: Span,
    *,
    amount: int,
    description: str,
    proration: bool = False,
) -> StripeObject:
    price = state.get("price", item["price"])
    return state.build(
        "line_item",
        amount=amount,
        currency=subscription["currency"],
        description=description,
        discounts=list(item["discounts"]),
        metadata={**subscription["metadata"], **item["metadata"]},
        parent={
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": proration,
                "proration_details": {"credited_items": None},
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        period={"end": span.end, "start": span.start},
        pricing=pricing_of(price),
        quantity=item["quantity"],
        quantity_decimal=str(item["quantity"]),
        subscription=subscription["id"],
        subtotal=amount,
        _price=price["id"],
        _tax_rates=[rate["id"] for rate in item["tax_rates"]],
    )
