"""Is a plan change an upgrade, a downgrade, or refused? (domain/plan-changes.md §4, 7-10)

The plugin compares prices per day as doubles. Doubles of equal decimals are equal, but
their quotients need not be (22.99/30.4375 against 68.97/91.3125), so these two numbers
are the only floats in a quote: they decide as the plugin decides and enter no amount.
"""

from __future__ import annotations

from bridge.domain.memberships import MembershipStatus
from bridge.domain.order import Order
from bridge.domain.periods import DAY, Period
from bridge.domain.prices import Priced
from bridge.domain.rounding import TICKS


def per_day(amount: int, period: Period) -> float:
    """A price per day as the plugin computes it; a period of no days counts as one."""
    days = period.day_parts / DAY
    return amount / TICKS / days if days > 0 else amount / TICKS


def daily_prices(order: Order, old: Priced | None, recurring: int) -> tuple[float, float]:
    """Old and new price per day: of both at a common period if there is one."""
    membership = order.membership
    assert order.period is not None
    before = per_day(membership.amount * order.factor, membership.period)
    after = per_day(recurring, order.period)
    if membership.period.day_parts == order.period.day_parts or old is None or order.plan is None:
        return before, after
    # The plugin takes the new plan at its own period here, not at the order's.
    new = order.priced(order.plan)
    if not _to_common_period(old, new, order.period):
        return before, after
    order.note("comparison.common_period", period=old.period.key)
    return per_day(old.amount, old.period), per_day(new.amount, new.period)


def agreement_refusal(order: Order, before: float, after: float) -> str | None:
    """The refusal of a dearer plan at a shorter period, or None."""
    membership = order.membership
    assert order.period is not None
    if membership.is_free or before >= after:
        return None
    if membership.status is not MembershipStatus.ACTIVE:
        return None
    if membership.period.day_parts <= order.period.day_parts:
        return None
    count, unit = membership.period.count, membership.period.unit
    agreement = unit if count == 1 else f"{count} {unit if count <= 1 else unit + 's'}"
    return f"You already have an active {agreement} agreement."


def is_downgrade(order: Order, before: float, after: float, recurring: int) -> bool:
    """Less per cycle for the same plan, or less per day for another one."""
    membership = order.membership
    if order.plan is not None and order.plan.id == membership.plan_id:
        return membership.amount * order.factor > recurring
    return before > after


def _to_common_period(old: Priced, new: Priced, period: Period) -> bool:
    """Bring both plans to one period, trying the plugin's four ways in its order."""
    if old.period == new.period or old.switch(new.period) or new.switch(old.period):
        return True
    if new.period == period or not old.switch(period):
        return False
    return old.period == new.period or new.switch(period)
