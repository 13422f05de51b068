"""A set pace: so many a second at most."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """Waits before each turn so that there are at most ``per_second`` of them; 0: no wait.

    Time that was lost is not made up for: turns never come in bursts.
    """

    def __init__(
        self,
        per_second: float,
        *,
        sleep: Callable[[float], object] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._between = 1 / per_second if per_second > 0 else 0.0
        self._sleep = sleep
        self._monotonic = monotonic
        self._next = float("-inf")

    def wait(self) -> None:
        """Wait for the next turn."""
        now = self._monotonic()
        if now < self._next:
            self._sleep(self._next - now)
            now = self._next
        self._next = now + self._between
