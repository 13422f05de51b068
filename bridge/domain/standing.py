"""How a membership stands by what its subscription and invoices are, and until when it is paid.

Pure: from what was seen of Stripe's objects to what the network should show. Nothing here
depends on the order in which anything was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bridge.domain.dates import end_of_day
from bridge.domain.ladder import Ladder, Rung
from bridge.domain.memberships import MembershipStatus

_DRAFTING = timedelta(hours=2)
_OVER = frozenset({"canceled", "incomplete_expired"})
_NEVER_BEGUN = frozenset({"incomplete", "incomplete_expired"})
_OWING = frozenset({"past_due", "unpaid"})

REPLACEMENT_PATIENCE = timedelta(minutes=10)
"""How long an ended subscription may turn out to have been replaced by another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledInvoice:
    """An invoice of a subscription. Amounts in the units of its currency at Stripe.

    ``due_since`` is when it was finalised, ``period_end`` the end of the term it pays for.
    ``renews`` for one that a new cycle made and that pays for no quote; ``ours`` when its
    subscription was made or taken over by planbridge.
    """

    id: str
    status: str
    subscription: str
    renews: bool
    ours: bool
    due_since: datetime
    failed: bool = False
    paid_at: datetime | None = None
    period_end: datetime | None = None
    amount: int = 0
    tax: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledSubscription:
    """A subscription. ``unpaid_end`` when it ended because nobody paid."""

    id: str
    status: str
    ours: bool
    period_start: datetime | None = None
    period_end: datetime | None = None
    ended_at: datetime | None = None
    unpaid_end: bool = False

    @property
    def is_over(self) -> bool:
        """It will never bill again."""
        return self.status in _OVER


class Standing(StrEnum):
    """How a membership stands."""

    UNKNOWN = "unknown"
    GOOD = "good"
    GRACE = "grace"
    ON_HOLD = "on-hold"
    EXPIRED = "expired"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a membership stands, why, and when to look again without being told."""

    standing: Standing
    why: str = ""
    look_at: datetime | None = None


_RUNGS = {
    Rung.GRACE: Standing.GRACE,
    Rung.ON_HOLD: Standing.ON_HOLD,
    Rung.EXPIRED: Standing.EXPIRED,
}


def paid_until(period_end: datetime) -> datetime:
    """The expiration after a paid renewal: the 2-hour rule (domain/billing-stripe.md §4).

    The end of the UTC day on which the paid period ends, or two hours after that end if
    they are later: Stripe drafts the next invoice for about an hour.
    """
    return max(end_of_day(period_end), period_end + _DRAFTING)


def moved_forward(current: datetime | None, until: datetime, *, bills_again: bool) -> bool:
    """Whether an expiration may be moved there: never backwards, never away from lifetime."""
    return bills_again if current is None else until > current


def judge(
    subscriptions: Sequence[BilledSubscription],
    invoices: Sequence[BilledInvoice],
    *,
    now: datetime,
    ladder: Ladder,
) -> Verdict:
    """How a membership with these subscriptions and invoices stands at ``now``.

    Subscriptions of somebody else say nothing: whoever bills with them decides.
    """
    begun = [one for one in subscriptions if one.ours and one.status not in _NEVER_BEGUN]
    if not begun:
        return Verdict(Standing.UNKNOWN)
    live = [one for one in begun if not one.is_over]
    if not live:
        return _ended(begun, now)
    ids = {one.id for one in live}
    theirs = [one for one in invoices if one.subscription in ids and one.renews]
    written_off = next((one for one in theirs if one.status == "uncollectible"), None)
    if written_off is not None:
        return Verdict(Standing.EXPIRED, f"invoice {written_off.id} was written off")
    since = _owing_since(live, theirs)
    if since is not None:
        rung = ladder.rung(since, now)
        why = f"unpaid since {since:%Y-%m-%d %H:%M} UTC"
        return Verdict(_RUNGS[rung], why, ladder.next_rung_at(since, now))
    if all(one.status == "paused" for one in live):
        return Verdict(Standing.PAUSED, f"subscription {live[0].id} is paused")
    return Verdict(Standing.GOOD)


def status_for(
    verdict: Verdict, current: MembershipStatus, *, lowered_to: str, lowered_from: str
) -> MembershipStatus:
    """The status to show, given the one that is shown.

    Only what planbridge lowered itself (``lowered_to``, from ``lowered_from``) is raised
    again: a status that the operator set stays.
    """
    active, on_hold = MembershipStatus.ACTIVE, MembershipStatus.ON_HOLD
    running = (active, MembershipStatus.TRIALING)
    if current is MembershipStatus.CANCELLED or verdict.standing is Standing.UNKNOWN:
        return current
    match verdict.standing:
        case Standing.ENDED:
            return MembershipStatus.CANCELLED
        case Standing.EXPIRED:
            return MembershipStatus.EXPIRED if current in (*running, on_hold) else current
        case Standing.ON_HOLD | Standing.PAUSED:
            return on_hold if current in running else current
    if current not in running and current.value == lowered_to:
        return MembershipStatus(lowered_from)
    return current


def _ended(subscriptions: Sequence[BilledSubscription], now: datetime) -> Verdict:
    last = max(subscriptions, key=lambda one: (one.ended_at or now, one.id))
    why = f"subscription {last.id} ended"
    if last.unpaid_end:
        return Verdict(Standing.EXPIRED, f"{why} because nobody paid")
    sure_at = (last.ended_at or now) + REPLACEMENT_PATIENCE
    if now < sure_at:
        return Verdict(Standing.GOOD, f"{why}; it may be replaced", sure_at)
    return Verdict(Standing.ENDED, why)


def _owing_since(
    live: Sequence[BilledSubscription], invoices: Sequence[BilledInvoice]
) -> datetime | None:
    failed = [one.due_since for one in invoices if one.status == "open" and one.failed]
    if failed:
        return min(failed)
    starts = [one.period_start for one in live if one.status in _OWING and one.period_start]
    return min(starts, default=None)
