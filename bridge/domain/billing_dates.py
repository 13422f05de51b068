"""When a trial ends and when the next payment is due (domain/plan-changes.md §5.3)."""

from __future__ import annotations

from datetime import datetime

from bridge.domain.dates import add_like_php
from bridge.domain.memberships import MembershipStatus
from bridge.domain.order import Order
from bridge.domain.quotes import ChangeKind

RUNNING = (MembershipStatus.ACTIVE, MembershipStatus.ON_HOLD, MembershipStatus.TRIALING)


def waits(order: Order, kind: ChangeKind) -> bool:
    """A downgrade of a running membership waits for its expiration."""
    return kind is ChangeKind.DOWNGRADE and order.membership.status in RUNNING


def billing_start(order: Order, kind: ChangeKind, *, total: int, recurring: int) -> datetime | None:
    """When billing starts if not now: after the shortest trial, or at the expiration.

    One product without a trial cancels the trial.
    """
    if total == 0 and recurring == 0:
        return None
    if waits(order, kind):
        return order.membership.date_expiration
    ends = None
    for priced in order.products:
        trial = priced.product.trial
        if trial is None or trial.count == 0:
            return None
        end = add_like_php(order.now, trial)
        if ends is None or end < ends:
            ends = end
    return ends


def next_charge(order: Order, kind: ChangeKind, *, has_trial: bool) -> datetime | None:
    """The earliest next payment of the order's recurring products."""
    if waits(order, kind):
        return order.membership.date_expiration
    charges = [
        add_like_php(order.now, priced.period)
        for priced in order.products
        if priced.recurring and not (has_trial and priced.product.trial is not None)
    ]
    return min(charges, default=None)
