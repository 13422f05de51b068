"""What Stripe has for a membership: customer, card, the live subscription."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.domain.periods import Period
from bridge.payments.amounts import from_stripe
from bridge.payments.client import StripeAccount, StripeObject
from bridge.payments.faults import BilledElsewhere, SeveralSubscriptions
from bridge.payments.metadata import PaymentReference, read_reference
from bridge.payments.products import product_of
from bridge.payments.recurring import Recurring

_LIVE = frozenset({"active", "trialing", "past_due", "unpaid", "paused"})
_OVER = frozenset({"canceled", "incomplete_expired"})
UNPAID = frozenset({"past_due", "unpaid"})
"""States of a subscription whose last invoice has not been paid."""

_NO_GATEWAY = frozenset({"", "free", "manual"})


@dataclass(frozen=True, slots=True)
class SubscriptionItem:
    """One item. ``product`` is ours; None where the item is not planbridge's."""

    id: str
    product: int | None
    amount: int
    period: Period


@dataclass(frozen=True, slots=True)
class LiveSubscription:
    """A membership's subscription, created or adopted by planbridge. Amounts in our minor units.

    ``ends`` is True when it ends with its period, ``schedule`` the id of what is scheduled.
    """

    id: str
    status: str
    currency: str
    items: tuple[SubscriptionItem, ...]
    period_start: datetime
    period_end: datetime
    schedule: str | None = None
    ends: bool = False
    reference: PaymentReference | None = None

    def recurring(self, *, plan_id: int) -> Recurring:
        """What it bills each cycle; items that are not ours count as the plan's."""
        items: dict[int, int] = {}
        for item in self.items:
            product = item.product if item.product is not None else plan_id
            items[product] = items.get(product, 0) + item.amount
        return Recurring(items, self.items[0].period, self.currency)


@dataclass(frozen=True, slots=True)
class Situation:
    """What Stripe has for a membership. Nothing at all is the default.

    ``payment_method`` is what can be charged without the customer. ``waits`` is whether a
    change of the subscription can wait for its payment: Stripe lets only cards do that, and
    one change at a time (https://docs.stripe.com/billing/subscriptions/pending-updates).
    """

    customer: str | None = None
    payment_method: str | None = None
    subscription: LiveSubscription | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Billed:
    """How a membership is billed as far as the network knows, and who it is."""

    network: str
    membership: int
    gateway: str = ""
    subscription: str = ""


def read_situation(account: StripeAccount, customer: str | None, billed: Billed) -> Situation:
    """Ask Stripe what it has.

    Raises:
        BilledElsewhere: a subscription that planbridge neither made nor adopted bills the
            membership.
        SeveralSubscriptions: more than one of ours is live.
        StripeFault: Stripe cannot be asked.
    """
    found = account.find(account.api.customers.retrieve, customer) if customer else None
    rows = (
        list(account.every(account.api.subscriptions.list, customer=customer, status="all"))
        if found
        else []
    )
    ours = [row for row in rows if _is_ours(row, billed)]
    _refuse_foreign(account, rows, ours, billed)
    live = [row for row in ours if row["status"] in _LIVE]
    if len(live) > 1:
        raise SeveralSubscriptions(
            membership=billed.membership, subscriptions=", ".join(row["id"] for row in live)
        )
    if found is None:
        return Situation()
    method = (found.get("invoice_settings") or {}).get("default_payment_method")
    subscription = live[0] if live else None
    if subscription is not None:
        method = subscription.get("default_payment_method") or method
    return Situation(
        customer=found["id"],
        payment_method=_id(method),
        subscription=_read(subscription, billed.network) if subscription else None,
        waits=subscription is not None and _waits(account, subscription, _id(method)),
    )


def is_of_change(thing: Mapping[str, Any], change_id: str) -> bool:
    """Whether an object at Stripe was made for this change."""
    reference = read_reference(thing.get("metadata"))
    return reference is not None and reference.change == change_id


def _is_ours(row: StripeObject, billed: Billed) -> bool:
    reference = read_reference(row.get("metadata"))
    return reference is not None and (reference.network, reference.membership) == (
        billed.network,
        str(billed.membership),
    )


def _refuse_foreign(
    account: StripeAccount, rows: list[StripeObject], ours: list[StripeObject], billed: Billed
) -> None:
    """The network's own gateway may bill the membership: then planbridge keeps its hands off."""
    own = {row["id"] for row in ours}
    others = [
        row["id"]
        for row in rows
        if row["id"] not in own
        and row["status"] not in _OVER
        and (row.get("metadata") or {}).get("membership_id") == str(billed.membership)
    ]
    named = billed.subscription
    if named and named not in own and billed.gateway not in _NO_GATEWAY:
        known = next((row for row in rows if row["id"] == named), None)
        if known is None and named.startswith("sub_"):
            known = account.find(account.api.subscriptions.retrieve, named)
            if known is not None and _is_ours(known, billed):
                return
        is_gone = named.startswith("sub_") and (known is None or known["status"] in _OVER)
        if not is_gone:
            others.append(named)
    if others:
        raise BilledElsewhere(
            membership=billed.membership,
            gateway=f"the network's gateway {billed.gateway or 'stripe'}",
            subscription=others[0],
        )


def _waits(account: StripeAccount, subscription: StripeObject, method: str | None) -> bool:
    if method is None or subscription.get("pending_update"):
        return False
    kept = account.find(account.api.payment_methods.retrieve, method)
    return kept is not None and kept["type"] == "card"


def _read(row: StripeObject, network: str) -> LiveSubscription:
    currency = row["currency"].upper()
    items = row["items"]["data"]
    return LiveSubscription(
        id=row["id"],
        status=row["status"],
        currency=currency,
        items=tuple(_item(item, currency, network) for item in items),
        period_start=_moment(items[0]["current_period_start"]),
        period_end=_moment(items[0]["current_period_end"]),
        schedule=_id(row.get("schedule")),
        ends=bool(row.get("cancel_at_period_end")),
        reference=read_reference(row.get("metadata")),
    )


def _item(item: StripeObject, currency: str, network: str) -> SubscriptionItem:
    price = item["price"]
    recurring = price["recurring"]
    amount = (price["unit_amount"] or 0) * (item.get("quantity") or 1)
    return SubscriptionItem(
        id=item["id"],
        product=product_of(_id(price["product"]) or "", network),
        amount=from_stripe(amount, currency),
        period=Period(recurring["interval_count"], recurring["interval"]),
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _id(value: object) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else None
