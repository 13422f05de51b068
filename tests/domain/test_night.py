"""The hours in which a network may be worked hard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.night import InvalidNight, Night

PARIS = Night.parse("01:00-05:00", zone="Europe/Paris")
OVER_MIDNIGHT = Night.parse("22:30 - 4:00")


def utc(day: int, hour: int, minute: int = 0, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_hours_are_of_the_networks_clock() -> None:
    """One o'clock in Paris is midnight UTC in winter."""
    assert not PARIS.holds(utc(24, 23, 59))
    assert PARIS.holds(utc(25, 0))
    assert PARIS.holds(utc(25, 3, 59))
    assert not PARIS.holds(utc(25, 4))
    assert PARIS.words == "01:00-05:00"


def test_a_night_may_go_over_midnight() -> None:
    """From the evening to the morning."""
    assert [OVER_MIDNIGHT.holds(utc(24, hour)) for hour in (22, 23, 0, 3, 4, 12)] == [
        False,
        True,
        True,
        True,
        False,
        False,
    ]
    assert OVER_MIDNIGHT.length == timedelta(hours=5, minutes=30)


def test_the_next_night_is_never_the_one_that_has_begun() -> None:
    """Nor the moment itself."""
    assert PARIS.next(utc(24, 12)) == utc(25, 0)
    assert PARIS.next(utc(25, 0)) == utc(26, 0)
    assert PARIS.next(utc(25, 2)) == utc(26, 0)


def test_clocks_are_changed_at_night() -> None:
    """The begin stays at one o'clock there, an hour earlier in UTC."""
    assert PARIS.next(utc(28, 12, month=3)) == utc(29, 0, month=3)
    assert PARIS.next(utc(29, 12, month=3)) == utc(29, 23, month=3)


@pytest.mark.parametrize(
    "text", ["", "1-5", "01:00", "25:00-05:00", "01:60-02:00", "03:00-03:00", "01:00-05:00 UTC"]
)
def test_other_texts_are_refused(text: str) -> None:
    """With an example of what is expected."""
    with pytest.raises(InvalidNight, match="01:00-05:00"):
        Night.parse(text)
