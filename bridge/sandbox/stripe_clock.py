"""A clock that tests and demonstrations move."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from bridge.errors import InvalidInput


class ClockMovedBack(InvalidInput):
    """The clock shows {now}, which is after {then}."""

    hint = "Time only goes forward."


class SandboxClock:
    """Shows a time that stands still, or runs with another clock, and can be moved forward.

    Args:
        start: The time at first, aware.
        base: A clock to run with from there; without one time stands still.
    """

    def __init__(self, start: datetime, *, base: Callable[[], datetime] | None = None) -> None:
        self._lock = threading.Lock()
        self._base = base
        self._begun = base() if base else start
        self._time = start

    def __call__(self) -> datetime:
        """The time now."""
        with self._lock:
            return self._now()

    def advance(self, by: timedelta) -> None:
        """Move forward by so much."""
        self.move_to(self() + by)

    def move_to(self, then: datetime) -> None:
        """Move forward to this time.

        Raises:
            ClockMovedBack: it is past already.
        """
        with self._lock:
            now = self._now()
            if then < now:
                raise ClockMovedBack(now=now, then=then)
            self._time += then - now

    def _now(self) -> datetime:
        passed = self._base() - self._begun if self._base else timedelta(0)
        return self._time + passed
