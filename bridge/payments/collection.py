"""How a quote is collected: which of Stripe's ways, decided from what Stripe has. Pure.

=====================  ===================  ==============================================
what is due            what Stripe has      what is asked of Stripe
=====================  ===================  ==============================================
anything               balance              a Checkout Session for one payment; then as below
something, and each    no card              a Checkout Session that starts the subscription
cycle from today on    card                 a subscription whose first invoice is the sum
… new cycle            card, subscription   the subscription updated, a cycle begun, if paid
… new cycle            debit, subscription  an invoice; then the same
… cycle goes on        card                 an invoice; then the subscription is adjusted
anything else due      no card              a Checkout Session for one payment; then the same
anything else due      card                 an invoice; then the same
nothing, later         subscription         a schedule, or its end with the term
nothing, now           subscription         the subscription is adjusted
nothing                no subscription      nothing, unless a card is wanted for later
=====================  ===================  ==============================================

Stripe's own proration is never used: every sum is the quote's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bridge.domain.dates import add_calendar
from bridge.domain.quotes import ChangeKind, Quote
from bridge.payments.faults import (
    AnotherCurrency,
    CustomerDiscounted,
    ForeignSchedule,
    InvoiceOpen,
)
from bridge.payments.recurring import Recurring, recurring_after
from bridge.payments.situation import UNPAID, LiveSubscription, Situation


class How(StrEnum):
    """What collects the sum that is due."""

    NOTHING = "nothing"
    CHECKOUT_PAYMENT = "checkout_payment"
    CHECKOUT_SUBSCRIPTION = "checkout_subscription"
    INVOICE = "invoice"
    START = "start"
    RESTART = "restart"
    SCHEDULE = "schedule"


class Then(StrEnum):
    """What becomes of the subscription once the sum is paid, without charging anything.

    ``adjust`` sets its items and keeps its cycle, ``restart`` also begins a cycle,
    ``start`` makes one, ``cancel`` ends it.
    """

    NOTHING = "nothing"
    ADJUST = "adjust"
    RESTART = "restart"
    START = "start"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Collection:
    """What is asked of Stripe for a quote.

    Attributes:
        how: What collects ``due``.
        then: What is done with the subscription afterwards.
        due: Due now, in minor units of ``currency``.
        recurring: What is billed each cycle afterwards; None for nothing.
        next_at: When it is billed next, where that is not one cycle after the payment.
        plan_id: The product in whose name single sums are charged.
    """

    how: How
    then: Then
    due: int
    currency: str
    plan_id: int
    recurring: Recurring | None = None
    next_at: datetime | None = None

    @property
    def first_invoice_extra(self) -> int:
        """What is due now beyond one cycle; negative for a credit."""
        return self.due - (self.recurring.total if self.recurring else 0)

    @property
    def subscribes(self) -> bool:
        """Whether a subscription is begun or changed that bills each cycle."""
        leaves_all = self.how in (How.NOTHING, How.CHECKOUT_PAYMENT, How.INVOICE)
        return self.recurring is not None and not (leaves_all and self.then is Then.NOTHING)


def plan_collection(quote: Quote, situation: Situation, *, membership: int = 0) -> Collection:
    """Decide how a possible quote is collected.

    Raises:
        InvoiceOpen: the subscription waits for an older payment.
        ForeignSchedule: somebody else has scheduled something for it.
        AnotherCurrency: the subscription is billed in another one.
        CustomerDiscounted: Stripe would bill less each cycle than the quote says.
    """
    assert quote.target is not None, "only a possible quote is collected"
    subscription = situation.subscription
    if subscription is not None:
        _check(subscription, quote, membership)
    plan_before = quote.target.plan_id
    current = subscription.recurring(plan_id=plan_before) if subscription else None
    recurring = recurring_after(quote, current)
    if recurring is not None and situation.discount:
        # A subscription inherits it where it has no discount of its own, and cannot be told
        # not to; only an invoice by itself can.
        raise CustomerDiscounted(customer=situation.customer, coupon=situation.discount)
    if quote.scheduled:
        how = How.SCHEDULE if subscription else How.NOTHING
        return Collection(
            how, Then.NOTHING, 0, quote.currency, plan_before, recurring, quote.effective_at
        )
    then = _then(quote, subscription, current, recurring)
    natural = recurring is not None and _is_natural(quote, recurring)
    how = _how(quote, situation, then, natural=natural)
    if how in (How.START, How.RESTART, How.CHECKOUT_SUBSCRIPTION):
        then = Then.NOTHING
    begins_later = then is Then.START or not natural
    return Collection(
        how=how,
        then=then,
        due=quote.due_now,
        currency=quote.currency,
        plan_id=quote.target.plan_id,
        recurring=recurring,
        next_at=quote.next_billing_at if recurring and begins_later else None,
    )


def _check(subscription: LiveSubscription, quote: Quote, membership: int) -> None:
    if subscription.status in UNPAID:
        raise InvoiceOpen(subscription=subscription.id, membership=membership)
    if subscription.schedule is not None:
        raise ForeignSchedule(subscription=subscription.id, schedule=subscription.schedule)
    if subscription.currency != quote.currency.upper():
        raise AnotherCurrency(
            subscription=subscription.id, has=subscription.currency, wants=quote.currency
        )


def _then(
    quote: Quote,
    subscription: LiveSubscription | None,
    current: Recurring | None,
    recurring: Recurring | None,
) -> Then:
    joins = quote.kind is ChangeKind.ADDON
    if subscription is None:
        # Who buys something once goes on paying for the plan as before, elsewhere.
        bought = any(line.recurring for line in quote.lines) or not joins
        return Then.START if recurring is not None and bought else Then.NOTHING
    if recurring is None:
        return Then.CANCEL
    if joins or quote.keeps_cycle:
        same = current is not None and dict(recurring.items) == dict(current.items)
        return Then.NOTHING if same else Then.ADJUST
    return Then.RESTART


def _how(quote: Quote, situation: Situation, then: Then, *, natural: bool) -> How:
    has_card = situation.payment_method is not None
    if quote.due_now == 0:
        wants_card = then is Then.START and not has_card and quote.collects_payment
        return How.CHECKOUT_SUBSCRIPTION if wants_card else How.NOTHING
    if situation.balance:
        return How.CHECKOUT_PAYMENT
    if then is Then.START and natural:
        return How.START if has_card else How.CHECKOUT_SUBSCRIPTION
    if not has_card:
        return How.CHECKOUT_PAYMENT
    waits = then is Then.RESTART and natural and situation.waits
    return How.RESTART if waits else How.INVOICE


def _is_natural(quote: Quote, recurring: Recurring) -> bool:
    """Whether the next bill comes one cycle after today, as Stripe's calendar counts it."""
    if quote.quoted_at is None or quote.next_billing_at is None:
        return False
    return add_calendar(quote.quoted_at, recurring.period) == quote.next_billing_at
