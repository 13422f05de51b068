"""Our due-now beside Stripe's own preview of the same change, and where they differ.

Stripe prorates by the second over the calendar's period and knows neither setup fees nor
one-off credit; the plugin's rules count days of an average month. Both sums are taken apart
into the same parts, so that the differences of the parts add up to the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.domain.quotes import LineType, Quote
from bridge.payments.amounts import from_stripe, to_stripe
from bridge.payments.client import StripeAccount, StripeObject
from bridge.payments.collection import Collection, How, Then
from bridge.payments.order import Order
from bridge.payments.products import ensure_product, price_items
from bridge.payments.subscriptions import item_changes

CHARGE, CREDIT, ONCE, LIMIT = "charge", "credit", "once", "limit"

_WHY: Mapping[str, str] = {
    CHARGE: "What the new products cost: the quote charges by its own rules, Stripe by the "
    "second for what is left of the running period, or a whole new one.",
    CREDIT: "What is given back for unused time: the quote counts days of the plugin's average "
    "month or of the calendar, Stripe seconds of the running period, and only what its own "
    "subscription has billed.",
    ONCE: "Setup fees and products that are paid once, which Stripe does not know.",
    LIMIT: "Credit beyond the price: nothing is paid out now; Stripe puts it on the customer's "
    "balance.",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of both sums, in minor units; ``why`` says where a difference comes from."""

    name: str
    ours: int
    stripes: int
    why: str

    @property
    def difference(self) -> int:
        """Ours less Stripe's."""
        return self.ours - self.stripes


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sums and their parts. ``asked`` is Stripe's preview of what planbridge asks it for.

    ``asked`` is None where planbridge does not ask for it in one invoice of a subscription.
    """

    currency: str
    ours: int
    stripes: int
    parts: tuple[Part, ...]
    asked: int | None = None

    @property
    def difference(self) -> int:
        """Ours less Stripe's: the sum of the parts' differences."""
        return self.ours - self.stripes


def compare(
    account: StripeAccount, quote: Quote, collection: Collection, order: Order
) -> Comparison:
    """Ask Stripe for its previews; nothing is charged or changed.

    The products of the quote are made known to Stripe first, as a preview needs them.

    Raises:
        StripeFault: Stripe refused.
    """
    recurring = collection.recurring
    for product in {collection.plan_id, *(recurring.items if recurring else ())}:
        ensure_product(account, product, order.names.get(product, f"Product {product}"))
    lines = _preview(account, _by_stripes_rules(account, collection, order))
    own = _preview(account, _as_asked(account, collection, order))
    asked = None if own is None else _total(own, quote.currency)
    return compared(quote, lines, asked=asked)


def compared(quote: Quote, preview: StripeObject | None, *, asked: int | None = None) -> Comparison:
    """Take both sums apart; ``preview`` None means that Stripe would bill nothing. Pure."""
    ours = _ours(quote)
    stripes = dict.fromkeys((CHARGE, CREDIT, ONCE, LIMIT), 0)
    if preview is not None:
        for line in preview["lines"]["data"]:
            part = CREDIT if line["amount"] < 0 else CHARGE
            stripes[part] += from_stripe(line["amount"], quote.currency)
        stripes[LIMIT] = max(0, -sum(stripes.values()))
    return Comparison(
        currency=quote.currency,
        ours=quote.due_now,
        stripes=sum(stripes.values()),
        parts=tuple(Part(name, ours[name], stripes[name], _WHY[name]) for name in ours),
        asked=asked,
    )


def _ours(quote: Quote) -> dict[str, int]:
    parts = dict.fromkeys((CHARGE, CREDIT, ONCE, LIMIT), 0)
    for line in quote.lines:
        if line.type is LineType.CREDIT:
            parts[CREDIT] += line.total
        elif line.recurring:
            parts[CHARGE] += line.total
        else:
            parts[ONCE] += line.total
    parts[LIMIT] = quote.due_now - sum(parts.values())
    return parts


def _by_stripes_rules(
    account: StripeAccount, collection: Collection, order: Order
) -> dict[str, Any] | None:
    """The change as somebody would make it who leaves the arithmetic to Stripe."""
    if collection.how is How.SCHEDULE or collection.recurring is None:
        return None
    if order.subscription is None:
        return {"subscription_details": {"items": price_items(account, collection.recurring)}}
    details: dict[str, Any] = {
        "items": item_changes(account, order.subscription, collection.recurring),
        "proration_behavior": "always_invoice",
    }
    if collection.how is How.RESTART or collection.then is Then.RESTART:
        details["billing_cycle_anchor"] = "now"
    return {"subscription": order.subscription.id, "subscription_details": details}


def _as_asked(
    account: StripeAccount, collection: Collection, order: Order
) -> dict[str, Any] | None:
    """The change as planbridge asks for it, where one invoice of a subscription collects it."""
    if collection.recurring is None:
        return None
    extra = collection.first_invoice_extra
    single: dict[str, Any] = {}
    if extra:
        amount = to_stripe(extra, collection.currency)
        single = {"invoice_items": [{"amount": amount, "currency": collection.currency.lower()}]}
    if collection.how is How.RESTART and order.subscription is not None:
        details: dict[str, Any] = {
            "items": item_changes(account, order.subscription, collection.recurring),
            "proration_behavior": "none",
            "billing_cycle_anchor": "now",
        }
        return {
            "subscription": order.subscription.id,
            "subscription_details": details,
            **single,
        }
    begins_now = collection.next_at is None and collection.then is Then.NOTHING
    if collection.how in (How.START, How.CHECKOUT_SUBSCRIPTION) and begins_now:
        items = price_items(account, collection.recurring)
        return {"subscription_details": {"items": items}, **single}
    return None


def _preview(account: StripeAccount, wanted: dict[str, Any] | None) -> StripeObject | None:
    if wanted is None:
        return None
    return account.read(account.api.invoices.create_preview, **wanted)


def _total(preview: StripeObject, currency: str) -> int:
    return from_stripe(preview["total"], currency)
