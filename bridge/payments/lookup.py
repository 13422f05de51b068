"""An object as Stripe has it now, by its kind and id."""

from __future__ import annotations

from typing import Final

from bridge.payments.client import StripeAccount, StripeObject

INVOICE_OF: Final = "invoice of payment_intent"
"""Asks for the invoice payment by which an intent paid an invoice."""


def look_up(account: StripeAccount, kind: str, key: str) -> StripeObject | None:
    """The object of Stripe's ``object`` kind with this id; None where there is none.

    Of kind `INVOICE_OF` it is the ``invoice_payment`` of the intent with this id: since Basil
    neither intent nor charge names its invoice.

    Raises:
        StripeFault: Stripe cannot be asked.
        LookupError: nothing of that kind is ever asked for.
    """
    api = account.api
    if kind == INVOICE_OF:
        by_intent = {"type": "payment_intent", "payment_intent": key}
        return next(iter(account.every(api.invoice_payments.list, payment=by_intent)), None)
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
