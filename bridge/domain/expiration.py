"""Until when a membership is paid (domain/plan-changes.md §5.3, §10).

The network's dates end a day: 23:59:59 UTC. None means lifetime.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bridge.domain.dates import add_calendar, add_like_php, end_of_day
from bridge.domain.memberships import Membership
from bridge.domain.periods import Period
from bridge.domain.quotes import Quote

_LATE_DAYS = (29, 30, 31)


def renewed_expiration(
    membership: Membership,
    *,
    now: datetime,
    policy: str,
    from_today: bool = False,
) -> datetime | None:
    """The expiration after a renewal, by the policy ``parity`` or ``fair``.

    Counted from the current expiration if that lies ahead, else (or ``from_today``)
    from now. ``parity`` lets months run over and moves the 29th to 31st to the first of
    the following month; ``fair`` stays in the month that the calendar says and returns
    to the day the membership started on.
    """
    if not membership.bills_again or membership.period.count == 0:
        return None
    current = membership.date_expiration
    ahead = current is not None and current > now and not from_today
    base = current if ahead and current is not None else now
    if policy == "parity":
        return _parity(base, membership.period)
    anchor = _anchor_day(membership, base) if ahead else None
    return end_of_day(add_calendar(base, membership.period, anchor_day=anchor))


def next_expiration_for_change(
    quote: Quote, *, membership: Membership, now: datetime, policy: str
) -> datetime | None:
    """The expiration to write when a paid change is carried out at ``now``.

    A plan change starts a new cycle now, unless the quote keeps the running one, as an
    add-on does. None for a plan that is paid once and for all.
    """
    target = quote.target
    if target is None or quote.keeps_cycle:
        return membership.date_expiration
    if quote.billing_starts_at is not None and quote.has_trial and not quote.scheduled:
        return end_of_day(quote.billing_starts_at)
    if not target.recurring or target.period.count == 0:
        return None
    if policy == "parity":
        return _parity(now, target.period)
    return end_of_day(add_calendar(now, target.period))


def _parity(base: datetime, period: Period) -> datetime:
    result = add_like_php(base, period)
    if period.unit == "month" and result.day in _LATE_DAYS:
        result = result.replace(day=1) + timedelta(days=31)
        result = result.replace(day=1)
    return end_of_day(result)


def _anchor_day(membership: Membership, base: datetime) -> int | None:
    """The day of the month the cycles started on, if month ends have shortened it since."""
    started = membership.date_created
    if started is None or started.day <= base.day or base.day < 28:
        return None
    tomorrow = base + timedelta(days=1)
    return started.day if tomorrow.day == 1 else None
