"""How much of a term is left (the fair policy).

The day count is the plugin's: whole 24-hour days against months of 30.4375 days, a
membership that began or was renewed today counts as unused (domain/plan-changes.md
§5.1). Three things differ: the clock is UTC throughout, nothing is credited after the
expiration, and several prepaid cycles count in full instead of being capped at one.
"""

from __future__ import annotations

from datetime import datetime

from bridge.domain.memberships import Membership
from bridge.domain.periods import DAY
from bridge.domain.proration import days_left

# Real months exceed 30.4375 days, and expirations on the 29th to 31st move to the 1st:
# up to five days more than whole cycles are the calendar's, not a further cycle begun.
_CALENDAR_SLACK = 5 * DAY


def cycles_left(membership: Membership, now: datetime) -> tuple[int, int]:
    """The unused cycles as a quotient: 15/30.4375 within one, more than 1 when prepaid.

    (0, 1) when the term is over, has no end, or has no length.
    """
    expires, cycle = membership.date_expiration, membership.period.day_parts
    if expires is None or expires <= now or cycle == 0:
        return 0, 1
    left = days_left(now, expires) * DAY
    whole, rest = divmod(left, cycle)
    slack = _CALENDAR_SLACK if membership.period.unit in ("month", "year") else 0
    if whole and rest <= slack:
        left = whole * cycle
    if left < cycle and _began_today(membership, now):
        left = cycle
    return left, cycle


def _began_today(membership: Membership, now: datetime) -> bool:
    today = now.date()
    return any(
        stamp is not None and stamp.date() == today
        for stamp in (membership.date_created, membership.date_renewed)
    )
