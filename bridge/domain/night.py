"""The hours of a day in which a network may be worked hard."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from bridge.errors import InvalidInput

_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*[-–]\s*([01]?\d|2[0-3]):([0-5]\d)")


class InvalidNight(InvalidInput):
    """{text!r} are no hours of a night."""

    hint = "Expected the beginning and the end, such as 01:00-05:00 or 22:30-04:00."


@dataclass(frozen=True, slots=True)
class Night:
    """From one time of day to another, by the wall clock of a time zone; over midnight if
    the second is the earlier one.
    """

    begin: time
    end: time
    zone: str = "UTC"

    @classmethod
    def parse(cls, text: str, *, zone: str = "UTC") -> Self:
        """Read ``01:00-05:00``.

        Raises:
            InvalidNight: it is something else, or lasts no time.
        """
        found = _HOURS.fullmatch(text.strip())
        if found is None:
            raise InvalidNight(text=text)
        hour, minute, end_hour, end_minute = (int(each) for each in found.groups())
        begin, end = time(hour, minute), time(end_hour, end_minute)
        if begin == end:
            raise InvalidNight(text=text)
        return cls(begin, end, zone)

    @property
    def words(self) -> str:
        """The hours as `parse` reads them."""
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"

    def holds(self, moment: datetime) -> bool:
        """Whether it is night at a moment; the end is day again."""
        now = moment.astimezone(ZoneInfo(self.zone)).time()
        if self.begin < self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end

    def next(self, moment: datetime) -> datetime:
        """When the next night begins, in UTC; the one that has begun does not count."""
        zone = ZoneInfo(self.zone)
        day = moment.astimezone(zone).date()
        for ahead in range(3):
            found = datetime.combine(day + timedelta(days=ahead), self.begin, zone).astimezone(UTC)
            if found > moment:
                return found
        raise AssertionError("a time of day comes every day")

    @property
    def length(self) -> timedelta:
        """How long a night without a change of clocks lasts."""
        begin, end = (timedelta(hours=at.hour, minutes=at.minute) for at in (self.begin, self.end))
        return (end - begin) % timedelta(days=1)
