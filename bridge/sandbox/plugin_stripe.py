"""What the plugin's own gateway does at Stripe when a membership is saved.

The stand-in network does to a stand-in Stripe what the plugin does in the same request
(domain/billing-stripe.md §5, ``process_membership_update``; domain/live-findings.md §2.3):
every item of the subscription goes, one item per recurring product at its list price takes
its place, and what is missing to the membership's amount becomes an item or a coupon for
ever. Nothing is prorated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import stripe

from bridge.sandbox.forms import Json, number, truthy

API_VERSION: Final = "2025-08-27.basil"
"""What stripe-php 17.6 asks for."""

# The plugin's own list, which is not Stripe's (domain/billing-stripe.md §1).
_WHOLE_UNITS: Final = frozenset(
    "BIF CLP DJF GNF HUF IRR ISK JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF".split()
)
_ADJUSTMENT: Final = "Adjustment"


class GatewayRefused(Exception):
    """Stripe refused what the plugin asked for; the save fails with this sentence."""


class PluginStripe:
    """The plugin's Stripe gateway of one network.

    Args:
        url: Where Stripe is.
        key: The secret key that was entered on the network.
    """

    def __init__(self, url: str, key: str) -> None:
        self._api: Any = stripe.StripeClient(
            key, stripe_version=API_VERSION, base_addresses={"api": url}, max_network_retries=0
        ).v1

    def reprice(
        self, membership: Mapping[str, Json], products: Iterable[Mapping[str, Any]]
    ) -> None:
        """Give the subscription the items of these products, at the membership's amount.

        Args:
            membership: Its row as it is to be stored.
            products: ``{"quantity": …, "product": …}``, each at the membership's period.

        Raises:
            GatewayRefused: Stripe refused.
        """
        currency = str(membership["currency"]).upper()
        lines = _lines(products, wanted=_minor(membership["amount"], currency), currency=currency)
        try:
            subscription = self._api.subscriptions.retrieve(membership["gateway_subscription_id"])
            items: list[dict[str, Any]] = [
                {"id": item.id, "deleted": True} for item in subscription["items"].data
            ]
            for name, amount in lines:
                if amount > 0:
                    items.append({"price": self._price(name, amount, membership), "quantity": 1})
            off = -sum(amount for _, amount in lines if amount < 0)
            self._api.subscriptions.update(
                subscription.id,
                {
                    "items": items,
                    "proration_behavior": "none",
                    "discounts": [{"coupon": self._coupon(off, currency)}] if off else "",
                },
            )
        except stripe.StripeError as error:
            raise GatewayRefused(error.user_message or "Stripe refused") from None

    def cancel(self, subscription: str) -> None:
        """Cancel a subscription; that it cannot be cancelled does not stop the save."""
        with suppress(stripe.StripeError):
            self._api.subscriptions.cancel(subscription)

    def _price(self, name: str, minor: int, membership: Mapping[str, Json]) -> str:
        currency = str(membership["currency"]).lower()
        count, unit = int(membership["duration"]), str(membership["duration_unit"])
        key = f"wu-{name}-{minor}-{currency}-{count}-{unit}".lower().replace(" ", "-")
        known = self._api.prices.list({"lookup_keys": [key], "active": True}).data
        if known:
            return str(known[0].id)
        made = self._api.prices.create(
            {
                "currency": currency,
                "lookup_key": key,
                "product_data": {"name": name},
                "recurring": {"interval": unit, "interval_count": count},
                "unit_amount": minor,
            }
        )
        return str(made.id)

    def _coupon(self, minor: int, currency: str) -> str:
        """The ids are shared by all memberships."""
        key = f"{minor}-{currency.lower()}-forever"
        with suppress(stripe.InvalidRequestError):
            return str(self._api.coupons.retrieve(key).id)
        made = self._api.coupons.create(
            {
                "amount_off": minor,
                "currency": currency.lower(),
                "duration": "forever",
                "id": key,
                "name": _ADJUSTMENT,
            }
        )
        return str(made.id)


def _lines(
    products: Iterable[Mapping[str, Any]], *, wanted: int, currency: str
) -> list[tuple[str, int]]:
    """What each cycle is billed, by name; the last line makes it the amount that is wanted."""
    lines = []
    for each in products:
        product, quantity = each["product"], int(each["quantity"])
        if not truthy(product["recurring"]):
            continue
        name = str(product["name"])
        lines.append(
            (
                f"x{quantity} {name}" if quantity > 1 else name,
                _minor(product["amount"], currency) * quantity,
            )
        )
    missing = wanted - sum(amount for _, amount in lines)
    return [*lines, (_ADJUSTMENT, missing)] if missing else lines


def _minor(major: Json, currency: str) -> int:
    units = 1 if currency in _WHOLE_UNITS else 100
    amount = Decimal(str(number(major))) * units
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))
