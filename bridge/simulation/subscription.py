"""The subscription that bills a simulated membership from the beginning."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from bridge.domain.memberships import Membership, MembershipStatus
from bridge.payments.client import StripeAccount
from bridge.payments.collection import Collection, How, Then
from bridge.payments.customers import make_customer
from bridge.payments.execution import collect
from bridge.payments.metadata import reference_for
from bridge.payments.order import Order
from bridge.payments.recurring import Recurring
from bridge.store.collections import CollectionRepository
from bridge.store.readers import load_catalogue
from bridge.store.tables import Network

GOOD_CARD: Final = "pm_card_visa"
_BILLED: Final = (MembershipStatus.ACTIVE, MembershipStatus.TRIALING)
_SOON: Final = timedelta(minutes=1)


def subscribe(
    session: Session, account: StripeAccount, network: Network, member: Membership, *, now: datetime
) -> None:
    """Let Stripe bill the membership, as planbridge itself makes subscriptions.

    Nothing happens to one that is not billed: free, for life, expired, on hold.
    """
    begins = _next_bill(member)
    if begins is None:
        return
    customer = make_customer(account, member.customer_id)
    CollectionRepository(session).keep_customer(network.key, member.customer_id, customer, now=now)
    session.commit()
    products = load_catalogue(session, network.key).products
    method = account.ask(
        account.api.payment_methods.attach, GOOD_CARD, once="card", customer=customer
    )["id"]
    account.ask(
        account.api.customers.update,
        customer,
        once="default-card",
        invoice_settings={"default_payment_method": method},
    )
    plan = Collection(
        How.NOTHING,
        Then.START,
        due=0,
        currency=member.currency,
        plan_id=member.plan_id,
        recurring=Recurring({member.plan_id: member.amount}, member.period, member.currency),
        next_at=max(begins, now + _SOON),
    )
    order = Order(
        change_id="simulation",
        reference=reference_for(network=network.name, membership_id=member.id, quote_id=""),
        customer=customer,
        asked_at=now,
        expires_at=now,
        success_url=network.url,
        cancel_url=network.url,
        payment_method=method,
        names={key: product.name for key, product in products.items()},
    )
    collect(account, plan, order)


def _next_bill(member: Membership) -> datetime | None:
    """When Stripe bills it first: on the day its term ends, at the time it began; None: never."""
    ends = member.date_trial_end if member.status is MembershipStatus.TRIALING else None
    ends = ends or member.date_expiration
    if ends is None or member.status not in _BILLED or not member.bills_again:
        return None
    began = member.date_renewed or member.date_created
    return datetime.combine(ends, began.timetz()) if began is not None else ends
