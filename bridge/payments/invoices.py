"""Single sums: an invoice of its own, paid with the customer's card."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from bridge.payments.amounts import to_stripe
from bridge.payments.client import StripeAccount, StripeObject
from bridge.payments.collection import Collection
from bridge.payments.faults import CardDeclined, StripeRefused
from bridge.payments.metadata import read_reference
from bridge.payments.order import Asked, Order
from bridge.payments.situation import is_of_change

RENEWAL = "subscription_cycle"
"""The billing reason of invoices that pay for no change."""


BANK_ASKS: Final = "the bank wants the customer to confirm the payment"
"""Why an invoice is not paid that only its customer can pay, on Stripe's page."""

_STOPPED: Final = ("requires_payment_method", "requires_action")
"""An attempt in one of these states goes on with nothing but another card, or the customer."""

CHARGES: Final = ("ch_", "py_")
"""What the ids of charges begin with; those of debits with the second."""


def payment_ids(account: StripeAccount, key: str) -> tuple[str, ...]:
    """The intents and charges by which an invoice was paid, or the charge of an intent.

    Raises:
        StripeFault: Stripe cannot be asked.
    """
    intents, charges = [key] if key.startswith("pi_") else [], []
    if key.startswith("in_"):
        for row in account.every(account.api.invoice_payments.list, invoice=key):
            paid_by = row.get("payment") or {}
            intents += [paid_by["payment_intent"]] if paid_by.get("payment_intent") else []
            charges += [paid_by["charge"]] if paid_by.get("charge") else []
    for intent in intents:
        found = account.find(account.api.payment_intents.retrieve, intent)
        if found is not None and found.get("latest_charge"):
            charges.append(found["latest_charge"])
    return (*intents, *charges)


def charge(account: StripeAccount, collection: Collection, order: Order, *, title: str) -> Asked:
    """Charge what is due to the card. Declined, the invoice stays open for the customer.

    Raises:
        StripeFault: Stripe refused for another reason than the card.
    """
    invoice = next((row for row in invoices_of(account, order)), None)
    if invoice is None:
        invoice = account.ask(
            account.api.invoices.create,
            once=order.once("invoice"),
            customer=order.customer,
            currency=collection.currency.lower(),
            collection_method="charge_automatically",
            auto_advance=False,
            pending_invoice_items_behavior="exclude",
            # Else it would inherit the customer's.
            discounts="",
            description=title,
            metadata=order.paying(),
        )
    if invoice["status"] == "draft":
        if not invoice["total"]:
            account.ask(
                account.api.invoice_items.create,
                once=order.once("invoice-item"),
                customer=order.customer,
                invoice=invoice["id"],
                amount=to_stripe(collection.due, collection.currency),
                currency=collection.currency.lower(),
                description=title,
                metadata=order.paying(),
            )
        invoice = account.ask(
            account.api.invoices.finalize_invoice,
            invoice["id"],
            once=order.once("invoice-final"),
            auto_advance=False,
        )
    if invoice["status"] == "open" and not invoice["attempted"]:
        invoice = _pay(account, invoice, order)
    return outcome(account, invoice, order)


def outcome(account: StripeAccount, invoice: StripeObject, order: Order) -> Asked:
    """What an invoice came to: paid, on its way, or a page where the customer can pay it.

    Another card than the one that was refused is tried, each once.

    Raises:
        StripeFault: Stripe cannot be asked.
    """
    intent = _intent(account, invoice)
    if invoice["status"] == "open" and _has_other_card(intent, order):
        invoice = _pay(account, invoice, order, step=f"invoice-pay-{order.payment_method}")
        intent = _intent(account, invoice)
    if invoice["status"] == "paid":
        if intent is not None:
            _mark(account, intent, order)
        return Asked(paid=True, id=invoice["id"])
    if intent is not None and intent["status"] == "processing":
        why = "the bank has not settled the debit yet"
        return Asked(paid=False, id=invoice["id"], why=why)
    page = invoice.get("hosted_invoice_url")
    return Asked(paid=False, url=page, id=invoice["id"], why=_obstacle(intent))


def invoices_of(account: StripeAccount, order: Order) -> list[StripeObject]:
    """Invoices that were made to pay for a change, by their own or the subscription's metadata."""
    return [
        row
        for row in account.every(account.api.invoices.list, customer=order.customer)
        if row["status"] != "void"
        and row.get("billing_reason") != RENEWAL
        and (is_of_change(row, order.change_id) or _through_subscription(row, order.change_id))
    ]


def mark_paid(account: StripeAccount, order: Order) -> None:
    """Let invoice and intent of what was paid for a change say so; doing it again does nothing.

    Stripe copies the metadata of a subscription to neither, and a payment page or a bank that
    asked has made them after the request.

    Raises:
        StripeFault: Stripe cannot be asked.
    """
    for invoice in invoices_of(account, order):
        if invoice["status"] != "paid":
            continue
        if not is_of_change(invoice, order.change_id):
            account.ask(
                account.api.invoices.update,
                invoice["id"],
                once=order.once(f"mark-{invoice['id']}"),
                metadata=order.paying(),
            )
        intent = _intent(account, invoice)
        if intent is not None:
            _mark(account, intent, order)


def _pay(
    account: StripeAccount, invoice: StripeObject, order: Order, *, step: str = "invoice-pay"
) -> StripeObject:
    try:
        return account.ask(
            account.api.invoices.pay,
            invoice["id"],
            once=order.once(step),
            payment_method=order.payment_method,
            off_session=True,
        )
    except CardDeclined:
        return account.read(account.api.invoices.retrieve, invoice["id"])


def _through_subscription(invoice: StripeObject, change_id: str) -> bool:
    details = ((invoice.get("parent") or {}).get("subscription_details") or {}).get("metadata")
    reference = read_reference(details)
    # Without a quote it was adjusted, and nothing was to be paid.
    return reference is not None and reference.change == change_id and bool(reference.quote)


def _intent(account: StripeAccount, invoice: StripeObject) -> StripeObject | None:
    """The last attempt to pay an invoice, or None."""
    shown = account.read(account.api.invoices.retrieve, invoice["id"], expand=["payments"])
    rows: list[dict[str, Any]] = (shown.get("payments") or {}).get("data") or []
    named = [(row.get("payment") or {}).get("payment_intent") for row in rows]
    found = [one for one in named if isinstance(one, str)]
    return account.read(account.api.payment_intents.retrieve, found[-1]) if found else None


def _has_other_card(intent: StripeObject | None, order: Order) -> bool:
    """Whether the customer has given another card since one was refused, or the bank asked."""
    if intent is None or order.payment_method is None or intent["status"] not in _STOPPED:
        return False
    refused = (intent.get("last_payment_error") or {}).get("payment_method") or {}
    tried = intent.get("payment_method") or refused.get("id")
    return tried is not None and tried != order.payment_method


def _obstacle(intent: StripeObject | None) -> str:
    if intent is None:
        return "it was not paid"
    if intent["status"] == "requires_action":
        return BANK_ASKS
    error = intent.get("last_payment_error") or {}
    return str(error.get("message") or "the card was not charged")


def _mark(account: StripeAccount, intent: StripeObject, order: Order) -> None:
    """Let refunds and disputes of the payment find the change, too."""
    if is_of_change(intent, order.change_id):
        return
    # The money has been taken: that it cannot be marked is no reason to fail.
    with suppress(StripeRefused):
        account.ask(
            account.api.payment_intents.update,
            intent["id"],
            once=order.once(f"mark-{intent['id']}"),
            metadata=order.paying(),
        )
