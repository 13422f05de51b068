"""Adding periods to moments: as PHP does it, and as a calendar does it.

All moments are aware UTC.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta

from bridge.domain.periods import Period

_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}


def add_like_php(moment: datetime, period: Period) -> datetime:
    """``strtotime("+1 month")``: a day that the month lacks runs over into the next one.

    31 January and a month is 3 March (domain/plan-changes.md §5.3).
    """
    if period.unit in _DAYS:
        return moment + timedelta(days=_DAYS[period.unit] * period.count)
    year, month = _months_after(moment, period)
    return moment.replace(year=year, month=month, day=1) + timedelta(days=moment.day - 1)


def add_calendar(moment: datetime, period: Period, *, anchor_day: int | None = None) -> datetime:
    """The same day of a later month, or that month's last day when it has none.

    ``anchor_day`` is the day of the month that the series started on, so that
    31 January, 28 February is followed by 31 March.
    """
    if period.unit in _DAYS:
        return moment + timedelta(days=_DAYS[period.unit] * period.count)
    year, month = _months_after(moment, period)
    day = min(anchor_day or moment.day, monthrange(year, month)[1])
    return moment.replace(year=year, month=month, day=day)


def end_of_day(moment: datetime) -> datetime:
    """23:59:59 of the day, which is how the plugin writes expirations."""
    return moment.replace(hour=23, minute=59, second=59, microsecond=0)


def _months_after(moment: datetime, period: Period) -> tuple[int, int]:
    total = moment.year * 12 + moment.month - 1 + period.count * _MONTHS[period.unit]
    return total // 12, total % 12 + 1
