"""The card that a membership is billed to, as far as Stripe lets anybody see it."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.payments.client import StripeAccount


@dataclass(frozen=True, slots=True)
class Card:
    """A card. ``brand`` is Stripe's code (``visa``, ``amex``), ``last4`` its last four digits."""

    brand: str
    last4: str


def read_card(account: StripeAccount, method: str) -> Card | None:
    """The card behind a payment method; None where it is gone or is no card.

    Raises:
        StripeFault: Stripe cannot be asked.
    """
    kept = account.find(account.api.payment_methods.retrieve, method)
    card = (kept or {}).get("card")
    if not card:
        return None
    return Card(brand=card.get("display_brand") or card["brand"], last4=card["last4"])


def method_of(account: StripeAccount, subscription: str, *, customer: str) -> str | None:
    """The payment method that a customer's subscription is billed to, whoever made it.

    None where there is none, or where the subscription is another customer's.

    Raises:
        StripeFault: Stripe cannot be asked.
    """
    if not subscription.startswith("sub_"):
        return None
    row = account.find(account.api.subscriptions.retrieve, subscription, expand=["customer"])
    if row is None or row["customer"]["id"] != customer:
        return None
    usual = (row["customer"].get("invoice_settings") or {}).get("default_payment_method")
    method = row.get("default_payment_method") or usual
    return method if isinstance(method, str) else None
