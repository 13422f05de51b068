"""What follows an unpaid renewal, step by step, until it is paid.

The plugin leaves such a membership active for ever or, later, expires it at once
(domain/billing-stripe.md §7 no. 10). Here it goes down a ladder, and a payment takes it
back up by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Rung(StrEnum):
    """How far down an unpaid membership is."""

    GRACE = "grace"
    ON_HOLD = "on-hold"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Ladder:
    """Days on each rung, counted from the day the unpaid invoice was due.

    In the grace nothing changes but that it is shown; 0 skips a rung. The grace is the
    plugin's own (domain/billing-stripe.md §6), the hold as long as Stripe's usual retries.
    """

    grace_days: int = 3
    hold_days: int = 14

    def rung(self, since: datetime, now: datetime) -> Rung:
        """Where a membership stands whose invoice was due at ``since``."""
        for rung, until in self._ends(since):
            if now < until:
                return rung
        return Rung.EXPIRED

    def next_rung_at(self, since: datetime, now: datetime) -> datetime | None:
        """When it goes further down; None at the end."""
        return next((until for _, until in self._ends(since) if now < until), None)

    def ends(self, since: datetime) -> tuple[datetime, datetime]:
        """When the grace ends and it goes on hold, and when it expires."""
        (_, held_at), (_, expires_at) = self._ends(since)
        return held_at, expires_at

    def _ends(self, since: datetime) -> tuple[tuple[Rung, datetime], ...]:
        held = since + timedelta(days=self.grace_days)
        return (Rung.GRACE, held), (Rung.ON_HOLD, held + timedelta(days=self.hold_days))


DEFAULT_LADDER = Ladder()
