"""Billing periods as Stripe counts them, in seconds since 1970, UTC.

https://docs.stripe.com/billing/subscriptions/billing-cycle: each boundary is the anchor
plus a number of intervals, counted from the anchor and not from the period before, so
31 January is followed by 28 February and then by 31 March.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}

LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}
"""The greatest ``interval_count`` of each interval: three years."""


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` to just before ``end``, in seconds since 1970."""

    start: int
    end: int

    @property
    def seconds(self) -> int:
        """Its length."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Cycle:
    """An interval and its count: every 3 ``month``."""

    interval: str
    count: int

    def boundary(self, anchor: int, number: int) -> int:
        """The anchor plus this number of cycles; negative goes back."""
        at = datetime.fromtimestamp(anchor, UTC)
        steps = number * self.count
        if self.interval in _DAYS:
            return int((at + timedelta(days=steps * _DAYS[self.interval])).timestamp())
        months = at.year * 12 + at.month - 1 + steps * _MONTHS[self.interval]
        year, month = divmod(months, 12)
        day = min(at.day, calendar.monthrange(year, month + 1)[1])
        return int(at.replace(year=year, month=month + 1, day=day).timestamp())

    def span_around(self, anchor: int, at: int) -> Span:
        """The whole period of the anchor's grid that holds this time."""
        number = self._guess(anchor, at)
        while self.boundary(anchor, number) > at:
            number -= 1
        while self.boundary(anchor, number + 1) <= at:
            number += 1
        return Span(self.boundary(anchor, number), self.boundary(anchor, number + 1))

    def _guess(self, anchor: int, at: int) -> int:
        length = self.boundary(anchor, 1) - anchor
        return (at - anchor) // length


def day_text(at: int) -> str:
    """A day as Stripe writes it into proration lines: ``15 Jan 2025``."""
    return datetime.fromtimestamp(at, UTC).strftime("%d %b %Y")
