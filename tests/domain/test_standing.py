"""How a membership stands, until when it is paid, and which rung an unpaid one is on."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.ladder import Ladder, Rung
from bridge.domain.memberships import MembershipStatus
from bridge.domain.standing import (
    REPLACEMENT_PATIENCE,
    BilledInvoice,
    BilledSubscription,
    Standing,
    Verdict,
    judge,
    moved_forward,
    paid_until,
    status_for,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LADDER = Ladder(grace_days=3, hold_days=14)
MOMENTS = st.datetimes(
    min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC)
)


def at(hour: int, minute: int = 0, second: int = 0, *, day: int = 10) -> datetime:
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


def subscription(status: str, *, key: str = "sub_1", **fields: object) -> BilledSubscription:
    return BilledSubscription(**{"id": key, "status": status, "ours": True, **fields})


def invoice(
    status: str, *, key: str = "in_1", days_ago: int = 0, **fields: object
) -> BilledInvoice:
    known = {
        "id": key,
        "status": status,
        "subscription": "sub_1",
        "renews": True,
        "ours": True,
        "due_since": NOW - days_ago * DAY,
        "failed": status == "open",
    }
    return BilledInvoice(**{**known, **fields})


@pytest.mark.parametrize(
    ("period_end", "expiration"),
    [
        (at(0), at(23, 59, 59)),
        (at(12), at(23, 59, 59)),
        (at(21, 59, 59), at(23, 59, 59)),
        (at(22), at(0, day=11)),
        (at(23, 30), at(1, 30, day=11)),
    ],
)
def test_the_two_hour_rule(period_end: datetime, expiration: datetime) -> None:
    """The end of the UTC day, or two hours after the period if that is later (§4)."""
    assert paid_until(period_end) == expiration


@given(MOMENTS)
def test_a_term_is_never_shorter_than_what_was_paid(period_end: datetime) -> None:
    """Always two hours for Stripe to draft the next invoice, never more than a day."""
    assert timedelta(hours=2) <= paid_until(period_end) - period_end <= DAY


def test_a_term_is_never_moved_backwards() -> None:
    """Nor is a lifetime membership given an end."""
    assert moved_forward(NOW, NOW + DAY, bills_again=True)
    assert not moved_forward(NOW, NOW, bills_again=True)
    assert not moved_forward(NOW, NOW - DAY, bills_again=True)
    assert not moved_forward(None, NOW, bills_again=False)
    assert moved_forward(None, NOW, bills_again=True)


@pytest.mark.parametrize(
    ("days", "rung"),
    [(0, Rung.GRACE), (2, Rung.GRACE), (3, Rung.ON_HOLD), (16, Rung.ON_HOLD), (17, Rung.EXPIRED)],
)
def test_the_rungs_of_the_ladder(days: int, rung: Rung) -> None:
    """Three days of grace, two weeks on hold, then expired."""
    assert LADDER.rung(NOW - days * DAY, NOW) is rung


def test_a_rung_of_no_days_is_skipped() -> None:
    """As the operator configures it."""
    assert Ladder(0, 14).rung(NOW, NOW) is Rung.ON_HOLD
    assert Ladder(0, 0).rung(NOW, NOW) is Rung.EXPIRED


@given(MOMENTS, st.integers(0, 60))
def test_the_ladder_goes_down_exactly_when_it_says(since: datetime, days: int) -> None:
    """Between two looks nothing changes; at the look it does."""
    now = since + days * DAY
    look = LADDER.next_rung_at(since, now)
    if look is None:
        assert LADDER.rung(since, now) is Rung.EXPIRED
    else:
        assert LADDER.rung(since, look - timedelta(seconds=1)) is LADDER.rung(since, now)
        assert LADDER.rung(since, look) is not LADDER.rung(since, now)


@pytest.mark.parametrize(
    ("subscriptions", "invoices", "standing"),
    [
        ([], [], Standing.UNKNOWN),
        ([subscription("incomplete")], [], Standing.UNKNOWN),
        ([subscription("active")], [invoice("paid")], Standing.GOOD),
        ([subscription("trialing")], [], Standing.GOOD),
        ([subscription("active")], [invoice("open")], Standing.GRACE),
        ([subscription("past_due")], [invoice("open", days_ago=5)], Standing.ON_HOLD),
        ([subscription("past_due")], [invoice("open", days_ago=50)], Standing.EXPIRED),
        ([subscription("active")], [invoice("void", days_ago=50)], Standing.GOOD),
        ([subscription("active")], [invoice("uncollectible")], Standing.EXPIRED),
        ([subscription("active")], [invoice("open", failed=False)], Standing.GOOD),
        ([subscription("active")], [invoice("open", renews=False)], Standing.GOOD),
        ([subscription("active")], [invoice("open", subscription="sub_old")], Standing.GOOD),
        ([subscription("paused")], [], Standing.PAUSED),
        ([subscription("unpaid", period_start=NOW - 5 * DAY)], [], Standing.ON_HOLD),
        ([subscription("canceled", ended_at=NOW)], [], Standing.GOOD),
        ([subscription("canceled", ended_at=NOW - DAY)], [], Standing.ENDED),
        ([subscription("canceled", unpaid_end=True)], [], Standing.EXPIRED),
        ([subscription("past_due", ours=False)], [invoice("open")], Standing.UNKNOWN),
        (
            [subscription("canceled", key="sub_0", ended_at=NOW - DAY), subscription("active")],
            [],
            Standing.GOOD,
        ),
    ],
)
def test_what_is_seen_decides_how_it_stands(
    subscriptions: list[BilledSubscription], invoices: list[BilledInvoice], standing: Standing
) -> None:
    """Whatever the order in which it was seen."""
    for order in itertools.permutations(subscriptions):
        assert judge(order, invoices, now=NOW, ladder=LADDER).standing is standing


def test_an_end_is_certain_after_a_while() -> None:
    """Until then another subscription may take its place."""
    ended = [subscription("canceled", ended_at=NOW)]
    verdict = judge(ended, [], now=NOW, ladder=LADDER)
    assert verdict.look_at == NOW + REPLACEMENT_PATIENCE
    later = judge(ended, [], now=NOW + REPLACEMENT_PATIENCE, ladder=LADDER)
    assert later.standing is Standing.ENDED


ACTIVE, HOLD, EXPIRED, CANCELLED, TRIALING, PENDING = (
    MembershipStatus.ACTIVE,
    MembershipStatus.ON_HOLD,
    MembershipStatus.EXPIRED,
    MembershipStatus.CANCELLED,
    MembershipStatus.TRIALING,
    MembershipStatus.PENDING,
)


@pytest.mark.parametrize(
    ("standing", "current", "becomes"),
    [
        (Standing.GOOD, ACTIVE, ACTIVE),
        (Standing.GOOD, HOLD, HOLD),
        (Standing.GRACE, ACTIVE, ACTIVE),
        (Standing.ON_HOLD, ACTIVE, HOLD),
        (Standing.ON_HOLD, TRIALING, HOLD),
        (Standing.ON_HOLD, EXPIRED, EXPIRED),
        (Standing.ON_HOLD, PENDING, PENDING),
        (Standing.PAUSED, TRIALING, HOLD),
        (Standing.EXPIRED, ACTIVE, EXPIRED),
        (Standing.EXPIRED, HOLD, EXPIRED),
        (Standing.ENDED, ACTIVE, CANCELLED),
        (Standing.ENDED, EXPIRED, CANCELLED),
        (Standing.UNKNOWN, HOLD, HOLD),
        *[(standing, CANCELLED, CANCELLED) for standing in Standing],
    ],
)
def test_the_status_that_follows(
    standing: Standing, current: MembershipStatus, becomes: MembershipStatus
) -> None:
    """Never back from cancelled, never up from what somebody else lowered."""
    assert status_for(Verdict(standing), current, lowered_to="", lowered_from="") is becomes


@pytest.mark.parametrize("standing", [Standing.GOOD, Standing.GRACE])
def test_what_was_lowered_is_raised_again(standing: Standing) -> None:
    """To what it was; but not when the operator has moved it since."""
    verdict = Verdict(standing)
    assert status_for(verdict, HOLD, lowered_to="on-hold", lowered_from="trialing") is TRIALING
    assert status_for(verdict, EXPIRED, lowered_to="on-hold", lowered_from="active") is EXPIRED
