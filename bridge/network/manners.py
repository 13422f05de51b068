"""How hard a network is asked, by everybody in this process together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext


class Manners:
    """Asks ``wait`` before each request begins, and lets ``at_once`` run at a time; 0: no limit.

    Safe to share between threads, if ``wait`` is.
    """

    def __init__(self, *, wait: Callable[[], None] = lambda: None, at_once: int = 0) -> None:
        self._wait = wait
        self._places = threading.BoundedSemaphore(at_once) if at_once > 0 else nullcontext()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and keep it while one request is made."""
        with self._places:
            self._wait()
            yield


NO_LIMITS = Manners()
"""Requests need not wait for each other."""
