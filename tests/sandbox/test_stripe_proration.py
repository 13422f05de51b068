"""Periods and prorations, as arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sandbox.stripe_periods import Cycle, Span, day_text
from bridge.sandbox.stripe_proration import Priced, part, prorate


def at(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp())  # type: ignore[misc]


MONTH = Cycle("month", 1)
TIMES = st.integers(at(2020, 1, 1), at(2035, 1, 1))
CYCLES = st.builds(
    Cycle, st.sampled_from(["day", "week", "month", "year"]), st.integers(min_value=1, max_value=3)
)


def priced(item: str, unit: int, quantity: int = 1, discount: int = 0) -> Priced:
    return Priced(item, f"price_{unit}", Decimal(unit), quantity, Decimal(discount))


class TestPeriods:
    def test_the_last_day_of_a_short_month_stands_for_the_31st(self) -> None:
        """Counted from the anchor, so March has its 31st again."""
        anchor = at(2026, 1, 31, 10)
        boundaries = [MONTH.boundary(anchor, number) for number in range(4)]
        assert boundaries == [
            at(2026, 1, 31, 10), at(2026, 2, 28, 10), at(2026, 3, 31, 10), at(2026, 4, 30, 10),
        ]  # fmt: skip

    def test_a_leap_day_has_its_birthday_on_the_28th(self) -> None:
        year = Cycle("year", 1)
        assert year.boundary(at(2024, 2, 29), 1) == at(2025, 2, 28)
        assert year.boundary(at(2024, 2, 29), 4) == at(2028, 2, 29)

    def test_weeks_and_days(self) -> None:
        assert Cycle("week", 2).boundary(at(2026, 1, 1), 1) == at(2026, 1, 15)
        assert Cycle("day", 10).boundary(at(2026, 1, 1), -1) == at(2025, 12, 22)

    @given(cycle=CYCLES, anchor=TIMES, when=TIMES)
    def test_every_time_is_in_exactly_one_period(
        self, cycle: Cycle, anchor: int, when: int
    ) -> None:
        span = cycle.span_around(anchor, when)
        assert span.start <= when < span.end
        assert cycle.span_around(anchor, span.end).start == span.end

    def test_days_as_stripe_writes_them(self) -> None:
        assert day_text(at(2026, 1, 5)) == "05 Jan 2026"


class TestProration:
    def test_to_the_second(self) -> None:
        """2000 for 31 days, changed after 10 days, 0 hours, 0 minutes and 1 second."""
        span = Span(at(2026, 1, 1), at(2026, 2, 1))
        moment = at(2026, 1, 11, 0, 0, 1)
        lines = prorate(
            [priced("si", 2000)], [priced("si", 5000)], span=span, at=moment, restarts=False
        )
        left = span.end - moment
        assert [line.amount for line in lines] == [
            -round(2000 * left / span.seconds), round(5000 * left / span.seconds),
        ]  # fmt: skip
        assert [line.amount for line in lines] == [-1355, 3387]
        assert all(line.span == Span(moment, span.end) for line in lines)

    @pytest.mark.parametrize(("amount", "half"), [(101, 51), (103, 52), (1, 1), (-101, -51)])
    def test_halves_go_away_from_zero(self, amount: int, half: int) -> None:
        assert part(amount, Span(0, 100), 50) == half

    def test_what_does_not_change_has_no_line(self) -> None:
        kept = priced("si_kept", 500)
        lines = prorate(
            [kept, priced("si", 2000)], [kept], span=Span(0, 100), at=50, restarts=False
        )
        assert [(line.of.item, line.amount) for line in lines] == [("si", -1000)]

    def test_a_new_cycle_credits_everything_and_charges_nothing_for_the_rest(self) -> None:
        kept = priced("si_kept", 500)
        lines = prorate([kept], [kept], span=Span(0, 100), at=25, restarts=True)
        assert [line.amount for line in lines] == [-375]

    def test_a_quantity_is_credited_and_charged_as_a_whole(self) -> None:
        lines = prorate(
            [priced("si", 1000, 2)], [priced("si", 1000, 5)], span=Span(0, 100), at=50,
            restarts=False,
        )  # fmt: skip
        assert [line.amount for line in lines] == [-1000, 2500]

    def test_discounts_count(self) -> None:
        lines = prorate(
            [priced("si", 1000, discount=25)], [], span=Span(0, 100), at=50, restarts=False
        )
        assert [line.amount for line in lines] == [-375]

    def test_nothing_is_left_at_the_end(self) -> None:
        assert not prorate(
            [priced("si", 1000)], [priced("si", 9000)], span=Span(0, 100), at=100, restarts=False
        )

    @given(
        amount=st.integers(0, 10**8), start=TIMES, seconds=st.integers(1, 10**8), where=st.data()
    )
    def test_a_part_is_never_more_than_the_whole(
        self, amount: int, start: int, seconds: int, where: st.DataObject
    ) -> None:
        span = Span(start, start + seconds)
        moment = where.draw(st.integers(span.start, span.end))
        assert 0 <= part(amount, span, moment) <= amount
        assert part(amount, span, span.start) == amount
