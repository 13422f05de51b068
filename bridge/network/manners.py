"""How hard a network is asked, by everybody in this process together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext


class Manners:
    """Lets requests begin ``1 / per_second`` apart and run ``at_once`` at a time; 0: no limit.

    Time that was lost is not made up for: requests never come in bursts. Safe to share
    between threads.
    """

    def __init__(
        self,
        *,
        per_second: float = 0.0,
        at_once: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 1.0 / per_second if per_second > 0 else 0.0
        self._places = threading.BoundedSemaphore(at_once) if at_once > 0 else nullcontext()
        self._monotonic = monotonic
        self._sleep = sleep
        self._next = float("-inf")
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and keep it while one request is made."""
        with self._places:
            self._wait()
            yield

    def _wait(self) -> None:
        if not self._gap:
            return
        with self._lock:
            now = self._monotonic()
            begin = max(now, self._next)
            self._next = begin + self._gap
        if begin > now:
            self._sleep(begin - now)


NO_LIMITS = Manners()
"""Requests need not wait for each other."""
