"""Products at Stripe that stand for the network's, and prices in their name.

A product's id is made of the network's name and of the product's id there, so that it can
be made again without harm. Prices are given with each request: what is charged is what
was quoted, whatever the catalogue says.
"""

from __future__ import annotations

from bridge.domain.periods import Period
from bridge.payments.amounts import to_stripe
from bridge.payments.client import StripeAccount, StripeObject
from bridge.payments.faults import StripeRefused
from bridge.payments.recurring import Recurring


def stripe_product(network: str, product: int) -> str:
    """The id at Stripe of a network's product."""
    return f"planbridge-{network}-{product}"


def product_of(stripe_id: str, network: str) -> int | None:
    """Our product of an id at Stripe, or None where it is not one of ours."""
    prefix = f"planbridge-{network}-"
    rest = stripe_id.removeprefix(prefix)
    return int(rest) if stripe_id.startswith(prefix) and rest.isdecimal() else None


def ensure_product(account: StripeAccount, product: int, name: str) -> str:
    """Make a product known to Stripe, and return its id there.

    Raises:
        StripeFault: Stripe refused.
    """
    key = stripe_product(account.network, product)
    if account.find(account.api.products.retrieve, key) is None:
        try:
            account.ask(
                account.api.products.create,
                once=f"planbridge/{key}/product",
                id=key,
                name=name,
                metadata={"planbridge_network": account.network},
            )
        except StripeRefused as refused:
            # Somebody else has just made it.
            if refused.fields.get("code") != "resource_already_exists":
                raise
    return key


def one_off_price(product: str, minor: int, currency: str) -> StripeObject:
    """``price_data`` of something paid once; ``minor`` may be negative on an invoice."""
    return {
        "currency": currency.lower(),
        "product": product,
        "unit_amount": to_stripe(minor, currency),
    }


def recurring_price(product: str, minor: int, period: Period, currency: str) -> StripeObject:
    """``price_data`` of something paid each period."""
    return {
        **one_off_price(product, minor, currency),
        "recurring": {"interval": period.unit, "interval_count": period.count},
    }


def price_items(account: StripeAccount, recurring: Recurring) -> list[StripeObject]:
    """Every product of ``recurring`` as ``{"price_data": …, "quantity": 1}``."""
    return [
        {
            "price_data": recurring_price(
                stripe_product(account.network, product),
                amount,
                recurring.period,
                recurring.currency,
            ),
            "quantity": 1,
        }
        for product, amount in recurring.items.items()
    ]
