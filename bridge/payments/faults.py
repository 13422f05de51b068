"""What goes wrong between planbridge and Stripe, each as one sentence and what to do."""

from __future__ import annotations

from typing import ClassVar

from bridge.errors import Conflict, PaymentError


class StripeFault(PaymentError):
    """Stripe did not do as asked for network {network}: {why}.

    ``transient`` says that the same request may succeed later.
    """

    transient: ClassVar[bool] = False


class StripeUnreachable(StripeFault):
    """Stripe could not be reached for network {network}: {why}."""

    hint = "It is safe to try again: nothing is done twice."
    transient = True
    status = 503


class StripeBusy(StripeFault):
    """Stripe asked network {network} to send fewer requests."""

    hint = "Try again in a minute."
    transient = True
    status = 503


class StripeKeyRefused(StripeFault):
    """Stripe refused the key of network {network}."""

    hint = (
        "Give planbridge a valid one: "
        "`planbridge network rotate {network} --stripe-key-file FILE`. A restricted key needs "
        "write access to customers, products, prices, coupons, checkout sessions, "
        "subscriptions, invoices and payment intents."
    )


class StripeRefused(StripeFault):
    """Stripe refused a request for network {network}: {why}."""

    hint = "Look the request up in Stripe's log under {request}."


class IdempotencyClash(StripeFault):
    """Stripe has seen the key of this request with other parameters (network {network})."""

    hint = "Ask for a new quote; nothing was charged by this request."


class CardDeclined(StripeFault):
    """The card was declined: {why}"""

    hint = "Pay with another card, or ask the bank."
    status = 402


class StripeKeyMissing(Conflict):
    """Network {network} has no Stripe key: nothing can be collected for it."""

    hint = "`planbridge network rotate {network} --stripe-key-file FILE` gives it one."


class WrongMode(Conflict):
    """The Stripe key of network {network} is a {mode}-mode key, but the network is not in it."""

    hint = "Use a key of the other mode, or add the network with --live."


class BilledElsewhere(Conflict):
    """Membership {membership} is billed by {gateway} (subscription {subscription})."""

    hint = (
        "planbridge did not create that subscription and does not touch it. Adopt it first "
        "with `planbridge adopt`, or cancel it on the network."
    )


class SeveralSubscriptions(Conflict):
    """Membership {membership} has several live subscriptions at Stripe: {subscriptions}."""

    hint = "Cancel all but one of them at Stripe; then try again."


class InvoiceOpen(Conflict):
    """Subscription {subscription} of membership {membership} has an invoice that is not paid."""

    hint = "It has to be paid or voided before the plan can be changed."


class ForeignSchedule(Conflict):
    """Subscription {subscription} has a schedule that planbridge did not make: {schedule}."""

    hint = "Release that schedule at Stripe; then try again."


class CustomerDiscounted(Conflict):
    """Customer {customer} has discount {coupon} at Stripe, which is taken off every invoice:
    what is billed each cycle would not be what the quote says.
    """

    hint = (
        "Remove it from the customer at Stripe; then try again. A discount code of the network "
        "is in the quote."
    )


class AnotherCurrency(Conflict):
    """Subscription {subscription} is billed in {has}, but the quote is in {wants}."""

    hint = "Stripe cannot change a subscription's currency: cancel it first."


class PaidMeanwhile(Conflict):
    """Change {change} was paid while it was being taken back."""

    hint = "Wait until its payment has been dealt with; then ask for a new quote."


class PageExpired(Conflict):
    """The payment page of change {change} has expired."""

    hint = "Ask for a new quote."
