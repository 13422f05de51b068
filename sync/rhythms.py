"""How often a job is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Protocol

from bridge.domain.night import Night

_SPREAD = 7
_HOUR = 60


class Rhythm(Protocol):
    """When a job is due. ``night`` is when the network may be worked hard, if not always."""

    @property
    def words(self) -> str:
        """For a person, such as ``every 5 minutes``."""

    def after(self, now: datetime, network_id: int, night: Night | None = None) -> datetime:
        """When it is due again after it ended in order, or was never done."""

    def retry(self, now: datetime, failures: int) -> datetime:
        """When it is tried again after the so many-th failure in a row."""

    def not_before(self, moment: datetime, night: Night | None) -> datetime:
        """A moment, or the first one after it at which the job may be under way."""


@dataclass(frozen=True, slots=True)
class Every:
    """So long after it ended."""

    pause: timedelta

    @property
    def words(self) -> str:
        """In minutes."""
        minutes = self.pause.total_seconds() / 60
        return "every minute" if minutes == 1 else f"every {minutes:g} minutes"

    def after(self, now: datetime, network_id: int, night: Night | None = None) -> datetime:
        """One pause later."""
        return now + self.pause

    def retry(self, now: datetime, failures: int) -> datetime:
        """Later with every failure, an hour at most or its usual pause."""
        return now + min(
            self.pause * (1 << min(failures - 1, 10)), max(self.pause, timedelta(hours=1))
        )

    def not_before(self, moment: datetime, night: Night | None) -> datetime:
        """By day, too: it asks for little."""
        return moment


@dataclass(frozen=True, slots=True)
class Nightly:
    """Once a day, networks some minutes apart: at a time of day in UTC, or in the network's own
    night once ``share`` of it has passed.
    """

    at: time
    share: float = 0.0

    @property
    def words(self) -> str:
        """With its time."""
        return f"nightly at {self.at:%H:%M} UTC, or in the network's night"

    def after(self, now: datetime, network_id: int, night: Night | None = None) -> datetime:
        """The next time of day, or the next night."""
        minutes = network_id * _SPREAD % _HOUR
        if night is None:
            due = datetime.combine(now.astimezone(UTC).date(), self.at, UTC)
            due += timedelta(minutes=minutes)
            return due if due > now else due + timedelta(days=1)
        into = night.length * (self.share + minutes / _HOUR / 4)
        begun = night.next(now - timedelta(days=1))
        return begun + into if begun + into > now else night.next(now) + into

    def retry(self, now: datetime, failures: int) -> datetime:
        """A quarter of an hour later, four hours at most."""
        return now + min(timedelta(minutes=15) * (1 << min(failures - 1, 10)), timedelta(hours=4))

    def not_before(self, moment: datetime, night: Night | None) -> datetime:
        """In the network's night only."""
        return moment if night is None or night.holds(moment) else night.next(moment)
