"""The settings of a Stripe account that decide what happens by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class Dunning:
    """What happens after a renewal's payment failed (Stripe: Revenue recovery, Retries).

    Attributes:
        retries: Days between an attempt and the next.
        finally_: What the last failure does to the subscription.
    """

    retries: tuple[int, ...] = (3, 5, 7)
    finally_: Literal["cancel", "unpaid", "past_due"] = "cancel"


@dataclass(slots=True)
class Settings:
    """An account's settings.

    Attributes:
        dunning: Retries of failed renewals.
        draft_for: How long a renewal's invoice stays a draft.
        upcoming_days: Days before a renewal at which ``invoice.upcoming`` is sent.
    """

    dunning: Dunning = field(default_factory=Dunning)
    draft_for: timedelta = timedelta(hours=1)
    upcoming_days: int = 7
