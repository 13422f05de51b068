"""Which event leads to what: one handler per type, found in a table.

A handler looks at the event alone and says what it means; whose it is, and what is done
about it, is the same for all and decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from sqlmodel import Session

from bridge.errors import InvalidAmount
from bridge.payments.amounts import from_stripe
from bridge.payments.metadata import PaymentReference
from bridge.store.events import ClaimedEvent, EventResult
from bridge.store.identities import StripeIdentity
from bridge.store.tables import EventState
from bridge.upgrades.intent import PaidNotice, Verdict, accept_payment
from webhooks import stripe_payments
from webhooks.decisions import (
    Accept,
    Collected,
    Decision,
    Directory,
    StripeEvent,
    ignored,
    needs_attention,
    open_event,
)

Handler = Callable[[StripeEvent], Collected | EventResult]

HANDLERS: Final[Mapping[str, Handler]] = {
    "checkout.session.async_payment_succeeded": stripe_payments.session_paid,
    "checkout.session.completed": stripe_payments.session_completed,
    "invoice.paid": stripe_payments.invoice_paid,
    "payment_intent.succeeded": stripe_payments.intent_succeeded,
}
"""Stripe's event types that planbridge acts on. Every other is kept and marked ignored."""

_STATES: Final[Mapping[Verdict, EventState]] = {
    Verdict.ACCEPTED: EventState.APPLIED,
    Verdict.DUPLICATE: EventState.IGNORED,
    Verdict.MISMATCH: EventState.ATTENTION,
    Verdict.UNKNOWN_QUOTE: EventState.ATTENTION,
    Verdict.CONFLICT: EventState.ATTENTION,
}


def decide(event: ClaimedEvent, directory: Directory) -> Decision:
    """What a stored event leads to. Pure."""
    handler = HANDLERS.get(event.type)
    if handler is None:
        return ignored(f"no handler for {event.type}")
    opened = open_event(event)
    origin = directory.at(event.network_id)
    if opened.account and origin.account and opened.account != origin.account:
        return ignored(
            f"from account {opened.account}, but network {origin.name} has {origin.account}"
        )
    finding = handler(opened)
    if not isinstance(finding, Collected):
        return finding
    return _for_a_quote(finding, opened, origin=origin, directory=directory)


def carry_out(
    decision: Accept, session: Session, *, now: datetime, quote_key: bytes
) -> EventResult:
    """Hand the payment to the engine's intent, in the caller's transaction.

    ``quote_key`` is the key that quotes are signed with.
    """
    outcome = accept_payment(session, decision.notice, now=now, quote_key=quote_key)
    return EventResult(
        _STATES[outcome.verdict],
        outcome.reason,
        change_id=outcome.change_id,
        network_id=decision.notice.network_id,
    )


def _for_a_quote(
    money: Collected, event: StripeEvent, *, origin: StripeIdentity, directory: Directory
) -> Decision:
    """Whose quote the money is for. Nothing is applied unless network, account and mode fit."""
    target = _target(money.reference, origin=origin, directory=directory)
    if isinstance(target, EventResult):
        return target
    if event.livemode != target.livemode:
        modes = {True: "live", False: "test"}
        return ignored(
            f"{modes[event.livemode]}-mode event, but network {target.name} "
            f"is in {modes[target.livemode]} mode"
        )
    reference = money.reference
    if not reference.quote or not reference.membership.isdecimal():
        return ignored("the metadata does not name a quote and a membership")
    try:
        amount = from_stripe(money.amount, money.currency)
    except InvalidAmount as error:
        return needs_attention(str(error))
    return Accept(
        PaidNotice(
            network_id=target.network_id,
            quote_id=reference.quote,
            membership_id=int(reference.membership),
            payment_key=money.key,
            amount=amount,
            currency=money.currency,
            paid_at=money.paid_at,
            source=f"{event.type} {event.id}",
        )
    )


def _target(
    reference: PaymentReference, *, origin: StripeIdentity, directory: Directory
) -> StripeIdentity | EventResult:
    """The network that the metadata names.

    On an account of several networks Stripe sends an event to each endpoint and it is kept
    once, through whichever came first: it is for the named one all the same.
    """
    if not reference.network:
        return ignored("the metadata names no network")
    target = directory.named(reference.network, origin=origin)
    if target is None:
        return ignored(f"for network {reference.network}, which planbridge does not know")
    if target is not origin and not (target.account and target.account == origin.account):
        return ignored(f"for network {target.name}, but it came from that of {origin.name}")
    return target
