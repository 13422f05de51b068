"""Keeping a subscription at what it is to bill, after somebody else has written to it.

When planbridge writes a membership whose gateway is the plugin's own, the plugin gives the
subscription items of its own in the same request, and a coupon for ever where they do not
come to the membership's amount (domain/billing-stripe.md §5). The sum is the same then, but
not what the next change is computed from.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.domain.periods import Period
from bridge.payments.client import StripeAccount, StripeObject, once_for
from bridge.payments.recurring import Recurring
from bridge.payments.situation import OVER, Billed, is_billed_by_us, live_subscription
from bridge.payments.subscriptions import differences, fingerprint


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What was found, as a sentence; ``period`` what it bills by, None where it bills nothing.

    ``done`` False: its items are billed by another period, and setting them would begin a
    cycle.
    """

    says: str
    period: Period | None = None
    done: bool = True


def billing_period(account: StripeAccount, billed: Billed) -> Period | None:
    """By which period a membership's subscription bills; None where it is not ours, or over.

    Raises:
        StripeFault: Stripe cannot be asked.
    """
    row = _ours(account, billed)
    return None if row is None else live_subscription(account, row).items[0].period


def put_right(
    account: StripeAccount, billed: Billed, wanted: Recurring, *, change_id: str
) -> Upkeep:
    """Let the subscription bill exactly what is wanted; reads first, so it may be repeated.

    Nothing is charged or prorated by it.

    Raises:
        StripeFault: Stripe refused, or nobody knows; repeat it then.
    """
    row = _ours(account, billed)
    if row is None:
        return Upkeep(f"{billed.subscription} is over, or not planbridge's")
    present = live_subscription(account, row)
    period = present.items[0].period
    if period != wanted.period:
        return Upkeep(f"{present.id} is not billed by the new period yet", period, done=False)
    changes = differences(account, present, wanted)
    if not changes:
        return Upkeep(f"{present.id} bills what it is to bill", period)
    account.ask(
        account.api.subscriptions.update,
        present.id,
        once=once_for(change_id, f"put-right-{fingerprint(present)}"),
        proration_behavior="none",
        **changes,
    )
    return Upkeep(f"put right at Stripe: {', '.join(sorted(changes))} of {present.id}", period)


def _ours(account: StripeAccount, billed: Billed) -> StripeObject | None:
    row = account.find(
        account.api.subscriptions.retrieve, billed.subscription, expand=["discounts"]
    )
    if row is None or row["status"] in OVER or not is_billed_by_us(row, billed):
        return None
    return row
