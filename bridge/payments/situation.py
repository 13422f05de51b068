"""What Stripe has for a membership: customer, card, the live subscription."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bridge.domain.periods import Period
from bridge.payments.amounts import from_stripe
from bridge.payments.client import StripeAccount, StripeObject
from bridge.payments.faults import BilledElsewhere, SeveralSubscriptions
from bridge.payments.metadata import PaymentReference, read_reference
from bridge.payments.products import product_of
from bridge.payments.recurring import Recurring

_LIVE = frozenset({"active", "trialing", "past_due", "unpaid", "paused"})
OVER = frozenset({"canceled", "incomplete_expired"})
"""States of a subscription that never bills again."""

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
    ``discounted`` and ``taxed`` say that coupons or tax rates of the whole subscription change
    what its items come to; ``surcharge`` is by how much each cycle, negative for less, tax
    rates of single items included. What planbridge makes has none of it; what the plugin made
    may (domain/billing-stripe.md §1).
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
    discounted: bool = False
    taxed: bool = False
    surcharge: int = 0

    def recurring(self, *, plan_id: int) -> Recurring:
        """What it bills each cycle; items that are not ours count as the plan's.

        The plan is charged the surcharge; what is more than it costs is taken off others.
        """
        items: dict[int, int] = {}
        for item in self.items:
            product = item.product if item.product is not None else plan_id
            items[product] = items.get(product, 0) + item.amount
        rest = self.surcharge
        for product in sorted(items, key=lambda one: one != plan_id):
            changed = max(items[product] + rest, 0)
            rest -= changed - items[product]
            items[product] = changed
        return Recurring(items, self.items[0].period, self.currency)


@dataclass(frozen=True, slots=True)
class Situation:
    """What Stripe has for a membership. Nothing at all is the default.

    ``payment_method`` is what can be charged without the customer. ``waits`` is whether a
    change of the subscription can wait for its payment: Stripe lets only cards do that, and
    one change at a time (https://docs.stripe.com/billing/subscriptions/pending-updates).
    ``balance`` is whether the customer has one at Stripe: every invoice is set off against it,
    so that none charges exactly what was quoted. ``discount`` names a coupon of the customer
    that is taken off all his invoices, "" without one.
    """

    customer: str | None = None
    payment_method: str | None = None
    subscription: LiveSubscription | None = None
    waits: bool = False
    balance: bool = False
    discount: str = ""


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
        list(
            account.every(
                account.api.subscriptions.list,
                customer=customer,
                status="all",
                expand=["data.discounts"],
            )
        )
        if found
        else []
    )
    ours = [row for row in rows if is_billed_by_us(row, billed)]
    _refuse_foreign(account, rows, ours, billed)
    live = [row for row in ours if row["status"] in _LIVE]
    if len(live) > 1:
        raise SeveralSubscriptions(
            membership=billed.membership, subscriptions=", ".join(row["id"] for row in live)
        )
    if found is None:
        return Situation()
    method = (found.get("invoice_settings") or {}).get("default_payment_method")
    row = live[0] if live else None
    if row is not None:
        method = row.get("default_payment_method") or method
    subscription = live_subscription(account, row) if row is not None else None
    return Situation(
        customer=found["id"],
        payment_method=_id(method),
        subscription=subscription,
        balance=bool(found.get("balance")),
        discount=_coupon_of(found.get("discount")),
        waits=row is not None
        and subscription is not None
        and not (subscription.discounted or subscription.taxed)
        and _waits(account, row, _id(method)),
    )


def live_subscription(account: StripeAccount, row: StripeObject) -> LiveSubscription:
    """A subscription as Stripe shows it, with its coupons looked up where it has some.

    Raises:
        StripeFault: Stripe cannot be asked.
    """
    currency = row["currency"].upper()
    rows = row["items"]["data"]
    items = tuple(_item(item, currency, account.network) for item in rows)
    gross = sum(item.amount for item in items)
    rates = row.get("default_tax_rates") or []
    discounts = row.get("discounts") or []
    off = _off(account, discounts, gross, currency)
    taxes = sum(
        _tax(item.amount, raw.get("tax_rates") or rates)
        for item, raw in zip(items, rows, strict=True)
    )
    return LiveSubscription(
        id=row["id"],
        status=row["status"],
        currency=currency,
        items=items,
        period_start=_moment(rows[0]["current_period_start"]),
        period_end=_moment(rows[0]["current_period_end"]),
        schedule=_id(row.get("schedule")),
        ends=bool(row.get("cancel_at_period_end")),
        reference=read_reference(row.get("metadata")),
        discounted=bool(discounts),
        taxed=bool(rates),
        surcharge=(gross and taxes * (gross - off) // gross) - off,
    )


def is_of_change(thing: Mapping[str, Any], change_id: str) -> bool:
    """Whether an object at Stripe was made for this change."""
    reference = read_reference(thing.get("metadata"))
    return reference is not None and reference.change == change_id


def is_billed_by_us(row: StripeObject, billed: Billed) -> bool:
    """Whether a subscription was made or adopted by planbridge for this membership."""
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
        and row["status"] not in OVER
        and (row.get("metadata") or {}).get("membership_id") == str(billed.membership)
    ]
    named = billed.subscription
    if named and named not in own and billed.gateway not in _NO_GATEWAY:
        known = next((row for row in rows if row["id"] == named), None)
        if known is None and named.startswith("sub_"):
            known = account.find(account.api.subscriptions.retrieve, named)
            if known is not None and is_billed_by_us(known, billed):
                return
        is_gone = named.startswith("sub_") and (known is None or known["status"] in OVER)
        if not is_gone:
            others.append(named)
    if others:
        raise BilledElsewhere(
            membership=billed.membership,
            gateway=f"the network's gateway {billed.gateway or 'stripe'}",
            subscription=others[0],
        )


def _coupon_of(discount: Mapping[str, Any] | None) -> str:
    """The coupon of a customer's discount, in either shape; "" without one."""
    if discount is None:
        return ""
    coupon = discount.get("coupon") or (discount.get("source") or {}).get("coupon")
    if isinstance(coupon, Mapping):
        return str(coupon["id"])
    return str(coupon or discount["id"])


def _waits(account: StripeAccount, subscription: StripeObject, method: str | None) -> bool:
    if method is None or subscription.get("pending_update"):
        return False
    kept = account.find(account.api.payment_methods.retrieve, method)
    return kept is not None and kept["type"] == "card"


def _off(account: StripeAccount, discounts: Sequence[object], gross: int, currency: str) -> int:
    """What coupons take off every cycle from now on; one that ends takes off none of those."""
    off = 0
    for each in discounts:
        assert isinstance(each, Mapping), "asked for with its discounts"
        coupon = each.get("coupon") or (each.get("source") or {}).get("coupon")
        if isinstance(coupon, str):
            coupon = account.read(account.api.coupons.retrieve, coupon)
        if coupon is None or coupon["duration"] != "forever":
            continue
        if coupon.get("amount_off"):
            off += from_stripe(coupon["amount_off"], currency)
        else:
            percent = Decimal(str(coupon["percent_off"]))
            off += int(((gross - off) * percent / 100).quantize(Decimal(1), ROUND_HALF_UP))
    return min(off, gross)


def _tax(amount: int, rates: Sequence[Mapping[str, Any]]) -> int:
    """Tax that comes on top of an amount."""
    percent = sum(
        (Decimal(str(rate["percentage"])) for rate in rates if not rate.get("inclusive")),
        Decimal(0),
    )
    return int((amount * percent / 100).quantize(Decimal(1), ROUND_HALF_UP))


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
