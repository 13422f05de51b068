"""How often a job is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Protocol

_SPREAD = 7
_HOUR = 60


class Rhythm(Protocol):
    """When a job is due."""

    @property
    def words(self) -> str:
        """For a person, such as ``every 5 minutes``."""

    def after(self, now: datetime, network_id: int) -> datetime:
        """When it is due again after it ended in order, or was never done."""

    def retry(self, now: datetime, failures: int) -> datetime:
        """When it is tried again after the so many-th failure in a row."""


@dataclass(frozen=True, slots=True)
class Every:
    """So long after it ended."""

    pause: timedelta

    @property
    def words(self) -> str:
        """In minutes."""
        minutes = self.pause.total_seconds() / 60
        return "every minute" if minutes == 1 else f"every {minutes:g} minutes"

    def after(self, now: datetime, network_id: int) -> datetime:
        """One pause later."""
        return now + self.pause

    def retry(self, now: datetime, failures: int) -> datetime:
        """Later with every failure, an hour at most or its usual pause."""
        return now + min(
            self.pause * (1 << min(failures - 1, 10)), max(self.pause, timedelta(hours=1))
        )


@dataclass(frozen=True, slots=True)
class Nightly:
    """Once a day at a time of day in UTC, networks some minutes apart."""

    at: time

    @property
    def words(self) -> str:
        """With its time."""
        return f"nightly at {self.at:%H:%M} UTC"

    def after(self, now: datetime, network_id: int) -> datetime:
        """The next time of day."""
        due = datetime.combine(now.astimezone(UTC).date(), self.at, UTC)
        due += timedelta(minutes=network_id * _SPREAD % _HOUR)
        return due if due > now else due + timedelta(days=1)

    def retry(self, now: datetime, failures: int) -> datetime:
        """A quarter of an hour later, four hours at most."""
        return now + min(timedelta(minutes=15) * (1 << min(failures - 1, 10)), timedelta(hours=4))
