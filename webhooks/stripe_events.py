"""Which event leads to what: one handler per type, found in a table.

A handler looks at the event alone and says what it means; whose it is, and what is done
about it, is the same for all and decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bridge.errors import InvalidAmount
from bridge.payments.amounts import from_stripe
from bridge.payments.metadata import PaymentReference
from bridge.store.events import ClaimedEvent, EventResult
from bridge.store.identities import StripeIdentity
from bridge.upgrades.intent import PaidNotice
from webhooks import stripe_billing, stripe_payments, stripe_reversals
from webhooks.decisions import (
    Accept,
    Collected,
    Decision,
    Directory,
    Finding,
    StripeEvent,
    Watch,
    ignored,
    needs_attention,
    open_event,
)

Handler = Callable[[StripeEvent], Finding | EventResult]

HANDLERS: Final[Mapping[str, Handler]] = {
    "charge.dispute.closed": stripe_reversals.dispute_closed,
    "charge.dispute.created": stripe_reversals.dispute_opened,
    "charge.refunded": stripe_reversals.charge_refunded,
    "checkout.session.async_payment_failed": stripe_payments.session_failed,
    "checkout.session.async_payment_succeeded": stripe_payments.session_paid,
    "checkout.session.completed": stripe_payments.session_completed,
    "checkout.session.expired": stripe_payments.session_expired,
    "customer.deleted": stripe_reversals.customer_deleted,
    "customer.subscription.created": stripe_billing.subscription_changed,
    "customer.subscription.deleted": stripe_billing.subscription_ended,
    "customer.subscription.paused": stripe_billing.subscription_paused,
    "customer.subscription.resumed": stripe_billing.subscription_resumed,
    "customer.subscription.trial_will_end": stripe_billing.trial_ends_soon,
    "customer.subscription.updated": stripe_billing.subscription_changed,
    "invoice.marked_uncollectible": stripe_billing.invoice_written_off,
    "invoice.paid": stripe_payments.invoice_paid,
    "invoice.payment_action_required": stripe_billing.invoice_needs_customer,
    "invoice.payment_failed": stripe_billing.invoice_failed,
    "invoice.voided": stripe_billing.invoice_voided,
    "invoice_payment.paid": stripe_payments.invoice_payment_paid,
    "payment_intent.payment_failed": stripe_payments.intent_failed,
    "payment_intent.succeeded": stripe_payments.intent_succeeded,
    "payment_method.detached": stripe_reversals.card_removed,
    "refund.created": stripe_reversals.refund_changed,
    "refund.failed": stripe_reversals.refund_changed,
    "refund.updated": stripe_reversals.refund_changed,
}
"""Stripe's event types that planbridge acts on. Every other is kept and marked ignored."""

TOLD_BY: Final[Mapping[str, str]] = {
    "charge.succeeded": "payment_intent.succeeded",
    "invoice.payment_succeeded": "invoice.paid",
}
"""Types that tell what another one tells: reacting to both would count a payment twice."""


def decide(event: ClaimedEvent, directory: Directory) -> Decision:
    """What a stored event leads to. Pure."""
    handler = HANDLERS.get(event.type)
    if handler is None:
        other = TOLD_BY.get(event.type)
        return ignored(f"{other} tells the same" if other else f"no handler for {event.type}")
    opened = open_event(event)
    origin = directory.at(event.network_id)
    if opened.account and origin.account and opened.account != origin.account:
        return ignored(
            f"from account {opened.account}, but network {origin.name} has {origin.account}"
        )
    finding = handler(opened)
    if isinstance(finding, EventResult):
        return finding
    if finding.reference is None:
        return _of_somebody(finding, event, origin=origin, directory=directory)
    return _of_a_network(finding, finding.reference, event, origin=origin, directory=directory)


def _of_somebody(
    finding: Finding, event: ClaimedEvent, *, origin: StripeIdentity, directory: Directory
) -> Decision:
    """It does not say whose it is: what was seen before, or the mirror, may know."""
    sharing = directory.sharing(origin, livemode=event.livemode)
    if not sharing:
        return ignored(_wrong_mode(event, origin))
    return _watch(finding, event, networks=tuple(one.network_id for one in sharing))


def _of_a_network(
    finding: Finding,
    reference: PaymentReference,
    event: ClaimedEvent,
    *,
    origin: StripeIdentity,
    directory: Directory,
) -> Decision:
    """It names its network. Nothing is kept or applied unless account and mode fit, too."""
    target = _target(reference, origin=origin, directory=directory)
    if isinstance(target, EventResult):
        return target
    if event.livemode != target.livemode:
        return ignored(_wrong_mode(event, target))
    membership = int(reference.membership) if reference.membership.isdecimal() else None
    watch = _watch(finding, event, networks=(target.network_id,), membership=membership)
    if finding.collected is None or (membership is not None and not reference.quote):
        return watch
    if membership is None:
        return ignored("the metadata does not name a membership")
    return _accept(finding.collected, reference.quote, membership, event, watch)


def _accept(
    money: Collected, quote_id: str, membership_id: int, event: ClaimedEvent, watch: Watch
) -> Decision:
    try:
        amount = from_stripe(money.amount, money.currency)
    except InvalidAmount as error:
        return needs_attention(str(error))
    notice = PaidNotice(
        network_id=watch.networks[0],
        quote_id=quote_id,
        membership_id=membership_id,
        payment_key=money.key,
        amount=amount,
        currency=money.currency,
        paid_at=money.paid_at,
        source=f"{event.type} {event.event_id}",
    )
    return Accept(notice, watch)


def _watch(
    finding: Finding,
    event: ClaimedEvent,
    *,
    networks: tuple[int, ...],
    membership: int | None = None,
) -> Watch:
    return Watch(
        account=event.account,
        sighting=finding.sighting,
        says=finding.says,
        operator=finding.operator,
        owner=None if membership is None else (networks[0], membership),
        networks=networks,
    )


def _wrong_mode(event: ClaimedEvent, network: StripeIdentity) -> str:
    modes = {True: "live", False: "test"}
    return (
        f"{modes[event.livemode]}-mode event, but network {network.name} "
        f"is in {modes[network.livemode]} mode"
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
