"""The credit for the unused part of what was paid (domain/plan-changes.md §5.1)."""

from __future__ import annotations

from datetime import datetime

from bridge.domain.lines import Line
from bridge.domain.memberships import MembershipStatus
from bridge.domain.order import Order
from bridge.domain.periods import DAY
from bridge.domain.prices import Priced
from bridge.domain.quotes import LineType
from bridge.domain.rounding import divide


def parity_credit(order: Order, *, old: Priced | None, upgrade: bool) -> int:
    """Ticks the plugin takes off for the old plan; 0 means no credit line.

    ``old`` is the member's plan at the member's period. Whole days of 24 hours count;
    a membership created or renewed today counts as unused; the credit never exceeds
    the cycle's price; the smaller setup fee of both plans comes back with its tax.
    Rounded once, at the end.
    """
    membership = order.membership
    if membership.status is MembershipStatus.TRIALING:
        order.note("credit.trial")
        return 0
    if membership.bills_again:
        parts, whole = _unused(order)
    else:
        # Lifetime or one-time: what was paid comes back without decay.
        parts, whole = membership.initial_amount * order.factor, 1
        if parts:
            order.note("credit.one_time", parts)
    if parts == 0:
        return 0
    fees = any(line.type is LineType.FEE for line in order.lines)
    if (fees or upgrade) and old is not None and order.plan is not None:
        parts += _fee_credit(order, old) * whole
    return divide(parts, whole * order.quantum) * order.quantum


def days_left(now: datetime, expiration: datetime | None) -> int:
    """Whole 24-hour periods from now to the expiration; 0 when past or unknown."""
    if expiration is None or now > expiration:
        return 0
    return (expiration - now).days


def _unused(order: Order) -> tuple[int, int]:
    """The unused price in ticks, as a quotient."""
    membership = order.membership
    amount = membership.amount * order.factor
    today = order.now.date()
    for stamp in (membership.date_created, membership.date_renewed):
        if stamp is not None and stamp.date() == today:
            order.note("credit.same_day", amount)
            return amount, 1
    left = days_left(order.now, membership.date_expiration)
    if left == 0:
        return 0, 1
    cycle = membership.period.day_parts
    parts, whole = left * DAY * amount, cycle
    if parts >= amount * whole:
        order.note("credit.capped", amount, days=left)
        return amount, 1
    order.note("credit.days", amount, days=left, cycle=shown_days(cycle))
    return parts, whole


def shown_days(parts: int) -> str:
    """Ten-thousandths of a day as days: ``30.4375``, ``365.25``, ``15``."""
    return f"{parts / DAY:g}" if parts % DAY else str(parts // DAY)


def _fee_credit(order: Order, old: Priced) -> int:
    """The smaller of both setup fees, with its tax."""
    plan = order.plan
    fee = min(old.setup_fee, plan.setup_fee * order.factor) if plan is not None else 0
    if fee <= 0:
        return 0
    line = Line(LineType.FEE, "", fee, period=old.period, product_id=old.product.id)
    if order.tax(line, old.product):
        line.compute()
    order.note("credit.setup_fee", line.total)
    return line.total
