"""An object as Stripe has it now, by its kind and id."""

from __future__ import annotations

from bridge.payments.client import StripeAccount, StripeObject


def look_up(account: StripeAccount, kind: str, key: str) -> StripeObject | None:
    """The object of Stripe's ``object`` kind with this id; None where there is none.

    Raises:
        StripeFault: Stripe cannot be asked.
        LookupError: nothing of that kind is ever asked for.
    """
    api = account.api
    services = {
        "charge": api.charges,
        "checkout.session": api.checkout.sessions,
        "customer": api.customers,
        "dispute": api.disputes,
        "invoice": api.invoices,
        "invoice_payment": api.invoice_payments,
        "payment_intent": api.payment_intents,
        "refund": api.refunds,
        "subscription": api.subscriptions,
    }
    if kind not in services:
        raise LookupError(kind)
    return account.find(services[kind].retrieve, key)
