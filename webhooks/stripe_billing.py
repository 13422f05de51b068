"""Events about what is billed again and again: subscriptions, and invoices nobody paid."""

from __future__ import annotations

from bridge.store.events import EventResult
from webhooks.decisions import Finding, StripeEvent
from webhooks.findings import amount_words, found
from webhooks.stripe_objects import identity, mapping, moment, text


def invoice_failed(event: StripeEvent) -> Finding | EventResult:
    """Puts the membership on the ladder: grace, on hold, expired; a payment takes it back."""
    again = moment(event.subject.get("next_payment_attempt"))
    then = f"Stripe tries again at {again:%Y-%m-%d %H:%M} UTC" if again else "the last attempt"
    due = amount_words(event.subject, "amount_due")
    return found(event, f"{due} of {identity(event.subject)} could not be collected; {then}")


def invoice_needs_customer(event: StripeEvent) -> Finding | EventResult:
    """Shown: the bank wants the customer's word; unpaid, it goes down the ladder."""
    return found(event, f"the customer must confirm {identity(event.subject)} with the bank")


def invoice_voided(event: StripeEvent) -> Finding | EventResult:
    """The debt is gone: the membership leaves the ladder, its term is not extended."""
    return found(event, f"{identity(event.subject)} was voided")


def invoice_written_off(event: StripeEvent) -> Finding | EventResult:
    """The membership expires at once, until the invoice is paid after all."""
    return found(event, f"{identity(event.subject)} was written off")


def subscription_changed(event: StripeEvent) -> Finding | EventResult:
    """Its status decides: past due and unpaid go down the ladder, active comes back up."""
    status = text(event.subject.get("status"))
    former = text(event.before.get("status"))
    ends = " and ends with its period" if event.subject.get("cancel_at_period_end") else ""
    since = f", formerly {former}" if former else ""
    return found(event, f"subscription {identity(event.subject)} is {status}{since}{ends}")


def subscription_ended(event: StripeEvent) -> Finding | EventResult:
    """Cancels the membership, unless another subscription replaced it within ten minutes.

    Ended because nobody paid: it expires instead, so that a payment can bring it back.
    """
    why = text(mapping(event.subject.get("cancellation_details")).get("reason"))
    reason = f" ({why})" if why else ""
    return found(event, f"subscription {identity(event.subject)} ended{reason}")


def subscription_paused(event: StripeEvent) -> Finding | EventResult:
    """Puts the membership on hold: its trial ended without a way to pay."""
    return found(event, f"subscription {identity(event.subject)} is paused")


def subscription_resumed(event: StripeEvent) -> Finding | EventResult:
    """Takes the membership off hold."""
    return found(event, f"subscription {identity(event.subject)} is resumed")


def trial_ends_soon(event: StripeEvent) -> Finding | EventResult:
    """Shown three days before; the first paid invoice makes the membership active."""
    end = moment(event.subject.get("trial_end"))
    when = f"{end:%Y-%m-%d %H:%M} UTC" if end else "soon"
    return found(event, f"the trial of {identity(event.subject)} ends {when}")
