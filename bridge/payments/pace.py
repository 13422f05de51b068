"""A steady pace of requests, so that nobody need tell us to slow down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Lets requests begin at least ``1 / per_second`` apart, in the order they come; 0: no limit.

    Time that was lost is not made up for: requests never come in bursts.

    Stripe allows 25 requests a second in test mode and 100 in live mode
    (https://docs.stripe.com/rate-limits). Safe to share between threads.
    """

    def __init__(
        self,
        per_second: float = 20.0,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 1.0 / per_second if per_second > 0 else 0.0
        self._monotonic = monotonic
        self._sleep = sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next request may begin."""
        with self._lock:
            now = self._monotonic()
            begin = max(now, self._next)
            self._next = begin + self._gap
        if begin > now:
            self._sleep(begin - now)
