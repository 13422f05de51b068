"""Stripe's customer portal: where a customer gives another card."""

from __future__ import annotations

from bridge.payments.client import StripeAccount
from bridge.payments.situation import Situation


def card_page(account: StripeAccount, customer: str, *, return_url: str, once: str) -> str:
    """The address of a page of Stripe's that asks for a card and leads back.

    It opens for a short time and for this customer only: nobody else may be sent there.

    Raises:
        StripeFault: Stripe refused; also where the account's portal is not set up.
    """
    redirect = {"type": "redirect", "redirect": {"return_url": return_url}}
    made = account.ask(
        account.api.billing_portal.sessions.create,
        once=once,
        customer=customer,
        return_url=return_url,
        flow_data={"type": "payment_method_update", "after_completion": redirect},
    )
    return str(made["url"])


def bill_new_card(account: StripeAccount, situation: Situation) -> bool:
    """Let the subscription be paid with the customer's default card; False where it is already.

    The portal changes the customer's default only, and a subscription with a method of its
    own keeps that (https://docs.stripe.com/billing/subscriptions/payment-methods-setting).

    Raises:
        StripeFault: Stripe refused, or nobody knows.
    """
    if situation.customer is None or situation.subscription is None:
        return False
    kept = account.read(account.api.customers.retrieve, situation.customer)
    usual = (kept.get("invoice_settings") or {}).get("default_payment_method")
    if not isinstance(usual, str) or usual == situation.payment_method:
        return False
    account.ask(
        account.api.subscriptions.update,
        situation.subscription.id,
        once=f"planbridge/{situation.subscription.id}/card/{usual}",
        default_payment_method=usual,
    )
    return True
