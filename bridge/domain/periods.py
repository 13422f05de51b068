"""Billing periods: ``1 month``, ``12 month``, ``1 year``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from bridge.errors import InvalidPeriod

UNITS = ("day", "week", "month", "year")

DAY = 10_000  # parts of a day, enough to count the plugin's months in whole numbers

# The plugin's day counts, exact (domain/plan-changes.md §4).
_DAY_PARTS = {"day": DAY, "week": 7 * DAY, "month": 304_375, "year": 3_652_500}

_COUNT = re.compile(r"[0-9]{1,4}")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A length of time in the network's own words: a count and a unit of `UNITS`."""

    count: int
    unit: str

    def __post_init__(self) -> None:
        if self.unit not in _DAY_PARTS or self.count < 0:
            raise InvalidPeriod(value=f"{self.count}-{self.unit}")

    @property
    def days(self) -> Fraction:
        """Length in days by the plugin's table: month 30.4375, year 365.25."""
        return Fraction(self.day_parts, DAY)

    @property
    def day_parts(self) -> int:
        """Length in ten-thousandths of a day."""
        return self.count * _DAY_PARTS[self.unit]

    @property
    def key(self) -> str:
        """The form used in discount restrictions, URLs and the command line: ``1-month``."""
        return f"{self.count}-{self.unit}"

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read ``1-month`` or ``1 month``.

        Raises:
            InvalidPeriod: when the text is not a count and a unit of `UNITS`.
        """
        count, _, unit = text.strip().replace(" ", "-").partition("-")
        if not _COUNT.fullmatch(count):
            raise InvalidPeriod(value=text)
        return cls(int(count), unit.strip().removesuffix("s"))

    def same_length(self, other: Period) -> bool:
        """Equal, or 12 months against 1 year (domain/plan-changes.md §3)."""
        if self.unit == other.unit:
            return self.count == other.count
        return {(self.count, self.unit), (other.count, other.unit)} == _SAME


_SAME = {(12, "month"), (1, "year")}
